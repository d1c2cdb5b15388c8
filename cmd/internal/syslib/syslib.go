// Package syslib is imported for its effect: on Windows a program loads
// libraries that are asked for by name from the directory of the system, and not
// from beside the program. A program that was downloaded lies among other
// downloads.
//
// It is for programs: a module changes nothing for the process that loads it.
package syslib
