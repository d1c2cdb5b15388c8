package browsers

import (
	"bytes"
	"strings"
)

// iniSection is one section of an INI file, in the order of the file.
type iniSection struct {
	name string
	keys map[string]string // the last value of a key counts
}

// parseINI parses an INI file as Gecko does (xpcom/base/nsINIParser.cpp): an
// optional byte order mark, '#' and ';' comments, sections in brackets. It ignores
// white space around names and unreadable lines, and merges repeated sections.
func parseINI(b []byte) []iniSection {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	var list []iniSection
	index := map[string]int{}
	cur := -1
	for line := range strings.Lines(string(b)) {
		line = strings.Trim(line, " \t\r\n")
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '[' {
			end := strings.IndexByte(line, ']')
			if end < 0 {
				cur = -1 // a broken header: what follows belongs to no section
				continue
			}
			name := line[1:end]
			i, ok := index[name]
			if !ok {
				i = len(list)
				index[name] = i
				list = append(list, iniSection{name: name, keys: map[string]string{}})
			}
			cur = i
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || cur < 0 || key == "" {
			continue
		}
		list[cur].keys[strings.TrimRight(key, " \t")] = strings.TrimLeft(value, " \t")
	}
	return list
}
