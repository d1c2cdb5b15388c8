// Command cie-pkcs11 is the PKCS#11 module: a shared library with the C ABI of
// Cryptoki 2.40 and 3.0, to be loaded by browsers, mail programs, SSH, TLS
// clients. It is built with -buildmode=c-shared.
//
// The C side (abi.c) guards against fork and calls the exported functions here. They
// check and copy the arguments. The behaviour is in pkcs11mod.
package main

// The linker script selects the exported symbols, on Windows options of the linker
// (installer/packaging/windows/build). Go marks shared libraries so that dlclose leaves
// them loaded, which its runtime requires; on Windows abi.c does that.

// Every system but Windows needs the option of the linker
//
//	-X runtime.godebugDefault=asyncpreemptoff=1
//
// Without it the runtime interrupts its threads with SIGURG while they are on the small
// stacks of goroutines, and unblocks the signal in each of them. A program that then has
// a handler for it without SA_ONSTACK writes over the memory beside such a stack: the
// prompt for a PIN of OpenSSL installs its handler for every signal.
// TestPromptOfHostTakesEverySignal fails for a module built without it.

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
