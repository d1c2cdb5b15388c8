package doctor

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"cie/cmd/internal/version"
	"cie/installer/browsers"
)

// packages lists the packages whose versions are in a report.
var packages = []string{"pcscd", "libpcsclite1", "libccid", "libacsccid1", "libnss3", "p11-kit", "opensc", "cie-middleware"}

// Distribution is a family of Linux distributions with packages of the same names.
type Distribution string

// The families for which remedies name packages.
const (
	Debian Distribution = "debian" // and Ubuntu
	Fedora Distribution = "fedora" // and Red Hat Enterprise Linux
)

// DistributionOf returns the family of the system in root, by the identifiers that
// os-release(5) defines; "" for another one.
func DistributionOf(root string) Distribution {
	for _, id := range strings.Fields(osRelease(root, "ID") + " " + osRelease(root, "ID_LIKE")) {
		switch id {
		case "debian", "ubuntu":
			return Debian
		case "fedora", "rhel":
			return Fedora
		}
	}
	return ""
}

// osRelease returns a value of the file that describes the distribution.
func osRelease(root, name string) string {
	b, err := browsers.ReadRegular(filepath.Join(root, "/etc/os-release"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, name+"="); ok {
			return strings.Trim(strings.TrimSpace(v), `"'`)
		}
	}
	return ""
}

// System returns the lines of a report about the machine, one "name: value" each.
func System(root string) []string {
	list := []string{"cie: " + version.String(), "go: " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH}
	if s := systemName(); s != "" {
		list = append(list, "system: "+s)
	}
	if s := osRelease(root, "PRETTY_NAME"); s != "" {
		list = append(list, "system: "+s)
	}
	if b, err := os.ReadFile(filepath.Join(root, "/proc/sys/kernel/osrelease")); err == nil {
		list = append(list, "kernel: "+strings.TrimSpace(string(b)))
	}
	f, err := browsers.OpenRegular(filepath.Join(root, "/var/lib/dpkg/status"))
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
		// A removed package may have left its configuration.
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
