package tty

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf16"
)

// typed feeds keys to an editor until a line is complete.
func typed(l *lineEditor, keys string) ([]byte, error) {
	for _, u := range utf16.Encode([]rune(keys)) {
		switch what, _ := l.key(u); what {
		case editDone:
			return l.line()
		case editEnd:
			return nil, io.EOF
		}
	}
	return nil, io.ErrUnexpectedEOF
}

func TestLineEditorHandlesEveryKey(t *testing.T) {
	tests := []struct {
		name, keys, want string
		err              error
	}{
		{"plain", "24681357\r", "24681357", nil},
		{"line feed", "24681357\n", "24681357", nil},
		{"corrected", "2468135\b\b57\r", "2468157", nil},
		{"backspace on nothing", "\b\b1\r", "1", nil},
		{"Ctrl-Backspace", "12\x7f3\r", "13", nil},
		{"taken back with Escape", "9999\x1b24681357\r", "24681357", nil},
		{"taken back with Ctrl-U", "9999\x1524681357\r", "24681357", nil},
		{"empty", "\r", "", nil},
		{"Ctrl-Z", "\x1a", "", io.EOF},
		{"Ctrl-D", "\x04", "", io.EOF},
		{"Ctrl-Z in the middle", "1\x1a2\r", "12", nil},
		{"control characters", "1\x00\x07\t2\r", "12", nil},
		{"longest", strings.Repeat("7", 16) + "\r", strings.Repeat("7", 16), nil},
		{"too long", strings.Repeat("7", 17) + "\r", "", ErrTooLong},
		{"far too long", strings.Repeat("7", 500) + "\r", "", ErrTooLong},
		{"too long, corrected", strings.Repeat("7", 20) + strings.Repeat("\b", 12) + "\r", "77777777", nil},
		{"too long, taken back", strings.Repeat("7", 300) + "\x1b12345678\r", "12345678", nil},
		{"letters", "sì\r", "sì", nil},
		{"beyond the basic plane", "a𝄞\bb\r", "ab", nil},
		{"fits in units, not in bytes", strings.Repeat("é", 9) + "\r", "", ErrTooLong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLineEditor(16)
			room := l.units[:cap(l.units)]
			line, err := typed(l, tt.keys)
			if string(line) != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %q, %v, want %q, %v", line, err, tt.want, tt.err)
			}
			l.wipe()
			for i, u := range room {
				if u != 0 {
					t.Errorf("unit %d is left: %x", i, u)
				}
			}
		})
	}
}

func TestLineEditorTaken(t *testing.T) {
	l := newLineEditor(4)
	for _, u := range utf16.Encode([]rune("ab𝄞def")) {
		l.key(u)
	}
	// Beyond the capacity, units are counted instead of characters.
	if what, n := l.key(keyEscape); what != editTaken || n != 6 {
		t.Errorf("got %v, %d", what, n)
	}
	if what, n := l.key(keyEscape); what != editTaken || n != 0 {
		t.Errorf("got %v, %d", what, n)
	}
}

// inheritedBlock returns the block that a C runtime writes for its child.
func inheritedBlock(flags []byte, handles []uint64) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(flags)))
	b = append(b, flags...)
	for _, h := range handles {
		b = binary.LittleEndian.AppendUint64(b, h)
	}
	return b
}

func TestInheritedHandleRefusesMalformedBlocks(t *testing.T) {
	block := inheritedBlock([]byte{1, 1, 0x41, 0, 9, 1}, []uint64{0x10, noHandle - 1, 0x18, 0x1c, 0x20, noHandle})
	tests := []struct {
		name   string
		block  []byte
		fd     int
		handle uint64
		ok     bool
	}{
		{"first", block, 0, 0x10, true},
		{"marked as missing", block, 1, 0, false},
		{"device", block, 2, 0x18, true},
		{"closed", block, 3, 0, false},
		{"pipe", block, 4, 0x20, true},
		{"invalid handle", block, 5, 0, false},
		{"beyond the count", block, 6, 0, false},
		{"negative", block, -1, 0, false},
		{"no block", nil, 0, 0, false},
		{"short count", []byte{1, 0}, 0, 0, false},
		{"count beyond the block", block[:len(block)-1], 0, 0, false},
		{"negative count", bytes.Repeat([]byte{0xff}, 64), 0, 0, false},
		{"longer than needed", append(bytes.Clone(block), 7, 7), 4, 0x20, true},
	}
	for _, tt := range tests {
		if handle, ok := inheritedHandle(tt.block, tt.fd); ok != tt.ok || ok && handle != tt.handle {
			t.Errorf("%s: got %#x, %v", tt.name, handle, ok)
		}
	}
}

func FuzzInheritedHandle(f *testing.F) {
	f.Add(inheritedBlock([]byte{1, 1, 1, 9}, []uint64{4, 8, 12, 16}), 3)
	f.Fuzz(func(t *testing.T, block []byte, fd int) {
		if h, ok := inheritedHandle(block, fd); ok && (h == 0 || h == noHandle) {
			t.Errorf("handle %#x", h)
		}
	})
}
