package card

import (
	"unicode"
	"unicode/utf8"
)

// Digit returns the value of a decimal digit of any script (Unicode category
// Nd), as keyboards for Arabic, Persian or Hindi type them. ok is false for any
// other character.
func Digit(r rune) (d byte, ok bool) {
	if r >= '0' && r <= '9' {
		return byte(r - '0'), true
	}
	// The digits of a script are ten consecutive characters, from zero to nine
	// (The Unicode Standard, 4.6).
	for _, t := range unicode.Nd.R16 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return byte((r - rune(t.Lo)) % 10), true
		}
	}
	for _, t := range unicode.Nd.R32 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return byte((r - rune(t.Lo)) % 10), true
		}
	}
	return 0, false
}

// NormalizeCode replaces the digits of other scripts in a typed code, UTF-8, by
// ASCII digits. It works in place and wipes the bytes that become free. CheckCode
// refuses the other characters.
func NormalizeCode(code []byte) []byte {
	n := 0
	for i := 0; i < len(code); {
		r, size := utf8.DecodeRune(code[i:])
		if d, ok := Digit(r); ok {
			code[n] = '0' + d
			n++
		} else {
			n += copy(code[n:], code[i:i+size])
		}
		i += size
	}
	clear(code[n:])
	return code[:n]
}
