package faultinjection

import "os"

// All reports whether everything is to be tried, which takes minutes: every
// family with every operation and every kind of fault. It is what "make faults"
// asks for; otherwise one family is tried completely and the others, which share
// all code after the key exchange, in part: see Selected.
func All() bool { return os.Getenv("FAULTS") == "all" }

// Selected reports whether a short run tries an operation and a kind of fault with
// a family: every kind once, and the operations one after the other.
func Selected(family, operation, kind int) bool {
	return (family+kind)%len(Operations()) == operation
}
