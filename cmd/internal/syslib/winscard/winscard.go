// Package winscard is imported for its effect: on Windows it loads winscard.dll
// from the directory of the system. The PC/SC binding asks for it by name when
// it is initialised, and gets the library that is loaded already, not one that
// lies beside the program.
//
// It imports nothing but package syscall: packages are initialised in the order
// of their import paths once their own imports are, so this one comes before the
// binding.
package winscard
