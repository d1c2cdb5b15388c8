// Package version says which build of the software this is.
package version

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// version is set by the linker: -X cie/cmd/internal/version.version=1.2.3.
var version = "0.0.0-dev"

// String returns the version of this build, as in "1.2.3"; "0.0.0-dev" for a
// build that is not made from a tagged source tree.
func String() string { return version }

// Long returns several lines: the program and its version, the Go release and
// platform, and the libraries with their versions. It ends with a newline.
func Long(program string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", program, version)
	fmt.Fprintf(&b, "%s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b.String()
	}
	fmt.Fprintf(&b, "module %s\n", info.Main.Path)
	for _, m := range info.Deps {
		if m.Replace != nil {
			fmt.Fprintf(&b, "  %s %s => %s %s\n", m.Path, m.Version, m.Replace.Path, m.Replace.Version)
			continue
		}
		fmt.Fprintf(&b, "  %s %s\n", m.Path, m.Version)
	}
	return b.String()
}
