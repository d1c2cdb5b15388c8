package faultinjection

import (
	"os"

	"cie/cmd/internal/harness/rotation"
)

// All reports whether everything is to be tried, which takes an hour of the
// processor: every family with every operation, every cause and every command, on a
// card never seen and on a known one. It is what "make faults" asks for.
func All() bool { return os.Getenv("FAULTS") == "all" }

// Matrix reports whether every operation, every cause and every command is to be tried
// on a known card of the first family. It is what "make matrix" asks for. Without
// either, everything takes turns: see Selected, SelectedUnknown and ShareOf.
func Matrix() bool { return os.Getenv("FAULTS") == "matrix" }

// Selected reports whether a run that is not for All tries an operation and a cause
// with a family other than the first one: every cause once, and the operations one
// after the other. These families share all code after the key exchange with the first.
func Selected(family, operation, cause int) bool {
	return !Matrix() && (family+cause)%len(Operations()) == operation
}

// SelectedUnknown reports whether a run that is not for All tries an operation and a
// cause on a card never seen: every cause with one operation. The commands before the
// key exchange are the same for every operation.
func SelectedUnknown(operation, cause int) bool {
	return !Matrix() && (operation+cause)%len(Operations()) == 0
}

// Share is a part of the positions of a trial. The zero value is all of them.
type Share struct{ number, of int }

// ShareOf returns the positions that a short run tries with a family and a cause: one in
// [rotation.Turns], which the causes divide between them with the first family, and the others.
func ShareOf(family, cause int) Share {
	switch {
	case All() || Matrix():
		return Share{}
	case family == 0:
		return OneIn(rotation.Turns, cause+rotation.Turn())
	}
	return OneIn(rotation.Turns, family+rotation.Turn())
}

// Few returns the positions that a short run tries where a position is expensive. They
// differ between operations and causes.
func Few(operation, cause int) Share {
	if All() || Matrix() {
		return Share{}
	}
	return OneIn(rotation.Turns, 3*operation+cause+rotation.Turn())
}

// OneIn returns every position of which the remainder is that of number.
func OneIn(of, number int) Share { return Share{number: number % of, of: of} }

func (s Share) contains(at int) bool { return s.of == 0 || at%s.of == s.number }
