package browsers

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// pkcs11.txt is the list of modules of an NSS database (lib/util/utilmod.c,
// nssutil_ReadSecmodDB). It consists of stanzas separated by empty lines. A stanza
// consists of lines of the form key=value, with keys in any case. Lines that begin
// with '#' are comments. A value may be quoted with '"', with '\' before characters
// that need it. A file without the stanza of NSS's internal module is complete,
// because NSS then uses its default. NSS reads at most 2047 bytes of a line;
// CheckModule enforces this limit.

// stanza is one module in a pkcs11.txt.
type stanza struct {
	start, end int // byte range, without the empty lines around it
	name       string
	library    string
	hasLibrary bool // the key is there and not empty
	internal   bool
	libStart   int // byte range of the library value, for edits in place
	libEnd     int
}

// ours reports whether the stanza is a registration of this project's module.
func (s stanza) ours() bool {
	return s.name == ModuleName || strings.EqualFold(filepath.Base(s.library), ModuleFile)
}

var errNUL = errors.New("file contains NUL bytes, it is not text")

// parsePKCS11Txt splits the file into stanzas. Only NUL bytes are an error, because
// NSS accepts everything else.
func parsePKCS11Txt(b []byte) ([]stanza, error) {
	if bytes.IndexByte(b, 0) >= 0 {
		return nil, errNUL
	}
	var list []stanza
	var cur *stanza
	for pos := 0; pos < len(b); {
		next := len(b)
		if i := bytes.IndexByte(b[pos:], '\n'); i >= 0 {
			next = pos + i + 1
		}
		line := string(b[pos:next])
		line = strings.TrimSuffix(line, "\n")
		line = strings.TrimSuffix(line, "\r")
		switch {
		case line == "":
			cur = nil
		case line[0] == '#':
			// A comment between two stanzas belongs to neither.
			if cur != nil {
				cur.end = next
			}
		default:
			if cur == nil {
				list = append(list, stanza{start: pos})
				cur = &list[len(list)-1]
			}
			cur.end = next
			cur.field(line, pos)
		}
		pos = next
	}
	return list, nil
}

func (s *stanza) field(line string, pos int) {
	key, value, ok := strings.Cut(line, "=")
	if !ok {
		return
	}
	switch strings.ToLower(key) {
	case "library":
		s.library = nssUnquote(value)
		s.hasLibrary = s.library != ""
		s.libStart = pos + len(key) + 1
		s.libEnd = s.libStart + len(value)
	case "name":
		s.name = nssUnquote(value)
	case "nss":
		// NSS searches for the bare word.
		s.internal = strings.Contains(value, "internal")
	}
}

// nssUnquote undoes the quoting of a value.
func nssUnquote(v string) string {
	if len(v) < 2 || v[0] != '"' {
		return v
	}
	var b strings.Builder
	for i := 1; i < len(v) && v[i] != '"'; i++ {
		if v[i] == '\\' && i+1 < len(v) {
			i++
		}
		b.WriteByte(v[i])
	}
	return b.String()
}

// otherCIE reports whether library belongs to other software for the same card.
func otherCIE(library string) bool {
	// Windows paths are recognised everywhere; no file is called like one.
	switch strings.ToLower(library[strings.LastIndexAny(library, `\/`)+1:]) {
	case "libcie-pkcs11.so", "libbit4ipki.so", "libbit4opki.so", "libbit4xpki.so",
		"ciepki.dll", "bit4ipki.dll", "bit4opki.dll", "bit4xpki.dll":
		return true
	}
	return false
}

// pkcs11Txt is the codec of pkcs11.txt.
type pkcs11Txt struct{ module string }

func (c pkcs11Txt) inspect(content []byte) State {
	list, err := parsePKCS11Txt(content)
	if err != nil {
		return damaged(ReasonSyntax, err)
	}
	s := State{Status: Absent}
	seen := 0
	for _, st := range list {
		switch {
		case st.ours():
			seen++
			if seen > 1 {
				s.Status, s.Reason = Damaged, ReasonDuplicate
				s.Err = fmt.Errorf("registered %d times", seen)
				continue
			}
			s.Module = st.library
			switch {
			case !st.hasLibrary:
				s.Status, s.Reason = Damaged, ReasonNoLibrary
				s.Err = errors.New("the entry has no library")
			case st.library == c.module:
				s.Status = Registered
			default:
				s.Status = Elsewhere
			}
		case otherCIE(st.library):
			s.Others = append(s.Others, st.library)
		}
	}
	return s
}

func (c pkcs11Txt) stanza() string {
	// The fields and their order as modutil -add writes them. No NSS= line: the
	// defaults (not a default provider of any mechanism, PIN asked when needed)
	// are right for a card.
	return "library=" + c.module + "\nname=" + ModuleName + "\n"
}

func (c pkcs11Txt) install(content []byte) ([]byte, error) {
	list, err := parsePKCS11Txt(content)
	if err != nil {
		return nil, err
	}
	var out []byte
	pos, done := 0, false
	for _, st := range list {
		if !st.ours() {
			continue
		}
		if done {
			// Further registrations go.
			out = append(out, content[pos:st.start]...)
			pos = skipBlank(content, st.end)
			continue
		}
		done = true
		if st.libEnd == 0 {
			out = append(out, content[pos:st.start]...)
			out = append(out, "library="+c.module+"\n"...)
			pos = st.start
			continue
		}
		out = append(out, content[pos:st.libStart]...)
		out = append(out, c.module...)
		pos = st.libEnd
	}
	out = append(out, content[pos:]...)
	if done {
		return out, nil
	}
	// NSS loses a last stanza that no line break or empty line ends.
	if len(out) > 0 && !bytes.HasSuffix(out, []byte("\n")) {
		out = append(out, '\n')
	}
	if len(out) > 0 && !bytes.HasSuffix(out, []byte("\n\n")) && !bytes.HasSuffix(out, []byte("\n\r\n")) {
		out = append(out, '\n')
	}
	return append(out, c.stanza()+"\n"...), nil
}

func (c pkcs11Txt) remove(content []byte) ([]byte, bool, error) {
	list, err := parsePKCS11Txt(content)
	if err != nil {
		return nil, false, err
	}
	var out []byte
	pos, others := 0, false
	for _, st := range list {
		if !st.ours() {
			// The internal module alone is what NSS would write by itself.
			others = others || !st.internal
			continue
		}
		out = append(out, content[pos:st.start]...)
		pos = skipBlank(content, st.end)
	}
	out = append(out, content[pos:]...)
	empty := !others && !bytes.Contains(out, []byte("#"))
	return out, empty, nil
}

// skipBlank moves pos over the one empty line that ends a stanza.
func skipBlank(b []byte, pos int) int {
	switch rest := b[pos:]; {
	case bytes.HasPrefix(rest, []byte("\r\n")):
		return pos + 2
	case bytes.HasPrefix(rest, []byte("\n")):
		return pos + 1
	}
	return pos
}
