//go:build linux

package browsertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"cie/cmd/internal/harness/await"
	"cie/cmd/internal/harness/browsertest/browser"
	"cie/cmd/internal/harness/browsertest/debian"
	"cie/cmd/internal/harness/browsertest/desktop"
	"cie/cmd/internal/harness/rotation"
	"cie/installer/browsers"
)

// packageNames are the packages of make packages.
var packageNames = []string{"cie", "cie-gui", "cie-virtual"}

// outside is what package managers and caches of the system keep for themselves.
var outside = []string{
	"/var/lib/dpkg", "/var/lib/apt", "/var/cache", "/var/log", "/var/lib/systemd/deb-systemd-helper-enabled",
	"/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp", "/etc/ld.so.cache",
	"/var/lib/rpm", "/usr/lib/sysimage", "/root/.rpmdb",
}

// clean is a fresh Debian system, and the packages as a user downloaded them.
type clean struct {
	*debian.Root
	t *testing.T
}

// newClean makes the system with everything that the packages depend on, and
// nothing of them.
func newClean(t *testing.T, debs []string, more ...string) *clean {
	t.Helper()
	root, err := debian.New(t.Context(), "bookworm")
	if errors.Is(err, debian.ErrUnable) {
		absent(t, "%v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := root.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &clean{root, t}
	// What apt would bring with the packages is brought first, so that the two
	// can be distinguished at the end.
	plan := c.run(append([]string{"apt-get", "--simulate", "install"}, c.download(debs)...)...)
	needed := more
	for line := range strings.Lines(plan) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "Inst" && !slices.Contains(packageNames, f[1]) {
			needed = append(needed, f[1])
		}
	}
	if !slices.Contains(needed, "pcscd") {
		t.Errorf("apt does not bring pcscd with the packages: %q", needed)
	}
	if err := root.Install(t.Context(), needed...); err != nil {
		t.Fatal(err)
	}
	return c
}

// with returns the same system in another test.
func (c *clean) with(t *testing.T) *clean { return &clean{c.Root, t} }

// run runs a command in the system.
func (c *clean) run(args ...string) string {
	c.t.Helper()
	out, err := c.Run(c.t.Context(), args...)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// download puts package files into the system's home of root.
func (c *clean) download(files []string) []string {
	c.t.Helper()
	var list []string
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			c.t.Fatal(err)
		}
		name := "/tmp/" + filepath.Base(file)
		if err := c.Write(name, b); err != nil {
			c.t.Fatal(err)
		}
		list = append(list, name)
	}
	return list
}

func (c *clean) install(files ...string) string {
	c.t.Helper()
	return c.run(append([]string{"apt-get", "install"}, c.download(files)...)...)
}

func (c *clean) snapshot() map[string]string {
	c.t.Helper()
	tree, err := c.Snapshot(outside...)
	if err != nil {
		c.t.Fatal(err)
	}
	return tree
}

// same checks that the system is as it was.
func (c *clean) same(what string, before map[string]string) {
	c.t.Helper()
	if d := debian.Difference(before, c.snapshot()); len(d) > 0 {
		c.t.Errorf("%s:\n%s", what, strings.Join(d, "\n"))
	}
}

func (c *clean) read(name string) string {
	c.t.Helper()
	b, err := os.ReadFile(c.Path(name))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(b)
}

func (c *clean) write(name, content string) {
	c.t.Helper()
	if err := c.Write(name, []byte(content)); err != nil {
		c.t.Fatal(err)
	}
}

// packages finds the packages of this architecture in dist.
func packages(t *testing.T, format string) []string {
	t.Helper()
	arch := map[string]map[string]string{
		"deb": {"amd64": "_*_amd64.deb", "arm64": "_*_arm64.deb"},
		"rpm": {"amd64": "-[0-9]*.x86_64.rpm", "arm64": "-[0-9]*.aarch64.rpm"},
	}[format][runtime.GOARCH]
	var list []string
	for _, name := range packageNames {
		found, _ := filepath.Glob(filepath.Join("../../../../dist", name+arch))
		if len(found) != 1 {
			absent(t, "dist has %q for %s%s; make packages builds them", found, name, arch)
		}
		list = append(list, found[0])
	}
	return list
}

// earlier repacks a package as an earlier build of the same software.
func earlier(t *testing.T, file string) string {
	t.Helper()
	dir := t.TempDir()
	for _, args := range [][]string{{"dpkg-deb", "-R", file, filepath.Join(dir, "tree")}, {"sed", "-i", "s/" + versionOf(t, file) + "/0.0.0~~earlier/", filepath.Join(dir, "tree/DEBIAN/control")}} {
		if out, err := await.Command(t, args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	out := filepath.Join(dir, strings.Split(filepath.Base(file), "_")[0]+"_earlier.deb")
	if b, err := await.Command(t, "dpkg-deb", "--root-owner-group", "-Znone", "-b", filepath.Join(dir, "tree"), out).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return out
}

func versionOf(t *testing.T, file string) string {
	t.Helper()
	out, err := await.Command(t, "dpkg-deb", "-f", file, "Version").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// works checks what a user sees of the installed software without a browser.
func (c *clean) works(module string) {
	c.t.Helper()
	if out := c.run("cie-virtual", "demo"); !strings.Contains(out, "9/9") {
		c.t.Errorf("cie-virtual demo:\n%s", out)
	}
	if out := c.run("p11-kit", "list-modules"); !strings.Contains(out, module) {
		c.t.Errorf("p11-kit list-modules:\n%s", out)
	}
	var status struct {
		Module struct{ Path string }
	}
	out := c.run("cie", "browsers", "status", "--json")
	if err := json.Unmarshal([]byte(out), &status); err != nil {
		c.t.Fatalf("%v\n%s", err, out)
	}
	if status.Module.Path != module {
		c.t.Errorf("cie browsers status: module %+v, want %s", status.Module, module)
	}
	c.run("cie-gui", "-version")
	c.run("cie", "--version")
}

// window waits until the application shows its window on a screen, which shows that
// the packages it depends on have every library that it loads.
func (c *clean) window(t *testing.T) {
	dir := t.TempDir()
	d, err := desktop.Start(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := c.Command(ctx, append(append([]string{"env"}, d.Env()...), "HOME=/tmp/window", "cie-gui", "-demo")...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, err = d.WaitWindow(ctx, "CIE")
	for err == nil && ctx.Err() == nil {
		img, failed := d.Picture()
		if failed != nil {
			err = failed
		} else if colours(img) > 20 {
			// Drawn: letters have many shades, an empty window has none.
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	shots := filepath.Join("..", "..", "..", "..", "artifacts", "browsers", strings.ReplaceAll(t.Name(), "/", "-"))
	if err == nil {
		err = errors.Join(os.MkdirAll(shots, 0o755), d.Save(filepath.Join(shots, "window.png")))
	}
	err = errors.Join(err, ctx.Err())
	cancel()
	_ = cmd.Wait()
	if err != nil {
		t.Errorf("no window: %v\n%s", err, out.Bytes())
	}
}

// colours counts the colours in the middle of a picture, inside of any frame.
func colours(img *image.RGBA) int {
	seen := map[color.RGBA]bool{}
	b := img.Bounds().Inset(250)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			seen[img.RGBAAt(x, y)] = true
		}
	}
	return len(seen)
}

const policies = "/etc/firefox/policies/policies.json"

// TestDebianPackages installs the packages with apt in a clean Debian system and uses,
// upgrades and removes them there. Then come, one of them a day: an administrator's own
// policy, the tarball, and the .rpm.
func TestDebianPackages(t *testing.T) {
	rotation.Skip(t, 1, 2)
	t.Parallel()
	need(t, browser.Firefox)
	debs := packages(t, "deb")
	c := newClean(t, debs, "firefox-esr", "fonts-dejavu-core", "p11-kit")
	module := map[string]string{"amd64": "/usr/lib/x86_64-linux-gnu/pkcs11/", "arm64": "/usr/lib/aarch64-linux-gnu/pkcs11/"}[runtime.GOARCH] + browsers.ModuleFile
	before := c.snapshot()
	var old []string
	for _, file := range debs {
		old = append(old, earlier(t, file))
	}
	c.install(old...)

	t.Run("use", func(t *testing.T) {
		c := c.with(t)
		c.works(module)
		if p := c.read(policies); !strings.Contains(p, module) {
			t.Errorf("%s:\n%s", policies, p)
		}
	})
	t.Run("window", func(t *testing.T) { c.with(t).window(t) })
	t.Run("Firefox", func(t *testing.T) { c.with(t).login(t) })

	// The settings of administrator and user stay over an upgrade.
	const (
		autostart = "/etc/xdg/autostart/cie-gui.desktop"
		settings  = "/root/.config/cie/gui.json"
	)
	own := `{"policies": {"DisableTelemetry": true, "SecurityDevices": {"Add": {"` + browsers.ModuleName + `": "` + module + `"}}}}`
	set := map[string]string{policies: own, autostart: strings.Replace(c.read(autostart), "Hidden=true\n", "", 1), settings: `{"Language":"it"}`}
	created := c.read(policies)
	for name, content := range set {
		c.write(name, content)
	}
	c.install(debs...)
	if v := strings.TrimSpace(c.run("dpkg-query", "-W", "-f=${Version}", "cie")); v != versionOf(t, debs[0]) {
		t.Errorf("version %s is installed", v)
	}
	for name, content := range set {
		if got := c.read(name); got != content {
			t.Errorf("%s after the upgrade:\n%s\nwant\n%s", name, got, content)
		}
	}
	t.Run("use after the upgrade", func(t *testing.T) { c.with(t).works(module) })

	c.write(policies, created)
	c.run("rm", "-r", "/root/.config")
	c.purge()
	c.same("after apt purge", before)

	others := []struct {
		name string
		run  func(c *clean, t *testing.T)
	}{
		{"administrator", func(c *clean, t *testing.T) { c.administrator(t, debs, module, before) }},
		{"tarball", func(c *clean, t *testing.T) { c.tarball(t, before) }},
		{"rpm", func(c *clean, t *testing.T) { c.rpm(t) }},
	}
	for _, o := range rotation.Today(others, len(others)) {
		t.Run(o.name, func(t *testing.T) { o.run(c.with(t), t) })
	}
}

func (c *clean) purge() {
	c.t.Helper()
	c.run(append([]string{"apt-get", "purge"}, packageNames...)...)
	if cache := c.Path("/root/.cache"); dirExists(cache) {
		// Public data of cards and the like are the user's, not the package's.
		if err := os.RemoveAll(cache); err != nil {
			c.t.Fatal(err)
		}
	}
}

func dirExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// login logs in with Firefox in the system, in a profile in which the module is not
// registered.
func (c *clean) login(t *testing.T) {
	s := newStack(t)
	c.Binds = []string{filepath.Dir(s.home)}
	defer func() { c.Binds = nil }()
	t.Cleanup(func() {
		// Where the home was bound.
		_ = os.Remove(c.Path(filepath.Dir(s.home)))
	})
	s.wrap = c.Wrap()
	s.loginWithoutStep(t)
}

// administrator checks that an administrator's policy file is edited, not replaced, and
// that a registration removed by the administrator is not added again.
func (c *clean) administrator(t *testing.T, debs []string, module string, before map[string]string) {
	own := "{ \"policies\" :\n\t{ \"DisableTelemetry\":true }\n}"
	c.write(policies, own)
	c.install(debs...)
	if p := c.read(policies); !strings.Contains(p, module) || !strings.Contains(p, `"DisableTelemetry":true`) {
		t.Errorf("installed: %s", p)
	}
	c.run("apt-get", "remove", "cie")
	if p := c.read(policies); p != own {
		t.Errorf("removed: %s", p)
	}
	c.install(debs...)
	if p := c.read(policies); !strings.Contains(p, module) {
		t.Errorf("installed again: %s", p)
	}
	c.run("cie", "browsers", "disable", "--system")
	c.run(append([]string{"apt-get", "install", "--reinstall"}, c.download(debs)...)...)
	if p := c.read(policies); p != own {
		t.Errorf("disabled, then upgraded: %s", p)
	}
	broken := own + "}"
	c.write(policies, broken)
	c.purge()
	if out := c.install(debs...); !strings.Contains(out, policies) {
		t.Errorf("no word about a policy file with a mistake:\n%s", out)
	}
	c.purge()
	if p := c.read(policies); p != broken {
		t.Errorf("a policy file with a mistake became %s", p)
	}
	c.run("rm", "-r", "/etc/firefox")
	c.same("after the administrator", before)
}

// tarball installs without a package manager.
func (c *clean) tarball(t *testing.T, before map[string]string) {
	found, _ := filepath.Glob("../../../../dist/cie-[0-9]*-linux-" + runtime.GOARCH + ".tar.gz")
	if len(found) != 1 {
		absent(t, "dist has %q; make packages builds the tarball", found)
	}
	archive := c.download(found)[0]
	c.run("mkdir", "/tmp/unpacked")
	c.run("tar", "-C", "/tmp/unpacked", "--strip-components=1", "-xzf", archive)
	for _, prefix := range []string{"/usr/local", "/usr", "/opt/cie"} {
		if out := c.run("sh", "/tmp/unpacked/install.sh", "--prefix="+prefix); !strings.Contains(out, prefix+"/share/cie/uninstall.sh") {
			t.Errorf("install.sh:\n%s", out)
		}
		module := prefix + "/lib/pkcs11/" + browsers.ModuleFile
		if prefix == "/usr" {
			module = strings.TrimSpace(c.run("sh", "-c", "ls /usr/lib/*/pkcs11/"+browsers.ModuleFile))
		}
		if p := c.read(policies); !strings.Contains(p, module) {
			t.Errorf("%s: %s", prefix, p)
		}
		if out := c.run("p11-kit", "list-modules"); !strings.Contains(out, module) {
			t.Errorf("%s: p11-kit list-modules:\n%s", prefix, out)
		}
		if out := c.run(prefix+"/bin/cie-virtual", "demo"); !strings.Contains(out, "9/9") {
			t.Errorf("%s: cie-virtual demo:\n%s", prefix, out)
		}
		// An upgrade over itself.
		c.run("sh", "/tmp/unpacked/install.sh", "--prefix", prefix)
		c.run("sh", prefix+"/share/cie/uninstall.sh")
		c.same("after uninstall.sh from "+prefix, before)
	}
}

// rpm installs the .rpm files into the same system with rpm itself. Debian's
// packages are none to rpm, so it cannot check the dependencies.
func (c *clean) rpm(t *testing.T) {
	if _, err := exec.LookPath("rpm"); err != nil {
		absent(t, "missing: rpm; .ci/deps packages installs it on Debian")
	}
	rpms := packages(t, "rpm")
	rpm := func(args ...string) {
		t.Helper()
		line := append([]string{"rpm", "--root", c.Dir}, args...)
		if out, err := c.Outside(t.Context(), line...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", line, err, out)
		}
	}
	// Directories that systems with rpm have from the first.
	c.run("mkdir", "-p", "/etc/xdg/autostart", "/usr/lib64", "/usr/share/fish/vendor_completions.d", "/usr/share/licenses",
		"/usr/share/man/de/man1", "/usr/share/man/it/man1", "/usr/share/metainfo", "/usr/share/p11-kit/modules", "/usr/share/zsh/site-functions", "/usr/lib64/pkcs11")
	before := c.snapshot()
	var files []string
	for _, f := range rpms {
		abs, err := filepath.Abs(f)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, abs)
	}
	rpm("--initdb")
	rpm(append([]string{"-i", "--nodeps"}, files...)...)
	module := "/usr/lib64/pkcs11/" + browsers.ModuleFile
	c.works(module)
	if p := c.read(policies); !strings.Contains(p, module) {
		t.Errorf("installed: %s", p)
	}
	c.run("cie", "browsers", "disable", "--system")
	rpm(append([]string{"-U", "--nodeps", "--replacepkgs"}, files...)...)
	if dirExists(c.Path(policies)) {
		t.Errorf("disabled, then upgraded: %s", c.read(policies))
	}
	c.run("cie", "browsers", "enable", "--system")
	rpm(append([]string{"-e", "--nodeps"}, packageNames...)...)
	if err := os.RemoveAll(c.Path("/root/.cache")); err != nil {
		t.Fatal(err)
	}
	c.same(fmt.Sprintf("after rpm -e %s", strings.Join(packageNames, " ")), before)
}
