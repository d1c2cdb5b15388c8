//go:build !windows

package pcsc

import "strconv"

// pinned makes a reader's name unique for Go without changing it for C, which
// reads up to the NUL.
func pinned(name string, n int) string { return name + "\x00" + strconv.Itoa(n) }
