//go:build linux

// Package debian gives a test a clean Debian system of its own: a directory made
// by debootstrap in which programs run as on a fresh machine, with the machine's
// own network, screen and readers.
//
// It needs root. Nothing is mounted outside of mount namespaces that end with
// the command run in them, so removing the directory can reach nothing else.
package debian

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// ErrUnable: this machine cannot make such a system.
var ErrUnable = errors.New("no Debian system can be made here")

// Root is a Debian system in a directory.
type Root struct {
	// Dir is the directory.
	Dir string
	// Binds are directories of the machine that commands see under their own names.
	Binds []string

	base string // the archive that it comes from
	seen map[string]content
}

// content is the SHA-256 of a file as long as the rest of it stays the same: whatever
// writes to a file, or replaces it, changes the time of its last change or its inode.
type content struct {
	changed syscall.Timespec
	inode   uint64
	sum     string
}

// source is a repository of Debian that this machine's apt uses.
type source struct{ uri, suite, component string }

// New makes a system of the suite ("bookworm") with the packages that debootstrap
// considers the minimum. The files of the first one are kept in the user's cache
// directory for the next. Close removes the system.
func New(ctx context.Context, suite string) (*Root, error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("%w: only root may", ErrUnable)
	}
	for _, tool := range []string{"debootstrap", "unshare", "chroot", "tar", "apt-get"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("%w: %s is missing", ErrUnable, tool)
		}
	}
	if out, err := exec.CommandContext(ctx, "unshare", "--mount", "--propagation", "private", "true").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: no mount namespace: %s", ErrUnable, bytes.TrimSpace(out))
	}
	sources, err := sources(ctx, suite)
	if err != nil {
		return nil, err
	}
	base, err := base(ctx, suite, sources[0].uri)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "cie-debian-")
	if err != nil {
		return nil, err
	}
	r := &Root{Dir: dir, base: base}
	err = errors.Join(os.Chmod(dir, 0o755), run(ctx, "tar", "-C", dir, "-xpf", base))
	if err == nil {
		err = r.configure(ctx, sources)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// sources asks apt for the repositories of Debian that this machine uses; the
// first one has the suite itself.
func sources(ctx context.Context, suite string) ([]source, error) {
	out, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(ORIGIN)|$(REPO_URI)|$(CODENAME)|$(COMPONENT)", "Created-By: Packages").Output()
	if err != nil {
		return nil, fmt.Errorf("sources of apt: %w", err)
	}
	var list []source
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) != 4 || f[0] != "Debian" || f[2] != suite && !strings.HasPrefix(f[2], suite+"-") {
			continue
		}
		if s := (source{f[1], f[2], f[3]}); s.component == "main" && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	i := slices.IndexFunc(list, func(s source) bool { return s.suite == suite })
	if i < 0 {
		// Another release, or another distribution: Debian's own address.
		return []source{{"http://deb.debian.org/debian", suite, "main"}}, nil
	}
	list[0], list[i] = list[i], list[0]
	return list, nil
}

// base returns an archive with a fresh system, making it if there is none.
func base(ctx context.Context, suite, mirror string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	arch, err := exec.CommandContext(ctx, "dpkg", "--print-architecture").Output()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "cie-test")
	path := filepath.Join(cache, fmt.Sprintf("debian-%s-%s.tar", suite, bytes.TrimSpace(arch)))
	if exists(path) {
		return path, nil
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp("", "cie-debootstrap-")
	if err != nil {
		return "", err
	}
	made := &Root{Dir: tmp}
	// debootstrap mounts proc in the new system.
	err = run(ctx, "unshare", "--mount", "--propagation", "private", "debootstrap", "--variant=minbase", suite, tmp, mirror)
	if err == nil {
		err = run(ctx, "tar", "-C", tmp, "--one-file-system", "-cpf", path+".new", ".")
	}
	if err = errors.Join(err, made.Close()); err != nil {
		return "", err
	}
	return path, os.Rename(path+".new", path)
}

// configure gives the system the way to the network that this machine has.
func (r *Root) configure(ctx context.Context, sources []source) error {
	var list strings.Builder
	for _, s := range sources {
		fmt.Fprintf(&list, "deb %s %s %s\n", s.uri, s.suite, s.component)
	}
	// How this machine's apt fetches: proxies, checks, credentials.
	conf, err := exec.CommandContext(ctx, "apt-config", "dump", "Acquire").Output()
	if err != nil {
		return fmt.Errorf("settings of apt: %w", err)
	}
	conf = bytes.Join(slices.DeleteFunc(bytes.SplitAfter(conf, []byte("\n")), func(line []byte) bool {
		// What is fetched is the new system's affair.
		return bytes.HasPrefix(line, []byte("Acquire::IndexTargets"))
	}), nil)
	files := map[string][]byte{
		"/etc/apt/sources.list":       []byte(list.String()),
		"/etc/apt/apt.conf.d/00host":  conf,
		"/etc/apt/apt.conf.d/01quiet": []byte("Dpkg::Use-Pty \"false\";\nAPT::Get::Assume-Yes \"true\";\n"),
		// No service is started in the system.
		"/usr/sbin/policy-rc.d": []byte("#!/bin/sh\nexit 101\n"),
	}
	for _, name := range []string{"/etc/resolv.conf", "/etc/hosts"} {
		if b, err := os.ReadFile(name); err == nil {
			files[name] = b
		}
	}
	for name, content := range files {
		if err := r.Write(name, content); err != nil {
			return err
		}
	}
	if err := os.Chmod(r.Path("/usr/sbin/policy-rc.d"), 0o755); err != nil {
		return err
	}
	// Repositories reached over TLS are checked with what this machine trusts.
	if certs, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt"); err == nil {
		if err := r.Write("/etc/ssl/certs/ca-certificates.crt", certs); err != nil {
			return err
		}
	}
	_, err = r.Run(ctx, "apt-get", "-qq", "update")
	return err
}

// notKept are files of a system with packages that the next one has of its own.
var notKept = []string{"./etc/apt/sources.list", "./etc/apt/apt.conf.d", "./etc/hosts", "./etc/resolv.conf", "./var/lib/apt/lists", "./var/cache/apt"}

// Install installs packages in a system that New has just made, with what they depend on
// and without what they recommend. The files of the system with them are kept for the
// next, in the place of those of other packages or versions.
func (r *Root) Install(ctx context.Context, names ...string) error {
	install := append([]string{"apt-get", "--no-install-recommends", "install"}, names...)
	plan, err := r.Run(ctx, append(slices.Clone(install), "--simulate")...)
	if err != nil {
		return err
	}
	fi, err := os.Stat(r.base)
	if err != nil {
		return err
	}
	with := strings.TrimSuffix(r.base, ".tar") + "-with-"
	path := fmt.Sprintf("%s%x.tar", with, sha256.Sum256(fmt.Append(nil, fi.ModTime().UnixNano(), fi.Size(), plan)))
	if exists(path) {
		return run(ctx, "tar", "-C", r.Dir, "-xpf", path)
	}
	if _, err := r.Run(ctx, install...); err != nil {
		return err
	}
	old, err := filepath.Glob(with + "*")
	for _, file := range old {
		err = errors.Join(err, os.Remove(file))
	}
	pack := []string{"tar", "-C", r.Dir, "--one-file-system", "-cpf", path + ".new"}
	for _, name := range notKept {
		pack = append(pack, "--exclude="+name)
	}
	if err := errors.Join(err, run(ctx, append(pack, ".")...)); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Path returns where a path of the system is on this machine.
func (r *Root) Path(name string) string { return filepath.Join(r.Dir, name) }

// Write writes a file of the system.
func (r *Root) Write(name string, content []byte) error {
	path := r.Path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if fi, err := os.Lstat(path); err == nil && !fi.Mode().IsRegular() {
		// A link could lead out of the system.
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return os.WriteFile(path, content, 0o644)
}

// enter is run in a new mount namespace with the directory, "chroot" if the
// command is one of the system, the number of directories to bind, those
// directories, and the command.
const enter = `set -e
root=$1 inside=$2 n=$3
shift 3
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount --rbind /dev "$root/dev"
while [ "$n" -gt 0 ]; do
	mkdir -p "$root$1"
	mount --bind "$1" "$root$1"
	shift
	n=$((n - 1))
done
[ -n "$inside" ] || exec "$@"
exec chroot "$root" "$@"`

// Wrap returns a command that runs the command after it in the system. The process
// stays the same, so signals reach the command.
func (r *Root) Wrap() []string { return r.wrap("chroot") }

func (r *Root) wrap(inside string) []string {
	line := []string{"unshare", "--mount", "--propagation", "private", "--", "sh", "-c", enter, "enter", r.Dir, inside, fmt.Sprint(len(r.Binds))}
	return append(line, r.Binds...)
}

// Outside prepares a command of this machine that works on the system's directory
// while that has its own proc, sys and dev.
func (r *Root) Outside(ctx context.Context, args ...string) *exec.Cmd {
	line := append(r.wrap(""), args...)
	return exec.CommandContext(ctx, line[0], line[1:]...)
}

// Command prepares a command of the system, run by its root in an environment
// of its own.
func (r *Root) Command(ctx context.Context, args ...string) *exec.Cmd {
	line := append(r.Wrap(), "/usr/bin/env", "-i", "HOME=/root", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "TERM=dumb")
	line = append(line, args...)
	return exec.CommandContext(ctx, line[0], line[1:]...)
}

// Run runs a command and returns what it printed; an error has that in it, too.
func (r *Root) Run(ctx context.Context, args ...string) (string, error) {
	out, err := r.Command(ctx, args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// Snapshot describes every file of the system but those below the paths left
// out: kind, permissions, owner and content, by path.
func (r *Root) Snapshot(without ...string) (map[string]string, error) {
	if r.seen == nil {
		r.seen = map[string]content{}
	}
	tree := map[string]string{}
	err := filepath.WalkDir(r.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := "/" + strings.TrimPrefix(strings.TrimPrefix(path, r.Dir), "/")
		if slices.ContainsFunc(without, func(w string) bool { return name == w || strings.HasPrefix(name, w+"/") }) {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		what := ""
		switch {
		case fi.Mode().IsRegular():
			if what, err = r.sum(path, fi.Sys().(*syscall.Stat_t)); err != nil {
				return err
			}
		case fi.Mode()&fs.ModeSymlink != 0:
			if what, err = os.Readlink(path); err != nil {
				return err
			}
		}
		tree[name] = fmt.Sprintf("%v %s", fi.Mode(), what)
		return nil
	})
	return tree, err
}

// sum returns the SHA-256 of a file, which it reads if it was not seen before as it is.
func (r *Root) sum(path string, stat *syscall.Stat_t) (string, error) {
	if c, ok := r.seen[path]; ok && c.changed == stat.Ctim && c.inode == stat.Ino {
		return c.sum, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	c := content{stat.Ctim, stat.Ino, fmt.Sprintf("%x", h.Sum(nil))}
	r.seen[path] = c
	return c.sum, nil
}

// Difference lists what differs between two snapshots.
func Difference(before, after map[string]string) []string {
	var list []string
	for name, what := range after {
		switch old, ok := before[name]; {
		case !ok:
			list = append(list, "new: "+name)
		case old != what:
			list = append(list, "changed: "+name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			list = append(list, "gone: "+name)
		}
	}
	slices.Sort(list)
	return list
}

// Close removes the system, unless something is mounted in it, which nothing
// here does.
func (r *Root) Close() error {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) > 4 && (f[4] == r.Dir || strings.HasPrefix(f[4], r.Dir+"/")) {
			return fmt.Errorf("%s is not removed: %s is mounted", r.Dir, f[4])
		}
	}
	return run(context.Background(), "rm", "-rf", "--one-file-system", r.Dir)
}

func run(ctx context.Context, args ...string) error {
	if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
