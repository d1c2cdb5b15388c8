package tty

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"
)

// roleVariable makes the test a program that asks or reads.
const roleVariable = "CIE_TTY_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "ask":
		os.Exit(ask())
	case "read":
		os.Exit(readStandardInput())
	}
	os.Exit(m.Run())
}

// ask asks for a code and a line, and reports whether they were the expected ones.
func ask() int {
	t, err := Open()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer t.Close()
	code, err := t.ReadSecret(context.Background(), "Code: ", 8)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	line, err := t.ReadLine(context.Background(), "Line: ", 16)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if string(code) != "24681357" {
		fmt.Println("wrong code of", len(code), "bytes")
		return 1
	}
	_, _ = fmt.Fprintf(t, "right and %s\r\n", line)
	return 0
}

// readStandardInput prints the lines of descriptor 0 until it ends.
func readStandardInput() int {
	for {
		line, err := ReadFD(context.Background(), 0, 8)
		if err != nil {
			fmt.Print("end ", errors.Is(err, io.EOF), " ", errors.Is(err, ErrTooLong))
			return 0
		}
		fmt.Printf("%q ", line)
	}
}

func TestReadFDReadsCodesLineByLine(t *testing.T) {
	for input, want := range map[string]string{
		"":                        "end true false",
		"12345678":                `"12345678" end true false`,
		"12345678\r\n87654321\n":  `"12345678" "87654321" end true false`,
		"\n":                      `"" end true false`,
		"1234567890123\n":         "end false true",
		"12345678\n123456789\r\n": `"12345678" end false true`,
	} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), roleVariable+"=read")
		cmd.Stdin = strings.NewReader(input)
		out, err := cmd.Output()
		if string(out) != want || err != nil {
			t.Errorf("%q: got %s, %v, want %s", input, out, err, want)
		}
	}
}

// A pipe without input: only the context ends the wait.
func TestReadFDEndsWithContext(t *testing.T) {
	var r, w windows.Handle
	if err := windows.CreatePipe(&r, &w, nil, 0); err != nil {
		t.Fatal(err)
	}
	saved, _ := windows.GetStdHandle(windows.STD_INPUT_HANDLE)
	if err := windows.SetStdHandle(windows.STD_INPUT_HANDLE, r); err != nil {
		t.Fatal(err)
	}
	defer windows.SetStdHandle(windows.STD_INPUT_HANDLE, saved)
	if !OpenFD(0) {
		t.Error("the reading end of a pipe is not readable")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	cancel(stop)
	if _, err := ReadFD(ctx, 0, 8); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	windows.CloseHandle(w) // ends a read that could not be cancelled
	if err := windows.SetStdHandle(windows.STD_INPUT_HANDLE, windows.InvalidHandle); err != nil {
		t.Fatal(err)
	}
	if OpenFD(0) {
		t.Error("no standard input is readable")
	}
}

func TestOpenFDReportsInheritedDescriptors(t *testing.T) {
	if OpenFD(3) || OpenFD(1<<20) || OpenFD(-1) {
		t.Error("a descriptor that was not passed is open")
	}
}

func TestRecordsGiveCharacters(t *testing.T) {
	if n := unsafe.Sizeof(inputRecord{}); n != 20 {
		t.Errorf("a record has %d bytes", n)
	}
	if n := unsafe.Sizeof(startupInfo{}); n != unsafe.Sizeof(windows.StartupInfo{}) {
		t.Errorf("the start-up information has %d bytes", n)
	}
	for _, tt := range []struct {
		r     inputRecord
		times int
	}{
		{inputRecord{kind: keyEvent, down: 1, repeat: 1, unit: '1'}, 1},
		{inputRecord{kind: keyEvent, down: 1, repeat: 3, unit: '1'}, 3},
		{inputRecord{kind: keyEvent, down: 1, unit: '1'}, 1},
		{inputRecord{kind: keyEvent, down: 0, repeat: 1, unit: '1'}, 0},
		{inputRecord{kind: keyEvent, down: 0, repeat: 1, virtual: menuKey, unit: 'è'}, 1},
		{inputRecord{kind: keyEvent, down: 1, repeat: 1, virtual: 0x10}, 0},
		{inputRecord{kind: 2, down: 1, repeat: 1, unit: '1'}, 0},
	} {
		if _, times := tt.r.typed(); times != tt.times {
			t.Errorf("%+v: %d times", tt.r, times)
		}
	}
}
