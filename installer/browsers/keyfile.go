package browsers

import (
	"bytes"
	"errors"
	"slices"
	"strings"
)

// Edits of key files (the INI dialect of GLib, used by Flatpak's overrides) that
// keep all other bytes.

// keyLine is the position of a key in a key file.
type keyLine struct {
	start, end int // the whole line, line break included
	value      string
}

var errKeyFile = errors.New("not a key file")

// checkKeyFile reports whether GLib would read the file: groups, keys in a
// group, comments, empty lines.
func checkKeyFile(b []byte) error {
	if bytes.IndexByte(b, 0) >= 0 {
		return errNUL
	}
	group := false
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			if !strings.HasSuffix(line, "]") {
				return errKeyFile
			}
			group = true
		case group && strings.IndexByte(line, '=') > 0:
		default:
			return errKeyFile
		}
	}
	return nil
}

// keyFind finds a key in a group. groupEnd is the position for a new key of the group,
// after its last nonempty line; 0 if there is no such group.
func keyFind(b []byte, group, key string) (k keyLine, ok bool, groupEnd int) {
	in := false
	pos := 0
	for raw := range strings.Lines(string(b)) {
		start := pos
		pos += len(raw)
		line := strings.TrimSpace(raw)
		if line == "" {
			continue
		}
		if line[0] == '[' {
			in = line == "["+group+"]"
		}
		if !in {
			continue
		}
		groupEnd = pos
		if name, value, found := strings.Cut(line, "="); found && line[0] != '#' && line[0] != '[' && strings.TrimSpace(name) == key {
			// The last of several counts, as for GLib.
			k, ok = keyLine{start, pos, strings.TrimSpace(value)}, true
		}
	}
	return k, ok, groupEnd
}

// keySet sets a key.
func keySet(b []byte, group, key, value string) []byte {
	line := key + "=" + value + "\n"
	k, ok, end := keyFind(b, group, key)
	switch {
	case ok:
		return slices.Concat(b[:k.start], []byte(line), b[k.end:])
	case end > 0:
		if b[end-1] != '\n' {
			line = "\n" + line
		}
		return slices.Concat(b[:end], []byte(line), b[end:])
	}
	out := slices.Clone(b)
	if len(out) > 0 && !bytes.HasSuffix(out, []byte("\n")) {
		out = append(out, '\n')
	}
	if len(out) > 0 {
		out = append(out, '\n')
	}
	return append(out, "["+group+"]\n"+line...)
}

// keyDelete removes a key, and its group if that becomes empty.
func keyDelete(b []byte, group, key string) []byte {
	k, ok, _ := keyFind(b, group, key)
	if !ok {
		return b
	}
	b = slices.Concat(b[:k.start], b[k.end:])
	var out []byte
	pending := -1 // position of the header of the group in out, while the group is empty
	for raw := range strings.Lines(string(b)) {
		line := strings.TrimSpace(raw)
		switch {
		case line == "["+group+"]":
			pending = len(out)
		case line == "":
		case pending >= 0 && line[0] == '[':
			out = out[:pending]
			pending = -1
		default:
			pending = -1
		}
		out = append(out, raw...)
	}
	if pending >= 0 {
		out = bytes.TrimRight(out[:pending], "\n")
		if len(out) > 0 {
			out = append(out, '\n')
		}
	}
	return out
}

// keyList splits a list value.
func keyList(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return r == ';' })
}
