// Package printable cleans text that comes from outside: names of readers, which
// a USB device chooses, and what a certificate or file of a card says. Each is
// cleaned once, where it enters, so that no screen, file or label has to
// distrust it: it can neither move the cursor of a terminal, nor hide or reverse
// what is shown beside it, nor fill a window.
package printable

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// maxMarks is how many combining marks one character keeps. Every language
// gets along with two; piles of them cover the lines above and below.
const maxMarks = 2

// ellipsis stands for what was cut out.
const ellipsis = "…"

// invisible are the characters that change how others are shown, or show
// nothing: format characters (Cf), the bidirectional ones among them, and what
// a renderer may ignore (Unicode 4.6 and 5.21).
var invisible = []*unicode.RangeTable{unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector}

// Text returns s as one line of printable text in valid UTF-8 of at most limit
// bytes; what is longer loses its end. Spaces and controls become U+0020,
// invisible characters are removed, bytes that are not UTF-8 and code points
// that are not assigned become U+FFFD. Text that is printable and short enough
// is returned unchanged.
func Text(s string, limit int) string {
	s = clean(s)
	if len(s) <= limit {
		return s
	}
	return head(s, limit-len(ellipsis)) + ellipsis
}

// Ends is Text for names that differ at their ends: what is too long loses its
// middle.
func Ends(s string, limit int) string {
	s = clean(s)
	if len(s) <= limit {
		return s
	}
	room := limit - len(ellipsis)
	return head(s, room-room/2) + ellipsis + Tail(s, room/2)
}

// Tail returns the end of s, of whole characters, in at most limit bytes.
func Tail(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	start := len(s) - max(limit, 0)
	for start < len(s) && !utf8.RuneStart(s[start]) {
		start++
	}
	return s[start:]
}

// head returns the start of s, of whole characters, in at most limit bytes.
func head(s string, limit int) string {
	end := max(limit, 0)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

func clean(s string) string {
	if isASCII(s) {
		return s
	}
	var b strings.Builder
	marks := 0
	for _, r := range s { // a byte that is not UTF-8 comes as U+FFFD
		switch {
		case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r):
			if marks++; marks > maxMarks || unicode.In(r, invisible...) {
				continue
			}
		case unicode.In(r, invisible...):
			continue
		case unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Z, r):
			r, marks = ' ', 0
		case !unicode.IsPrint(r):
			r, marks = utf8.RuneError, 0
		default:
			marks = 0
		}
		b.WriteRune(r)
	}
	return b.String()
}

// isASCII reports whether s is printable ASCII, which nearly every name is.
func isASCII(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// EscapeJSON returns an encoded JSON text with everything that a terminal would
// obey or not show written as \uXXXX (RFC 8259, section 7). Such characters only
// occur within strings, so the text means the same as before; encoding/json
// itself escapes no more than the controls below U+0020, U+2028 and U+2029.
func EscapeJSON(encoded []byte) []byte {
	if !bytes.ContainsFunc(encoded, unsafe) {
		return encoded
	}
	out := make([]byte, 0, len(encoded)+64)
	for len(encoded) > 0 {
		r, size := utf8.DecodeRune(encoded)
		switch {
		case !unsafe(r):
			out = append(out, encoded[:size]...)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		encoded = encoded[size:]
	}
	return out
}

// unsafe reports whether a character is not for a terminal. Line feeds are what
// an encoder breaks lines with.
func unsafe(r rune) bool {
	return r != '\n' && !unicode.IsPrint(r) && r != utf8.RuneError || unicode.In(r, invisible...)
}

// IsClean reports whether s is what the functions of this package return, but
// for its length.
func IsClean(s string) bool {
	return utf8.ValidString(s) && !slices.ContainsFunc([]rune(s), func(r rune) bool { return r == '\n' || unsafe(r) })
}
