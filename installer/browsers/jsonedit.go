package browsers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Edits of JSON text that keep all other bytes. The text must be valid JSON; offsets
// are relative to the text.

// jsonValue is the place of a value.
type jsonValue struct{ start, end int }

// jsonMember is a member of an object or, with an empty key, an element of an array.
type jsonMember struct {
	key   string
	start int // of the key, or of the value in an array
	value jsonValue
}

var errNotObject = errors.New("not a JSON object")

func checkJSONObject(b []byte) error {
	// The offset in the error helps users who edited the file.
	var v map[string]json.RawMessage
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	if v == nil {
		return errNotObject
	}
	return nil
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns the offset after the value at i.
func skipValue(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth == 0 {
				return i // the end of the container of a scalar
			}
			depth--
		case ',', ' ', '\t', '\n', '\r', ':':
			if depth == 0 {
				return i
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return min(i+1, len(b))
		}
	}
	return i
}

// jsonMembers lists the members of the object or array at v.
func jsonMembers(b []byte, v jsonValue) []jsonMember {
	if v.start >= v.end || b[v.start] != '{' && b[v.start] != '[' {
		return nil
	}
	object := b[v.start] == '{'
	var list []jsonMember
	for i := skipSpace(b, v.start+1); i < v.end-1; {
		m := jsonMember{start: i}
		if object {
			end := skipValue(b, i)
			// Valid JSON: this is a string.
			_ = json.Unmarshal(b[i:end], &m.key)
			i = skipSpace(b, end) + 1 // the colon
			i = skipSpace(b, i)
		}
		m.value = jsonValue{i, skipValue(b, i)}
		list = append(list, m)
		i = skipSpace(b, m.value.end)
		if i < v.end && b[i] == ',' {
			i = skipSpace(b, i+1)
		} else {
			break
		}
	}
	return list
}

func jsonRoot(b []byte) jsonValue {
	i := skipSpace(b, 0)
	return jsonValue{i, skipValue(b, i)}
}

// jsonFind walks objects by key. The last of several equal keys counts, as it
// does for the parsers that read these files.
func jsonFind(b []byte, path ...string) (v jsonValue, ok bool) {
	v = jsonRoot(b)
	for _, key := range path {
		if v.start >= len(b) || b[v.start] != '{' {
			return jsonValue{}, false
		}
		ok = false
		for _, m := range jsonMembers(b, v) {
			if m.key == key {
				v, ok = m.value, true
			}
		}
		if !ok {
			return jsonValue{}, false
		}
	}
	return v, true
}

func (v jsonValue) object(b []byte) bool { return v.start < v.end && b[v.start] == '{' }
func (v jsonValue) array(b []byte) bool  { return v.start < v.end && b[v.start] == '[' }

// text decodes a string value; "" for anything else.
func (v jsonValue) text(b []byte) string {
	var s string
	_ = json.Unmarshal(b[v.start:v.end], &s)
	return s
}

// jsonSet puts value (JSON text) at path, creating the objects on the way.
func jsonSet(b []byte, value string, path ...string) ([]byte, error) {
	if v, ok := jsonFind(b, path...); ok {
		return slices.Concat(b[:v.start], []byte(value), b[v.end:]), nil
	}
	// Add the new member to the deepest existing object.
	depth := len(path) - 1
	var at jsonValue
	for ; depth >= 0; depth-- {
		var ok bool
		if at, ok = jsonFind(b, path[:depth]...); ok {
			break
		}
	}
	if depth < 0 || !at.object(b) {
		return nil, fmt.Errorf("%s: %w", strings.Join(path[:max(depth, 0)], "."), errNotObject)
	}
	// The rest of the path in the style of the file: members on lines of their
	// own, unless the object has all its members on one line.
	members := jsonMembers(b, at)
	multiline := len(members) == 0 || bytes.IndexByte(b[at.start:members[0].start], '\n') >= 0
	unit, indent := jsonIndent(b, at, depth)
	return jsonInsert(b, at, members, jsonNested(path[depth:], value, indent+unit, unit, multiline), indent, unit, multiline), nil
}

// jsonNested renders `"a": {"b": value}` with the given indent for its inner lines.
func jsonNested(path []string, value, indent, unit string, multiline bool) string {
	key, _ := json.Marshal(path[0])
	if len(path) == 1 {
		return string(key) + ": " + value
	}
	inner := jsonNested(path[1:], value, indent+unit, unit, multiline)
	if !multiline {
		return string(key) + ": {" + inner + "}"
	}
	return string(key) + ": {\n" + indent + unit + inner + "\n" + indent + "}"
}

// jsonInsert appends a member (or element) to the object (or array) at v.
func jsonInsert(b []byte, v jsonValue, members []jsonMember, text, indent, unit string, multiline bool) []byte {
	lead := ""
	if multiline {
		lead = "\n" + indent + unit
	}
	if len(members) == 0 {
		closing := ""
		if multiline {
			closing = "\n" + indent
		}
		return slices.Concat(b[:v.start+1], []byte(lead+text+closing), b[v.end-1:])
	}
	last := members[len(members)-1].value.end
	if !multiline {
		lead = " "
	}
	return slices.Concat(b[:last], []byte(","+lead+text), b[last:])
}

// jsonIndent returns the indent of the line on which the object begins, and the
// unit of one more level.
func jsonIndent(b []byte, at jsonValue, depth int) (unit, indent string) {
	lead := func(pos int) string {
		start := bytes.LastIndexByte(b[:pos], '\n') + 1
		end := start
		for end < len(b) && (b[end] == ' ' || b[end] == '\t') {
			end++
		}
		return string(b[start:end])
	}
	indent = lead(at.start)
	if m := jsonMembers(b, at); len(m) > 0 {
		if u, ok := strings.CutPrefix(lead(m[0].start), indent); ok && u != "" {
			return u, indent
		}
	}
	if depth > 0 && len(indent)%depth == 0 && len(indent) > 0 {
		return indent[:len(indent)/depth], indent
	}
	return "  ", indent
}

// jsonDelete removes the member at path, with its comma and white space.
func jsonDelete(b []byte, path ...string) []byte {
	v, ok := jsonFind(b, path[:len(path)-1]...)
	if !ok || !v.object(b) {
		return b
	}
	return jsonCut(b, v, func(m jsonMember) bool { return m.key == path[len(path)-1] })
}

// jsonCut removes the members that match from the object or array at v.
func jsonCut(b []byte, v jsonValue, match func(jsonMember) bool) []byte {
	members := jsonMembers(b, v)
	for i := len(members) - 1; i >= 0; i-- {
		if !match(members[i]) {
			continue
		}
		var from, to int
		switch {
		case i > 0: // from the end of the one before
			from, to = members[i-1].value.end, members[i].value.end
		case i+1 < len(members): // to the beginning of the one after
			from, to = members[i].start, members[i+1].start
		default: // the only member: nothing remains between the brackets
			from, to = v.start+1, skipSpace(b, members[i].value.end)
		}
		b = slices.Concat(b[:from], b[to:])
		v.end -= to - from
		members = jsonMembers(b, v)
		i = min(i, len(members))
	}
	return b
}
