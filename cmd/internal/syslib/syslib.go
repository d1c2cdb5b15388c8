// Package syslib is imported for its effect: on Windows it makes the program load
// libraries that are given by name from the system directory, not from the directory of
// the program, which may be one of downloads.
//
// It is for programs. A module must not change the process that loads it.
package syslib
