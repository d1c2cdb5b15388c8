// Package winscard is imported for its effect: on Windows it loads winscard.dll from the
// system directory. When the PC/SC binding later loads it by name, it gets this library
// and not one in the directory of the program.
//
// It imports only package syscall: packages are initialised in the order of their import
// paths, after their own imports, so this one precedes the binding.
package winscard
