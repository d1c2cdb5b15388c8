// Command cie-pkcs11 is the PKCS#11 module: a shared library with the C ABI of
// Cryptoki 2.40 and 3.0, to be loaded by browsers, mail programs, SSH, TLS
// clients. It is built with -buildmode=c-shared.
//
// The C side (abi.c) guards against fork and enters the exported functions
// here; these move arguments and do nothing else. Behaviour is in pkcs11mod.
package main

// The linker script decides what is exported, on Windows options of the linker
// (Makefile, DLLFLAGS). Go itself marks shared libraries so that dlclose leaves
// them loaded, which its runtime needs; on Windows abi.c does.

// #cgo CFLAGS: -Wall -fvisibility=hidden
// #cgo linux LDFLAGS: ${SRCDIR}/exports.so
import "C"

import (
	_ "cie/cmd/internal/syslib/winscard" // before the PC/SC binding
	"cie/pkcs11mod"
)

// module is the one library that a process has.
var module = pkcs11mod.New(config())

func main() {} // required by -buildmode=c-shared, never called
