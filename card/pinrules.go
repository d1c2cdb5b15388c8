package card

import "bytes"

// CheckCode returns a *FormatError unless code is exactly 8 ASCII digits.
// Every function with a code calls it before any command.
func CheckCode(code []byte) error {
	if len(code) != CodeLength {
		return &FormatError{Length: len(code)}
	}
	for _, c := range code {
		if c < '0' || c > '9' {
			return &FormatError{Length: len(code)}
		}
	}
	return nil
}

// CheckNewPIN returns an error unless pin is acceptable as a new PIN: 8 digits
// (*FormatError), not one digit repeated, not a run up or down, and not equal to
// old (*WeakPINError). old may be nil when it is not known.
func CheckNewPIN(pin, old []byte) error {
	if err := CheckCode(pin); err != nil {
		return err
	}
	same, up, down := true, true, true
	for i := 1; i < len(pin); i++ {
		d := int(pin[i]) - int(pin[i-1])
		same = same && d == 0
		// 9 is followed by 0 in a run, as on a keypad: 67890123 is one.
		up = up && (d == 1 || d == -9)
		down = down && (d == -1 || d == 9)
	}
	switch {
	case same:
		return &WeakPINError{Reason: WeakSame}
	case up || down:
		return &WeakPINError{Reason: WeakRun}
	case old != nil && bytes.Equal(pin, old):
		return &WeakPINError{Reason: WeakUnchanged}
	}
	return nil
}
