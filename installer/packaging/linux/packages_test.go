//go:build linux

package linux

import (
	"bytes"
	"debug/elf"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cie/installer/browsers"
)

var update = flag.Bool("update", false, "write the lists of files anew")

// names of the packages.
var names = []string{"cie", "cie-gui", "cie-virtual"}

var triplets = map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
var rpmArchs = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}

// absent fails the test on continuous integration and skips it elsewhere.
func absent(t *testing.T, format string, args ...any) {
	t.Helper()
	if testing.Short() {
		t.Skipf("make test looks at the packages: "+format, args...)
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf("NOT TESTED HERE: "+format, args...)
}

// need skips the test if a tool from .ci/deps packages is missing.
func need(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			absent(t, "%s is missing; .ci/deps packages installs it on Debian", tool)
		}
	}
}

func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// dist returns the output directory of make packages.
func dist(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../../dist")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// one finds the one file of a pattern in dist.
func one(t *testing.T, pattern string) string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dist(t), pattern))
	if err != nil || len(list) > 1 {
		t.Fatalf("%s: %v %v", pattern, list, err)
	}
	if len(list) == 0 {
		absent(t, "no %s in dist; make packages builds it", pattern)
	}
	return list[0]
}

func deb(t *testing.T, name, arch string) string { return one(t, name+"_*_"+arch+".deb") }

func rpm(t *testing.T, name, arch string) string {
	return one(t, name+"-[0-9]*."+rpmArchs[arch]+".rpm")
}

func tarball(t *testing.T, arch string) string { return one(t, "cie-[0-9]*-linux-"+arch+".tar.gz") }

// archs returns the architectures in dist; this machine's must be among them. "make
// packages" builds the other one later and slowly, so one that is older than this
// machine's belongs to an earlier build and is ignored.
func archs(t *testing.T) []string {
	t.Helper()
	list := []string{runtime.GOARCH}
	here, err := os.Stat(deb(t, "cie", runtime.GOARCH))
	if err != nil {
		t.Fatal(err)
	}
	for arch := range triplets {
		debs, _ := filepath.Glob(filepath.Join(dist(t), "cie_*_"+arch+".deb"))
		for _, d := range debs {
			if fi, err := os.Stat(d); err == nil && arch != runtime.GOARCH && fi.ModTime().After(here.ModTime()) {
				list = append(list, arch)
			}
		}
	}
	return list
}

// each runs body with each package of each architecture, unpacked.
func each(t *testing.T, body func(t *testing.T, name, format, arch, file, root string)) {
	need(t, "dpkg-deb", "rpm2cpio", "cpio")
	for _, arch := range archs(t) {
		for _, name := range names {
			for _, format := range []string{"deb", "rpm"} {
				t.Run(strings.Join([]string{name, format, arch}, "/"), func(t *testing.T) {
					root := t.TempDir()
					file := ""
					if format == "deb" {
						file = deb(t, name, arch)
						run(t, root, "dpkg-deb", "-x", file, root)
					} else {
						file = rpm(t, name, arch)
						// Names in a payload may begin with a slash, and cpio would use them as absolute.
						run(t, root, "sh", "-c", `rpm2cpio "$0" | cpio -idm --quiet --no-absolute-filenames`, file)
					}
					body(t, name, format, arch, file, root)
				})
			}
		}
	}
}

// list describes the files below root, without what depends on the architecture.
func list(t *testing.T, root, arch string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		name := strings.ReplaceAll(strings.TrimPrefix(path, root), triplets[arch], "TRIPLET")
		_, err = fmt.Fprintf(&b, "%v %s\n", fi.Mode(), name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s (go test -update rewrites it): is\n%s\nwant\n%s", name, got, want)
	}
}

func TestContentsAreAsListed(t *testing.T) {
	each(t, func(t *testing.T, name, format, arch, _, root string) {
		golden(t, name+"."+format+".txt", list(t, root, arch))
	})
}

// No file of a package contains the path of the build.
func TestNoPathOfTheMachine(t *testing.T) {
	var private [][]byte
	for _, variable := range []string{"GOMODCACHE", "GOCACHE", "GOMOD", "GOROOT"} {
		if v := strings.TrimSpace(run(t, ".", "go", "env", variable)); len(v) > 5 {
			if variable == "GOMOD" {
				v = filepath.Dir(v)
			}
			private = append(private, []byte(v+"/"))
		}
	}
	if len(private) < 3 {
		t.Fatalf("only %q to look for", private)
	}
	each(t, func(t *testing.T, _, _, _, _, root string) {
		files := 0
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			files++
			for _, p := range private {
				if bytes.Contains(content, p) {
					t.Errorf("%s contains %s", strings.TrimPrefix(path, root), p)
				}
			}
			return nil
		})
		if err != nil || files == 0 {
			t.Fatalf("%d files, %v", files, err)
		}
	})
}

// binaries lists the ELF files below root.
func binaries(t *testing.T, root string) map[string]*elf.File {
	t.Helper()
	found := map[string]*elf.File{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := elf.Open(path)
		if err == nil {
			found[path] = f
			t.Cleanup(func() { f.Close() })
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("%d programs, %v", len(found), err)
	}
	return found
}

// newest returns the newest version of the C library that a program requires.
func newest(t *testing.T, f *elf.File) string {
	t.Helper()
	symbols, err := f.ImportedSymbols()
	if err != nil {
		t.Fatal(err)
	}
	best := ""
	for _, s := range symbols {
		if v, ok := strings.CutPrefix(s.Version, "GLIBC_"); ok && less(best, v) {
			best = v
		}
	}
	return best
}

func less(a, b string) bool {
	var x, y [3]int
	fmt.Sscanf(a, "%d.%d.%d", &x[0], &x[1], &x[2])
	fmt.Sscanf(b, "%d.%d.%d", &y[0], &y[1], &y[2])
	return slices.Compare(x[:], y[:]) < 0
}

// Every library that a program is linked with is required, in the version it
// needs, and the architecture is the one on the label.
func TestDependenciesCoverLibraries(t *testing.T) {
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	each(t, func(t *testing.T, _, format, arch, file, root string) {
		glibc := ""
		needed := map[string]bool{}
		for path, f := range binaries(t, root) {
			if f.Machine != machines[arch] {
				t.Errorf("%s is for %v", path, f.Machine)
			}
			if len(f.Section(".text").Name) > 0 && f.Section(".debug_info") != nil {
				t.Errorf("%s is not stripped", path)
			}
			libraries, err := f.ImportedLibraries()
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range libraries {
				needed[l] = true
			}
			if v := newest(t, f); less(glibc, v) {
				glibc = v
			}
		}
		if glibc == "" || !needed["libc.so.6"] {
			t.Fatalf("libraries %v, glibc %q", needed, glibc)
		}
		if format == "rpm" {
			requires := strings.Split(run(t, ".", "rpm", "-qpR", file), "\n")
			for l := range needed {
				want := l + "()(64bit)"
				switch l {
				case "libc.so.6":
					want = "libc.so.6(GLIBC_" + glibc + ")(64bit)"
				case "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libresolv.so.2", "ld-linux-aarch64.so.1", "ld-linux-x86-64.so.2":
					continue // parts of the C library
				}
				if !slices.Contains(requires, want) {
					t.Errorf("%s is not required: %q", want, requires)
				}
			}
			return
		}
		depends := run(t, ".", "dpkg-deb", "-f", file, "Depends")
		if !strings.Contains(depends, "libc6 (>= "+glibc+")") {
			t.Errorf("glibc %s is needed, and Depends is %s", glibc, depends)
		}
		if arch == runtime.GOARCH {
			checkShlibs(t, depends, root)
		}
	})
}

// checkShlibs compares with what Debian's own tool finds.
func checkShlibs(t *testing.T, depends, root string) {
	t.Helper()
	need(t, "dpkg-shlibdeps")
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "debian"), 0o755); err != nil {
		t.Fatal(err)
	}
	control := "Source: cie\nMaintainer: nobody\n\nPackage: cie\nArchitecture: any\nDescription: x\n"
	if err := os.WriteFile(filepath.Join(dir, "debian", "control"), []byte(control), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"dpkg-shlibdeps", "-O", "--warnings=0"}
	for path := range binaries(t, root) {
		args = append(args, "-e"+path)
	}
	_, found, ok := strings.Cut(strings.TrimSpace(run(t, dir, args...)), "shlibs:Depends=")
	if !ok {
		t.Fatal("dpkg-shlibdeps printed nothing")
	}
	for _, d := range strings.Split(found, ", ") {
		name, version, _ := strings.Cut(d, " ")
		if name == "libgl1" {
			version = "" // glvnd has had all of GL from the first
		}
		i := strings.Index(", "+strings.TrimSpace(depends), ", "+name)
		if i < 0 {
			t.Errorf("%s is needed, and Depends is %s", d, depends)
			continue
		}
		if !slices.Contains(strings.Split(strings.TrimSpace(depends), ", "), strings.TrimSpace(name+" "+version)) {
			t.Errorf("%s is needed, and Depends is %s", d, depends)
		}
	}
}

// The module is at the path that the program expects, and the module file for p11-kit
// equals that of the installer.
func TestModuleFileEqualsInstallers(t *testing.T) {
	each(t, func(t *testing.T, name, format, arch, _, root string) {
		if name != "cie" {
			return
		}
		module := "/usr/lib64/pkcs11/" + browsers.ModuleFile
		if format == "deb" {
			module = "/usr/lib/" + triplets[arch] + "/pkcs11/" + browsers.ModuleFile
		}
		if _, err := os.Stat(filepath.Join(root, module)); err != nil {
			t.Error(err)
		}
		e := browsers.Env{Root: root, Home: root, Proc: root, Module: module, UID: os.Geteuid(), SudoUID: -1}
		if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, tg := range e.Targets(browsers.Options{System: true}) {
			if tg.Kind() == browsers.KindP11KitSystem {
				if s := tg.State(); s.Status != browsers.Registered || s.Module != module {
					t.Errorf("%+v", s)
				}
			}
		}
	})
}

// Exceptions are allowed only with a reason above each.
func TestOverridesHaveReasons(t *testing.T) {
	files, err := filepath.Glob("deb/*.lintian-overrides")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "rpm/rpmlint.toml") {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		exceptions := 0
		above := ""
		for line := range strings.Lines(string(b)) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "cie") || strings.HasPrefix(line, "'") {
				exceptions++
				if !strings.HasPrefix(above, "#") {
					t.Errorf("%s: no reason above %q", file, line)
				}
			}
			above = line
		}
		if exceptions == 0 {
			t.Errorf("%s has no exceptions: it can go", file)
		}
	}
}

// ofToday returns one of the packages, another one every day, or all of them with CIE_SLOW.
// It is package rotation of the harnesses, which only tests of commands can import.
func ofToday(all []string) []string {
	if os.Getenv("CIE_SLOW") != "" {
		return all
	}
	day, err := strconv.Atoi(os.Getenv("TURN"))
	if err != nil {
		day = int(time.Now().Unix() / (24 * 60 * 60))
	}
	return all[day%len(all):][:1]
}

// TestLintianAcceptsPackages runs lintian, of which a package costs half a minute, on one
// package a day.
func TestLintianAcceptsPackages(t *testing.T) {
	need(t, "lintian")
	for _, arch := range archs(t) {
		t.Run(arch, func(t *testing.T) {
			args := []string{"lintian", "--no-cfg", "--display-info", "--pedantic", "--fail-on", "error,warning,info,pedantic"}
			if os.Geteuid() == 0 {
				args = append(args, "--allow-root")
			}
			for _, name := range ofToday(names) {
				args = append(args, deb(t, name, arch))
			}
			if out := run(t, ".", args...); strings.TrimSpace(out) != "" {
				t.Errorf("lintian:\n%s", out)
			}
		})
	}
}

var rpmlintSummary = regexp.MustCompile(`(\d+) packages? and \d+ specfiles? checked; (\d+) errors?, (\d+) warnings?`)

func TestRpmlintAcceptsPackages(t *testing.T) {
	need(t, "rpmlint", "rpm", "cpio")
	// rpmlint unpacks with cpio, which without this option would write names with a
	// leading slash to the running system.
	cpio, err := exec.LookPath("cpio")
	if err != nil {
		t.Fatal(err)
	}
	tools := t.TempDir()
	if err := os.WriteFile(filepath.Join(tools, "cpio"), []byte("#!/bin/sh\nexec "+cpio+" --no-absolute-filenames \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", tools+":"+os.Getenv("PATH"))
	for _, arch := range archs(t) {
		t.Run(arch, func(t *testing.T) {
			args := []string{"rpmlint", "--config", "rpm/rpmlint.toml"}
			for _, name := range names {
				args = append(args, rpm(t, name, arch))
			}
			out := run(t, ".", args...)
			m := rpmlintSummary.FindStringSubmatch(out)
			if m == nil || m[1] != fmt.Sprint(len(names)) || m[2] != "0" || m[3] != "0" {
				t.Errorf("rpmlint:\n%s", out)
			}
		})
	}
}

func TestDesktopFilesAreValid(t *testing.T) {
	need(t, "desktop-file-validate", "appstreamcli")
	for _, file := range []string{"cie-gui.desktop", "autostart.desktop"} {
		if out := run(t, ".", "desktop-file-validate", file); out != "" {
			t.Errorf("%s: %s", file, out)
		}
	}
	each(t, func(t *testing.T, name, format, _, _, root string) {
		if name != "cie-gui" {
			return
		}
		// The component has the name of the menu entry, because the project has no domain
		// of its own.
		run(t, ".", "appstreamcli", "validate", "--no-net", "--override=cid-desktopapp-is-not-rdns=info", filepath.Join(root, "usr/share/metainfo/cie-gui.metainfo.xml"))
	})
}
