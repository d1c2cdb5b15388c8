package version

import (
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
)

func system() []SystemLibrary {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return nil
	}
	return pcscLibraries(string(maps))
}

// pcscLibraries finds the library of the smart card service among the files
// that are mapped into this process (proc_pid_maps(5)).
func pcscLibraries(maps string) []SystemLibrary {
	var list []SystemLibrary
	seen := map[string]bool{}
	for line := range strings.Lines(maps) {
		at := strings.IndexByte(line, '/')
		if at < 0 {
			continue
		}
		path := strings.TrimSuffix(line[at:], "\n")
		if seen[path] || !strings.HasPrefix(filepath.Base(path), "libpcsclite") {
			continue
		}
		seen[path] = true
		list = append(list, SystemLibrary{soname(path), path})
	}
	return list
}

// soname returns the name in the library, or that of its file if there is none.
func soname(path string) string {
	if f, err := elf.Open(path); err == nil {
		defer f.Close()
		if names, err := f.DynString(elf.DT_SONAME); err == nil && len(names) > 0 {
			return names[0]
		}
	}
	return filepath.Base(path)
}
