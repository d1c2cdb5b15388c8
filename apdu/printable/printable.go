// Package printable cleans text from outside the program: names of readers, which
// a USB device chooses, and texts in certificates and files of a card. Text is
// cleaned once, on input, so that every program can print it: it neither moves the
// cursor of a terminal, nor hides or reverses neighbouring text, nor fills a
// window.
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

// maxMarks is the number of combining marks that a character keeps. No language
// needs more than two, and stacked marks cover the lines above and below.
const maxMarks = 2

// ellipsis replaces removed text.
const ellipsis = "…"

// invisible lists the characters that change the display of others or display
// nothing: format characters (Cf), including the bidirectional ones, and the
// characters that a renderer may ignore (Unicode 4.6 and 5.21).
var invisible = []*unicode.RangeTable{unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector}

// Text returns s as one line of printable text, valid UTF-8 of at most limit
// bytes, truncated at the end. Spaces and controls become U+0020, invisible
// characters are removed, bytes that are not UTF-8 and unassigned code points
// become U+FFFD. Text that is printable and short enough is returned unchanged.
func Text(s string, limit int) string {
	s = clean(s)
	if len(s) <= limit {
		return s
	}
	return head(s, limit-len(ellipsis)) + ellipsis
}

// Ends is like Text but truncates in the middle, for names that differ at their
// ends.
func Ends(s string, limit int) string {
	s = clean(s)
	if len(s) <= limit {
		return s
	}
	room := limit - len(ellipsis)
	return head(s, room-room/2) + ellipsis + Tail(s, room/2)
}

// Tail returns the end of s in whole characters, at most limit bytes.
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

// head returns the start of s in whole characters, at most limit bytes.
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
	for _, r := range s { // a byte that is not UTF-8 gives U+FFFD
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

// isASCII reports whether s is printable ASCII, as nearly every name is.
func isASCII(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// EscapeJSON replaces the characters in encoded JSON that a terminal interprets
// or does not display by \uXXXX (RFC 8259, section 7). They occur within strings
// only, so the text keeps its meaning. encoding/json escapes only controls below
// U+0020, U+2028 and U+2029.
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

// unsafe reports whether a terminal must not receive a character. Line feeds are
// safe, because encoders separate lines with them.
func unsafe(r rune) bool {
	return r != '\n' && !unicode.IsPrint(r) && r != utf8.RuneError || unicode.In(r, invisible...)
}

// IsClean reports whether s could be a result of this package, regardless of its
// length.
func IsClean(s string) bool {
	return utf8.ValidString(s) && !slices.ContainsFunc([]rune(s), func(r rune) bool { return r == '\n' || unsafe(r) })
}
