//go:build unix && !linux

package pkcs11mod

// dontDump has no counterpart here.
func dontDump([]byte) {}
