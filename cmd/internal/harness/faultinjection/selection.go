package faultinjection

import "os"

// All reports whether everything is to be tried, which takes half an hour of the
// processor: every family with every operation, every kind of fault and every
// command, on a card never seen and on a known one. It is what "make faults" asks
// for. Otherwise one family is tried completely as a known card, and the rest in
// turns: see Selected, SelectedUnknown and Share.
func All() bool { return os.Getenv("FAULTS") == "all" }

// Selected reports whether a short run tries an operation and a kind of fault with
// a family other than the first one: every kind once, and the operations one after
// the other. These families share all code after the key exchange with the first.
func Selected(family, operation, kind int) bool {
	return (family+kind)%len(Operations()) == operation
}

// SelectedUnknown reports whether a short run tries an operation and a kind of fault
// on a card never seen: every kind with two operations. The commands before the key
// exchange are the same for every operation.
func SelectedUnknown(operation, kind int) bool {
	return (operation+kind)%4 == 0
}

// Share is a part of the positions of a trial. The zero value is all of them.
type Share struct{ number, of int }

// ShareOf returns the positions that a short run tries with a family: all of them
// with the first one, and a quarter with each of the others, which divide them.
func ShareOf(family int) Share {
	if family == 0 || All() {
		return Share{}
	}
	return Share{number: family % 4, of: 4}
}

func (s Share) contains(at int) bool { return s.of == 0 || at%s.of == s.number }
