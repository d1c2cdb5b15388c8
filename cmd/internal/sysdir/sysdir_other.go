//go:build !windows

package sysdir

import "path/filepath"

// Config returns the directory of a name in the machine's configuration: "csca" and "ca"
// contain certificates.
func Config(name string) string { return filepath.Join("/etc", "cie", name) }
