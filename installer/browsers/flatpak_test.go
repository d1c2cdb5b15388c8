package browsers

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// flatpakHome returns a home with Firefox and Chromium from Flathub.
func flatpakHome(t *testing.T) (*Env, *[]string) {
	t.Helper()
	e := newEnv(t)
	e.RuntimeDir = "/run/user/1000"
	var calls []string
	e.Systemctl = func(args ...string) error {
		calls = append(calls, strings.Join(args, " "))
		return nil
	}
	write(t, e.sys(p11KitCommand), "x")
	write(t, e.sys(serverPrograms[0]), "x")
	write(t, e.sys("/var/lib/flatpak/app/org.mozilla.firefox/current/active/metadata"), "")
	write(t, filepath.Join(e.DataHome, "flatpak/app/org.chromium.Chromium/current/active/metadata"), "")
	write(t, e.sys("/var/lib/flatpak/app/org.kde.okular/current/active/metadata"), "")
	firefoxHome(t, filepath.Join(e.Home, ".var/app/org.mozilla.firefox/.mozilla/firefox"), "f.default")
	write(t, filepath.Join(e.DataHome, "flatpak/overrides/org.chromium.Chromium"), "[Context]\nsockets=!x11;wayland\nfilesystems=~/Music:ro;\n")
	return e, &calls
}

func TestFlatpakNeedsOption(t *testing.T) {
	e, calls := flatpakHome(t)
	before := tree(t, e.Home)
	find := func(id string) BrowserReport {
		t.Helper()
		r := e.Survey(t.Context(), Options{User: true})
		i := slices.IndexFunc(r.Browsers, func(b BrowserReport) bool { return b.ID == id && b.Packaging == PackageFlatpak })
		if i < 0 {
			t.Fatalf("%s is not found", id)
		}
		return r.Browsers[i]
	}
	// Without the option no sandbox is changed.
	if res := PlanEnable(e.Targets(Options{User: true})).Run(nil); !OK(res) {
		t.Fatalf("enable: %+v", res)
	}
	if b := find("firefox"); b.Status != Unavailable || b.WayOut != WayOutServer || b.Reason != ReasonSandboxed {
		t.Errorf("firefox: %+v", b)
	}
	if b := find("okular"); b.Status != Unavailable || b.WayOut != WayOutNative {
		t.Errorf("okular: %+v", b)
	}
	if len(*calls) > 0 {
		t.Errorf("systemctl was called: %q", *calls)
	}
	all := Options{User: true, Flatpak: true}
	if res := PlanEnable(e.Targets(all)).Run(nil); !OK(res) {
		t.Fatalf("enable: %+v", res)
	}
	for _, id := range []string{"firefox", "chromium"} {
		if b := find(id); b.Status != Registered || len(b.Targets) != 3 {
			t.Errorf("%s: %+v", id, b)
		}
	}
	if want := []string{"daemon-reload", "restart " + serverUnit}; !slices.Equal(*calls, want) {
		t.Errorf("systemctl was called: %q", *calls)
	}
	*calls = nil
	for _, r := range PlanEnable(e.Targets(all)).Run(nil) {
		if r.Change.Changed || r.Err != nil {
			t.Errorf("enabling again: %s %+v %v", r.Target.ID(), r.Change, r.Err)
		}
	}
	got := read(t, filepath.Join(e.DataHome, "flatpak/overrides/org.chromium.Chromium"))
	want := "[Context]\nsockets=!x11;wayland\nfilesystems=~/Music:ro;xdg-run/cie-p11-kit;\n\n[Environment]\nP11_KIT_SERVER_ADDRESS=unix:path=/run/user/1000/cie-p11-kit/pkcs11\n"
	if got != want {
		t.Errorf("override:\n%s\nwant:\n%s", got, want)
	}
	if list := read(t, filepath.Join(e.Home, ".var/app/org.mozilla.firefox/.mozilla/firefox/f.default/pkcs11.txt")); !strings.Contains(list, "library="+flatpakClient+"\n") {
		t.Errorf("module list:\n%s", list)
	}
	if res := PlanDisable(e.Targets(all)).Run(nil); !OK(res) {
		t.Fatalf("disable: %+v", res)
	}
	sameTree(t, "home", before, tree(t, e.Home))
	if want := []string{"stop " + serverUnit, "daemon-reload"}; !slices.Equal(*calls, want) {
		t.Errorf("systemctl was called: %q", *calls)
	}
}

func TestFlatpakWithoutP11Kit(t *testing.T) {
	for _, missing := range []string{p11KitCommand, serverPrograms[0]} {
		t.Run(filepath.Base(missing), func(t *testing.T) { withoutP11Kit(t, missing) })
	}
}

func withoutP11Kit(t *testing.T, missing string) {
	e, _ := flatpakHome(t)
	if err := os.Remove(e.sys(missing)); err != nil {
		t.Fatal(err)
	}
	targets := e.flatpakTargets(e.Browsers())
	if len(targets) != 1 {
		t.Fatalf("%d targets", len(targets))
	}
	if s := targets[0].State(); s.Status != Unavailable || s.Reason != ReasonNoServer {
		t.Errorf("state %+v", s)
	}
}

// flatpak must accept the override.
func TestFlatpakReadsOverride(t *testing.T) {
	flatpak, err := exec.LookPath("flatpak")
	if err != nil {
		t.Skip("NOT TESTED HERE: flatpak is not installed")
	}
	e, _ := flatpakHome(t)
	if res := PlanEnable(e.Targets(Options{User: true, Flatpak: true})).Run(nil); !OK(res) {
		t.Fatalf("enable: %+v", res)
	}
	cmd := exec.Command(flatpak, "override", "--user", "--show", "org.chromium.Chromium")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + e.Home, "XDG_DATA_HOME=" + e.DataHome, "DBUS_SESSION_BUS_ADDRESS=disabled:"}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("flatpak: %v\n%s", err, out)
	}
	for _, want := range []string{"xdg-run/cie-p11-kit", "~/Music:ro", "P11_KIT_SERVER_ADDRESS=" + e.serverAddress()} {
		if !strings.Contains(string(out), want) {
			t.Errorf("flatpak does not see %s:\n%s", want, out)
		}
	}
}

func TestOverrideKeepsOtherEntries(t *testing.T) {
	c := override{"unix:path=/run/user/1/cie-p11-kit/pkcs11"}
	ctx, env := "[Context]\nfilesystems=xdg-run/cie-p11-kit;\n", "[Environment]\nP11_KIT_SERVER_ADDRESS="+c.address+"\n"
	tests := []struct {
		name, in        string
		status          Status
		reason          Reason
		install, remove string
	}{
		{"empty", "", Absent, "", ctx + "\n" + env, ""},
		{"comment, no line break at the end", "# mine", Absent, "", "# mine\n\n" + ctx + "\n" + env, "# mine"},
		{"registered", ctx + "\n" + env, Registered, "", ctx + "\n" + env, ""},
		{
			"others around", "[Environment]\nA=b\n\n[Context]\nfilesystems=home;!host\n\n[Session Bus Policy]\na.b=talk\n", Absent, "",
			"[Environment]\nA=b\nP11_KIT_SERVER_ADDRESS=" + c.address + "\n\n[Context]\nfilesystems=home;!host;xdg-run/cie-p11-kit;\n\n[Session Bus Policy]\na.b=talk\n",
			"[Environment]\nA=b\n\n[Context]\nfilesystems=home;!host\n\n[Session Bus Policy]\na.b=talk\n",
		},
		{
			"another runtime directory", "[Environment]\nP11_KIT_SERVER_ADDRESS=unix:path=/run/user/2/cie-p11-kit/pkcs11\n", Elsewhere, "",
			env + "\n" + ctx, "",
		},
		{"another server", "[Environment]\nP11_KIT_SERVER_ADDRESS=unix:path=/x\n", Damaged, ReasonOtherServer, "", ""},
		{"no key file", "hello\n", Damaged, ReasonSyntax, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := c.inspect([]byte(tt.in))
			if s.Status != tt.status || s.Reason != tt.reason {
				t.Errorf("state %+v", s)
			}
			if tt.status == Damaged {
				return
			}
			out, err := c.install([]byte(tt.in))
			if err != nil || string(out) != tt.install {
				t.Errorf("install: %q\nwant     %q", out, tt.install)
			}
			gone, _, err := c.remove([]byte(tt.in))
			if err != nil || string(gone) != tt.remove {
				t.Errorf("remove: %q\nwant    %q", gone, tt.remove)
			}
		})
	}
}

func FuzzOverride(f *testing.F) {
	for _, s := range []string{"", "[Context]\nfilesystems=a;b\n", "[Environment]\n\n#c\n[Context]\n[Environment]\nP11_KIT_SERVER_ADDRESS=", "[a]\nb=c"} {
		f.Add([]byte(s))
	}
	c := override{"unix:path=/run/user/1/cie-p11-kit/pkcs11"}
	f.Fuzz(func(t *testing.T, in []byte) {
		if c.inspect(in).Status != Absent {
			return
		}
		out, err := c.install(in)
		if err != nil {
			t.Fatal(err)
		}
		if s := c.inspect(out); s.Status != Registered {
			t.Fatalf("%q installed to %q: %+v", in, out, s)
		}
		gone, _, err := c.remove(out)
		if err != nil {
			t.Fatal(err)
		}
		if s := c.inspect(gone); s.Status != Absent {
			t.Fatalf("%q removed to %q: %+v", out, gone, s)
		}
	})
}

func TestUnitFileIsValid(t *testing.T) {
	text := unitFile{"/opt/a b/100%/$x.so"}.text()
	if want := `ExecStart=/usr/bin/p11-kit server -f -n %t/cie-p11-kit/pkcs11 --provider "/opt/a b/100%%/$$x.so" pkcs11:` + "\n"; !strings.Contains(text, want) {
		t.Errorf("unit:\n%s", text)
	}
}
