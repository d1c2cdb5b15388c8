package apdutest_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"cie/apdu"
	"cie/apdu/apdutest"
)

const sample = `# SELECT DF_CIE
> 00A4040C06A00000000039
< 9000

# EF.ID_Servizi
# by its short identifier
> 00B0810000
< 3132333435363738393031326282
> 00A40000
! removed
`

func TestWriteRoundTrips(t *testing.T) {
	all, err := apdutest.Read(strings.NewReader(sample))
	if err != nil {
		t.Fatal(err)
	}
	want := []apdutest.Exchange{
		{Comments: []string{"SELECT DF_CIE"}, Command: []byte("\x00\xA4\x04\x0C\x06\xA0\x00\x00\x00\x00\x39"), Response: []byte("\x90\x00")},
		{Comments: []string{"EF.ID_Servizi", "by its short identifier"}, Command: []byte("\x00\xB0\x81\x00\x00"), Response: []byte("123456789012\x62\x82")},
		{Command: []byte("\x00\xA4\x00\x00"), Err: apdu.ErrRemoved},
	}
	if !reflect.DeepEqual(all, want) {
		t.Errorf("read\n%v, want\n%v", all, want)
	}
	var b bytes.Buffer
	if err := apdutest.Write(&b, all); err != nil {
		t.Fatal(err)
	}
	if b.String() != sample {
		t.Errorf("written as\n%s", b.String())
	}
}

// Blanks and continuation lines have no meaning.
func TestReadIgnoresBlanks(t *testing.T) {
	all, err := apdutest.Read(strings.NewReader("\r\n>00a4 04 0c\n\t06 A000\n  00000039\r\n<\n 90\n\n 00\n# the end\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || fmt.Sprintf("%X %X", all[0].Command, all[0].Response) != "00A4040C06A00000000039 9000" {
		t.Errorf("%v", all)
	}
}

func TestReadRefusesMalformed(t *testing.T) {
	for name, s := range map[string]string{
		"answer first":                  "< 9000\n",
		"two commands":                  "> 00A40000\n> 00A40000\n",
		"two answers":                   "> 00A40000\n< 9000\n< 9000\n",
		"command without answer":        "> 00A40000\n",
		"empty command":                 ">\n< 9000\n",
		"odd digits":                    "> 00A4000\n< 9000\n",
		"not a digit":                   "> 00A4000G\n< 9000\n",
		"answer without status":         "> 00A40000\n< 90\n",
		"answer without status, inside": "> 00A40000\n< 90\n> 00A40000\n< 9000\n",
		"unknown error":                 "> 00A40000\n! tired\n",
		"continues nothing":             " 9000\n",
		"continues an error":            "> 00A40000\n! reset\n 9000\n",
		"continues a comment":           "# comment\n 9000\n",
		"comment in between":            "> 00A40000\n# comment\n< 9000\n",
		"unknown line":                  "00A40000\n",
	} {
		all, err := apdutest.Read(strings.NewReader(s))
		if !errors.Is(err, apdutest.ErrFormat) || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: %v, %v", name, all, err)
		}
	}
}

func TestWriteReportsErrors(t *testing.T) {
	for _, link := range []error{
		apdu.ErrNoService, apdu.ErrNoReader, apdu.ErrNoCard, apdu.ErrMute,
		apdu.ErrRemoved, apdu.ErrReset, apdu.ErrBusy, apdu.ErrTimeout,
	} {
		var b bytes.Buffer
		e := apdutest.Exchange{Command: []byte{0, 0xA4, 0, 0}, Err: fmt.Errorf("reader 0: %w", link)}
		if err := apdutest.Write(&b, []apdutest.Exchange{e}); err != nil {
			t.Fatal(err)
		}
		all, err := apdutest.Read(&b)
		if err != nil || len(all) != 1 || all[0].Err != link {
			t.Errorf("%v came back as %v, %v", link, all, err)
		}
	}
	var b bytes.Buffer
	e := apdutest.Exchange{Command: []byte{0, 0xA4, 0, 0}, Err: errors.New("some other")}
	if err := apdutest.Write(&b, []apdutest.Exchange{e}); !errors.Is(err, apdutest.ErrFormat) || b.Len() != 0 {
		t.Errorf("%v, %q", err, b.String())
	}
}

func TestReplayRefusesOtherCommands(t *testing.T) {
	trace, err := apdutest.Read(strings.NewReader(sample))
	if err != nil {
		t.Fatal(err)
	}
	first, second, third := trace[0].Command, trace[1].Command, trace[2].Command

	t.Run("as recorded", func(t *testing.T) {
		r := apdutest.NewReplay(trace)
		for i, e := range trace {
			if err := r.Done(); !errors.Is(err, apdutest.ErrReplay) {
				t.Errorf("done after %d exchanges: %v", i, err)
			}
			answer, err := r.Transmit(e.Command)
			if !bytes.Equal(answer, e.Response) || err != e.Err {
				t.Errorf("%d: %X, %v", i, answer, err)
			}
		}
		if err := r.Done(); err != nil {
			t.Error(err)
		}
		if _, err := r.Transmit(first); !errors.Is(err, apdutest.ErrReplay) {
			t.Errorf("after the end: %v", err)
		}
		if err := r.Done(); !errors.Is(err, apdutest.ErrReplay) {
			t.Errorf("after a command too many: %v", err)
		}
	})
	t.Run("every difference fails for good", func(t *testing.T) {
		for _, wrong := range [][]byte{second, third, nil, first[:4], append(bytes.Clone(first), 0)} {
			r := apdutest.NewReplay(trace)
			if _, err := r.Transmit(wrong); !errors.Is(err, apdutest.ErrReplay) {
				t.Errorf("%X accepted", wrong)
			}
			if _, err := r.Transmit(first); !errors.Is(err, apdutest.ErrReplay) {
				t.Errorf("goes on after %X", wrong)
			}
			if err := r.Done(); !errors.Is(err, apdutest.ErrReplay) {
				t.Errorf("done after %X: %v", wrong, err)
			}
		}
	})
	t.Run("answers belong to the caller", func(t *testing.T) {
		r := apdutest.NewReplay(trace)
		answer, _ := r.Transmit(first)
		answer[0] = 0xFF
		if trace[0].Response[0] != 0x90 {
			t.Error("the trace was changed through an answer")
		}
	})
}

// A recorded trace can be replayed, directly and through a file.
func TestRecorderRecordsForReplay(t *testing.T) {
	trace, err := apdutest.Read(strings.NewReader(sample))
	if err != nil {
		t.Fatal(err)
	}
	r := apdutest.NewRecorder(apdutest.NewReplay(trace))
	for _, e := range trace {
		for _, c := range e.Comments {
			r.Comment("%s", c)
		}
		command := bytes.Clone(e.Command)
		if answer, err := r.Transmit(command); !bytes.Equal(answer, e.Response) || err != e.Err {
			t.Errorf("%X, %v", answer, err)
		}
		clear(command) // the caller may wipe a sent command
	}
	path := filepath.Join(t.TempDir(), "trace.apdu")
	if err := apdutest.WriteFile(path, r.Exchanges()); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != sample {
		t.Errorf("%v\n%s", err, b)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	back, err := apdutest.ReadFile(path)
	if err != nil || !reflect.DeepEqual(back, trace) {
		t.Errorf("%v, %v", back, err)
	}
}

func TestFilesArePrivate(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.apdu")
	if _, err := apdutest.OpenReplay(missing); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	bad := filepath.Join(t.TempDir(), "bad.apdu")
	if err := os.WriteFile(bad, []byte("> 00\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := apdutest.OpenReplay(bad); !errors.Is(err, apdutest.ErrFormat) || !strings.Contains(err.Error(), bad) {
		t.Error(err)
	}
}

// Write reproduces the trace in testdata byte by byte, so that recording a trace
// again does not change the file.
func TestWriteReproducesFile(t *testing.T) {
	const path = "testdata/identify.apdu"
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all, err := apdutest.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := apdutest.Write(&b, all); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("written as\n%s", b.Bytes())
	}
}

// FuzzRead checks that Write and Read reproduce every accepted trace.
func FuzzRead(f *testing.F) {
	f.Add(sample)
	f.Add(">00a4 04 0c\n\t06 A000\n  00000039\r\n<\n 90\n\n 00\n# the end\n")
	f.Fuzz(func(t *testing.T, s string) {
		all, err := apdutest.Read(strings.NewReader(s))
		if err != nil {
			if !errors.Is(err, apdutest.ErrFormat) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		var b bytes.Buffer
		if err := apdutest.Write(&b, all); err != nil {
			t.Fatal(err)
		}
		again, err := apdutest.Read(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		if !reflect.DeepEqual(all, again) {
			t.Fatalf("%v became %v", all, again)
		}
	})
}
