// Package sysdir returns the directories in which an administrator stores the machine's
// configuration.
package sysdir
