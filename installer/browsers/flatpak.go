package browsers

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A program in a Flatpak sandbox has access neither to /usr of the system nor to the
// PC/SC daemon, so it cannot load the module. Instead a p11-kit server of the user
// loads the module outside of the sandbox and serves it on a socket in the runtime
// directory. The program loads p11-kit-client.so, which every freedesktop runtime
// contains. This needs three places: the unit that runs the server, the override
// that permits the socket and its address in the sandbox, and the program's list of
// modules. They are installed on request only ([Options].Flatpak), because the
// override gives a program more rights than its vendor did.
const (
	serverDir     = "cie-p11-kit"
	serverUnit    = "cie-p11-kit.service"
	p11KitCommand = "/usr/bin/p11-kit"
)

// serverPrograms is where distributions have what "p11-kit server" runs.
var serverPrograms = []string{"/usr/libexec/p11-kit/p11-kit-server", "/usr/lib/p11-kit/p11-kit-server"}

// flatpakClient is p11-kit's client inside the sandbox.
var flatpakClient = "/usr/lib/" + triplets[runtime.GOARCH] + "/pkcs11/p11-kit-client.so"

// ReasonNoServer means that the server of p11-kit is not installed.
const ReasonNoServer Reason = "no-p11-kit"

// ReasonOtherServer means that the sandbox already uses another p11-kit server.
const ReasonOtherServer Reason = "other-p11-kit-server"

// flatpakTargets returns the targets for the programs installed by Flatpak.
func (e *Env) flatpakTargets(browsers []Browser) []Target {
	var list []Target
	for _, b := range browsers {
		a, ok := e.appByID(b.ID)
		if !ok || b.Packaging != PackageFlatpak || a.family == NSSUser {
			continue
		}
		if len(list) == 0 {
			list = append(list, e.serverTarget())
			if list[0].State().Reason == ReasonNoServer {
				return list
			}
		}
		list = append(list, e.overrideTarget(a))
		home := filepath.Join(e.Home, ".var", "app", a.flatpak)
		dirs := []string{filepath.Join(home, ".pki", "nssdb")}
		if a.family == Gecko {
			dirs = nil
			for _, p := range b.Profiles {
				if p.Exists {
					dirs = append(dirs, p.Dir)
				}
			}
		}
		for _, dir := range dirs {
			t := e.nssTarget(KindNSSDatabase, dir, []string{a.id})
			if a.family == Gecko {
				t.kind = KindGeckoProfile
			}
			// The path is one inside the sandbox.
			t.codec, t.moduleless = pkcs11Txt{flatpakClient}, true
			list = append(list, t)
		}
	}
	return list
}

// serverAddress returns the address of the socket in the runtime directory, the same
// for the server and the sandbox.
func (e *Env) serverAddress() string {
	return "unix:path=" + filepath.Join(e.RuntimeDir, serverDir, "pkcs11")
}

// overrideTarget returns the file of the user's overrides for one application
// (flatpak-override(1), flatpak-metadata(5)).
func (e *Env) overrideTarget(a app) Target {
	return &fileTarget{
		env: e, kind: KindFlatpakOverride, scope: ScopeUser,
		path:     filepath.Join(e.DataHome, "flatpak", "overrides", a.flatpak),
		programs: []string{a.id}, codec: override{e.serverAddress()},
		fileMode: 0o644, dirMode: 0o755, moduleless: true,
	}
}

// override is the codec of an override.
type override struct{ address string }

const (
	contextGroup, filesystemsKey = "Context", "filesystems"
	environmentGroup, addressKey = "Environment", "P11_KIT_SERVER_ADDRESS"
	sharedDir                    = "xdg-run/" + serverDir
)

func (c override) inspect(b []byte) State {
	if err := checkKeyFile(b); err != nil {
		return damaged(ReasonSyntax, err)
	}
	k, _, _ := keyFind(b, environmentGroup, addressKey)
	fs, _, _ := keyFind(b, contextGroup, filesystemsKey)
	shared := slices.Contains(keyList(fs.value), sharedDir)
	switch {
	case k.value != "" && k.value != c.address && !strings.Contains(k.value, serverDir):
		return damaged(ReasonOtherServer, fmt.Errorf("%s=%s", addressKey, k.value))
	case k.value == c.address && shared:
		return State{Status: Registered}
	case k.value != "" || shared:
		return State{Status: Elsewhere}
	}
	return State{Status: Absent}
}

func (c override) install(b []byte) ([]byte, error) {
	fs, _, _ := keyFind(b, contextGroup, filesystemsKey)
	dirs := keyList(fs.value)
	if !slices.Contains(dirs, sharedDir) {
		dirs = append(dirs, sharedDir)
	}
	b = keySet(b, contextGroup, filesystemsKey, strings.Join(dirs, ";")+";")
	return keySet(b, environmentGroup, addressKey, c.address), nil
}

func (c override) remove(b []byte) ([]byte, bool, error) {
	if k, ok, _ := keyFind(b, environmentGroup, addressKey); ok && strings.Contains(k.value, serverDir) {
		b = keyDelete(b, environmentGroup, addressKey)
	}
	if fs, ok, _ := keyFind(b, contextGroup, filesystemsKey); ok {
		dirs := keyList(fs.value)
		rest := slices.DeleteFunc(slices.Clone(dirs), func(d string) bool { return d == sharedDir })
		switch {
		case len(rest) == len(dirs):
		case len(rest) == 0:
			b = keyDelete(b, contextGroup, filesystemsKey)
		default:
			b = keySet(b, contextGroup, filesystemsKey, strings.Join(rest, ";")+";")
		}
	}
	return b, len(strings.TrimSpace(string(b))) == 0, nil
}

// serverTargets is the unit of the p11-kit server and its link into the units
// that start with the user's session, as `systemctl --user enable` makes it.
type serverTarget struct {
	*fileTarget
	link string
}

func (e *Env) serverTarget() Target {
	dir := filepath.Join(e.ConfigHome, "systemd", "user")
	t := &fileTarget{
		env: e, kind: KindP11KitServerUnit, scope: ScopeUser, path: filepath.Join(dir, serverUnit),
		codec: unitFile{e.Module}, fileMode: 0o644, dirMode: 0o755, ownFile: true,
	}
	t.missing = func() State {
		// Fedora has the server in a package of its own.
		if !exists(e.sys(p11KitCommand)) || !slices.ContainsFunc(serverPrograms, func(p string) bool { return exists(e.sys(p)) }) {
			return State{Status: Unavailable, Reason: ReasonNoServer}
		}
		return State{}
	}
	return &serverTarget{t, filepath.Join(dir, "default.target.wants", serverUnit)}
}

// unitFile is the codec of the unit.
type unitFile struct{ module string }

func (c unitFile) text() string {
	return "[Unit]\n" +
		"Description=Electronic identity card for programs in sandboxes\n" +
		"\n" +
		"[Service]\n" +
		"RuntimeDirectory=" + serverDir + "\n" +
		"RuntimeDirectoryMode=0700\n" +
		"ExecStart=" + p11KitCommand + " server -f -n %t/" + serverDir + "/pkcs11 --provider " + systemdQuote(c.module) + " pkcs11:\n" +
		"Restart=on-failure\n" +
		"\n" +
		"[Install]\n" +
		"WantedBy=default.target\n"
}

// systemdQuote writes one argument of ExecStart (systemd.service(5), Command lines).
func systemdQuote(s string) string {
	return `"` + strings.NewReplacer("%", "%%", "$", "$$").Replace(s) + `"`
}

func (c unitFile) inspect(b []byte) State {
	if string(b) == c.text() {
		return State{Status: Registered, Module: c.module}
	}
	return State{Status: Elsewhere}
}

func (c unitFile) install([]byte) ([]byte, error) { return []byte(c.text()), nil }

func (c unitFile) remove([]byte) ([]byte, bool, error) { return nil, true, nil }

func (t *serverTarget) State() State {
	s := t.fileTarget.State()
	if s.Status == Registered && !exists(t.link) {
		s.Status = Elsewhere
	}
	return s
}

func (t *serverTarget) Install() (Change, error) {
	c, err := t.fileTarget.Install()
	if err != nil {
		return c, err
	}
	if !exists(t.link) {
		unlock, err := t.env.lock(t.scope)
		if err != nil {
			return c, err
		}
		defer unlock()
		if err := t.env.journal(t.scope).ensureDir(filepath.Dir(t.link), 0o755); err != nil {
			return c, err
		}
		if err := symlink(t.path, t.link); err != nil {
			return c, err
		}
		c.Changed, c.Files = true, append(c.Files, t.link)
	}
	if c.Changed {
		// Also where only the path of the module changed: the server that runs has
		// the old one.
		t.env.systemctl("daemon-reload")
		t.env.systemctl("restart", serverUnit)
	}
	return c, nil
}

func (t *serverTarget) Remove() (Change, error) {
	if err := t.guard(); err != nil {
		return Change{}, err
	}
	var files []string
	if exists(t.link) {
		t.env.systemctl("stop", serverUnit)
		if err := removeSynced(t.link); err != nil {
			return Change{}, err
		}
		files = []string{t.link}
	}
	c, err := t.fileTarget.Remove()
	c.Files = append(files, c.Files...)
	if c.Changed = c.Changed || files != nil; c.Changed {
		t.env.systemctl("daemon-reload")
	}
	return c, err
}

// systemctl calls the user's systemd. Without systemd, or outside of a session, the
// unit starts and ends with the next session.
func (e *Env) systemctl(args ...string) {
	if e.Systemctl != nil {
		_ = e.Systemctl(args...)
	}
}

// Systemctl runs `systemctl --user` for Env.Systemctl.
func Systemctl(args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return exec.CommandContext(ctx, "systemctl", append([]string{"--user", "--quiet"}, args...)...).Run()
}
