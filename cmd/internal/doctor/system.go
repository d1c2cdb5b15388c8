package doctor

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"cie/cmd/internal/version"
	"cie/installer"
)

// packages are those whose versions a report has.
var packages = []string{"pcscd", "libpcsclite1", "libccid", "libacsccid1", "libnss3", "p11-kit", "opensc", "cie-middleware"}

// System lists what a report says about the machine, one "name: value" each.
func System(root string) []string {
	list := []string{"cie: " + version.String(), "go: " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH}
	if s := systemName(); s != "" {
		list = append(list, "system: "+s)
	}
	if b, err := installer.ReadRegular(filepath.Join(root, "/etc/os-release")); err == nil {
		for line := range strings.Lines(string(b)) {
			if v, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
				list = append(list, "system: "+strings.Trim(strings.TrimSpace(v), `"`))
			}
		}
	}
	if b, err := os.ReadFile(filepath.Join(root, "/proc/sys/kernel/osrelease")); err == nil {
		list = append(list, "kernel: "+strings.TrimSpace(string(b)))
	}
	f, err := installer.OpenRegular(filepath.Join(root, "/var/lib/dpkg/status"))
	if err != nil {
		return list
	}
	defer f.Close()
	name := ""
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if v, ok := strings.CutPrefix(lines.Text(), "Package: "); ok {
			name = v
		}
		// Of a package that was removed its configuration may be left.
		if v, ok := strings.CutPrefix(lines.Text(), "Status: "); ok && !strings.HasSuffix(v, " installed") {
			name = ""
		}
		if v, ok := strings.CutPrefix(lines.Text(), "Version: "); ok {
			for _, p := range packages {
				if p == name {
					list = append(list, "package: "+name+" "+v)
				}
			}
		}
	}
	return list
}
