//go:build linux

// Package memory looks for secrets in the memory of a process that a test has started.
package memory

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"cie/card/cardtest"
)

// Secrets are what to look for, by name.
type Secrets map[string][]byte

// AddCode adds the forms that the digits of a code have in memory: a byte for each, as in a
// string, and two or four, as in the strings of other systems and in runes.
func (s Secrets) AddCode(name string, digits []byte) {
	var two, four []byte
	for _, d := range digits {
		two = binary.LittleEndian.AppendUint16(two, uint16(d))
		four = binary.LittleEndian.AppendUint32(four, uint32(d))
	}
	s[name], s[name+" in UTF-16"], s[name+" in runes"] = bytes.Clone(digits), two, four
}

// AddKeys adds the session keys of the channel that a card has now.
func (s Secrets) AddKeys(t testing.TB, c *cardtest.Card) {
	t.Helper()
	enc, mac, open := c.SessionKeys()
	if !open {
		t.Fatal("the card has no channel")
	}
	s["key for encryption"], s["key for MACs"] = enc, mac
}

// Code returns 8 digits that no program contains, for a card whose PIN is looked for.
func Code() []byte {
	digits := make([]byte, 8)
	for {
		rand.Read(digits)
		for i, b := range digits {
			digits[i] = '0' + b%10
		}
		if ok := digits[0] != digits[1]; ok && !slices.Equal(digits, cardtest.DefaultPIN()) {
			return digits
		}
	}
}

// Find returns the names of the secrets that are in the memory of a process, sorted.
func Find(t testing.TB, pid int, secrets Secrets) []string {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	var found []string
	const size, overlap = 1 << 20, 64
	buf := make([]byte, size)
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		var rights string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &rights); err != nil || rights[0] != 'r' || strings.Contains(line, "[v") {
			continue
		}
		for at := from; at < to; at += size - overlap {
			n, _ := mem.ReadAt(buf[:min(size, to-at)], at)
			for name, secret := range secrets {
				if bytes.Contains(buf[:n], secret) && !slices.Contains(found, name) {
					found = append(found, name)
				}
			}
		}
	}
	slices.Sort(found)
	return found
}
