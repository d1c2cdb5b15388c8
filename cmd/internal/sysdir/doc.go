// Package sysdir knows where an administrator keeps what belongs to the whole
// machine.
package sysdir
