//go:build unix && !linux

package pkcs11mod

// dontDump does nothing: this system has no equivalent.
func dontDump([]byte) {}
