// Package apdutest records APDU traces of a card and replays them.
//
// A trace is a text file, one APDU per line in hexadecimal:
//
//	# SELECT DF_CIE
//	> 00A4040C 06 A00000000039
//	< 9000
//
// A line with '>' is a command and a line with '<' its response. '!' marks an
// error of the link in place of a response (for the names see linkErrors), and '#'
// a comment on the exchange after it. Blanks between digits have no meaning. A
// line that begins with a blank continues the line before. Empty lines are
// ignored.
//
// The package does not import "testing", so that demonstrations can use it.
package apdutest

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"cie/apdu"
)

// Exchange is one command with its response or an error of the link.
type Exchange struct {
	// Comments are the lines before the exchange, without '#'.
	Comments []string
	// Command and Response are the encoded APDUs. Response is nil if Err is set.
	Command, Response []byte
	// Err is the error of the link. Read sets one of the errors of package apdu.
	Err error
}

// ErrFormat is matched by every error about the text of a trace.
var ErrFormat = errors.New("malformed trace")

// linkErrors lists the names that follow '!'.
var linkErrors = []struct {
	name string
	err  error
}{
	{"no-service", apdu.ErrNoService},
	{"no-reader", apdu.ErrNoReader},
	{"no-card", apdu.ErrNoCard},
	{"mute", apdu.ErrMute},
	{"removed", apdu.ErrRemoved},
	{"reset", apdu.ErrReset},
	{"busy", apdu.ErrBusy},
	{"timeout", apdu.ErrTimeout},
}

// maxLine is far above the longest APDU in hexadecimal.
const maxLine = 1 << 20

// Read parses a trace. Commands and responses must alternate and consist of whole
// bytes, and a response must have a status word. Errors match ErrFormat and name
// the line.
func Read(r io.Reader) ([]Exchange, error) {
	var (
		all      []Exchange
		comments []string
		open     *Exchange // command without response so far
		last     *[]byte   // extended by a continuation line
		line     int
	)
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: line %d: %s", ErrFormat, line, fmt.Sprintf(format, args...))
	}
	finish := func() error {
		if n := len(all); open == nil && n > 0 && all[n-1].Err == nil && len(all[n-1].Response) < 2 {
			return bad("answer before this line without a status word")
		}
		return nil
	}
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, maxLine)
	for scanner.Scan() {
		line++
		text := strings.TrimRight(scanner.Text(), " \t\r")
		if text == "" {
			continue
		}
		if text[0] != ' ' && text[0] != '\t' {
			if err := finish(); err != nil {
				return nil, err
			}
		}
		rest := text[1:]
		switch text[0] {
		case '#':
			if open != nil {
				return nil, bad("comment between a command and its answer")
			}
			comments = append(comments, strings.TrimSpace(rest))
			last = nil
		case ' ', '\t':
			if last == nil {
				return nil, bad("nothing to continue")
			}
			b, err := digits(rest)
			if err != nil {
				return nil, bad("%v", err)
			}
			*last = append(*last, b...)
		case '>':
			if open != nil {
				return nil, bad("command without an answer before it")
			}
			b, err := digits(rest)
			if err != nil {
				return nil, bad("%v", err)
			}
			open = &Exchange{Comments: comments, Command: b}
			last, comments = &open.Command, nil
		case '<', '!':
			if open == nil {
				return nil, bad("answer without a command")
			}
			if len(open.Command) == 0 {
				return nil, bad("empty command")
			}
			all = append(all, *open)
			e := &all[len(all)-1]
			open, last = nil, nil
			if text[0] == '!' {
				if e.Err = linkError(strings.TrimSpace(rest)); e.Err == nil {
					return nil, bad("unknown error of the link")
				}
				break
			}
			b, err := digits(rest)
			if err != nil {
				return nil, bad("%v", err)
			}
			e.Response, last = b, &e.Response
		default:
			return nil, bad("a line begins with > < ! # or a blank")
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	line++
	if open != nil {
		return nil, bad("command without an answer")
	}
	return all, finish()
}

func digits(s string) ([]byte, error) {
	return hex.DecodeString(strings.NewReplacer(" ", "", "\t", "").Replace(s))
}

func linkError(name string) error {
	for _, l := range linkErrors {
		if l.name == name {
			return l.err
		}
	}
	return nil
}

// lineBytes is the number of bytes that Write puts on a line.
const lineBytes = 48

// Write writes a trace in the format of Read. It refuses errors of the link that
// are not errors of package apdu.
func Write(w io.Writer, exchanges []Exchange) error {
	var b bytes.Buffer
	for i, e := range exchanges {
		if i > 0 && len(e.Comments) > 0 {
			b.WriteByte('\n')
		}
		for _, c := range e.Comments {
			for l := range strings.SplitSeq(c, "\n") {
				b.WriteString(strings.TrimRight("# "+strings.TrimSpace(l), " ") + "\n")
			}
		}
		writeHex(&b, '>', e.Command)
		if e.Err == nil {
			writeHex(&b, '<', e.Response)
			continue
		}
		name := ""
		for _, l := range linkErrors {
			if errors.Is(e.Err, l.err) {
				name = l.name
			}
		}
		if name == "" {
			return fmt.Errorf("%w: no name for the error %q", ErrFormat, e.Err)
		}
		b.WriteString("! " + name + "\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

func writeHex(b *bytes.Buffer, mark byte, data []byte) {
	b.WriteByte(mark)
	for first := true; first || len(data) > 0; first = false {
		if !first {
			b.WriteByte(' ')
		}
		n := min(lineBytes, len(data))
		fmt.Fprintf(b, " %X\n", data[:n])
		data = data[n:]
	}
}

// ReadFile reads the trace in a file.
func ReadFile(path string) ([]Exchange, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

// WriteFile writes a trace to a file that only its owner can read, because a
// trace may contain personal data.
func WriteFile(path string, exchanges []Exchange) error {
	var b bytes.Buffer
	if err := Write(&b, exchanges); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o600)
}
