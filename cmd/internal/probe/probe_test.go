package probe

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cie/cmd/internal/harness/await"
)

// roleVariable makes the test binary a child.
const roleVariable = "CIE_PROBE_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "serve":
		os.Exit(Serve(os.Stdin, os.Stdout))
	case "silent":
		os.Exit(0)
	case "noise":
		os.Stdout.WriteString("hello")
		os.Stderr.WriteString("first line\nsecond line\n")
		os.Exit(3)
	}
	os.Exit(m.Run())
}

func prober(t *testing.T, role string) Prober {
	t.Helper()
	p, err := Self()
	if err != nil {
		t.Fatal(err)
	}
	p.Env = append(os.Environ(), roleVariable+"="+role, "PCSCLITE_CSOCK_NAME="+t.TempDir()+"/none")
	return p
}

// library compiles C into a library.
func library(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "m.c"), filepath.Join(dir, "m.so")
	if err := os.WriteFile(in, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := await.Command(t, "cc", "-shared", "-fPIC", "-o", out, in).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return out
}

// cryptoki returns the source of a module whose only working function is C_Initialize.
func cryptoki(initialize string) string {
	return `#include <stdlib.h>
#include <unistd.h>
#include <stdio.h>
static unsigned long no(void) { return 0x54; } /* CKR_FUNCTION_NOT_SUPPORTED */
static unsigned long initialize(void *args) { ` + initialize + ` }
static struct { unsigned char major, minor; void *functions[68]; } list = { 2, 40 };
unsigned long C_GetFunctionList(void **out) {
	for (int i = 0; i < 68; i++) list.functions[i] = (void *)no;
	list.functions[0] = (void *)initialize;
	*out = &list;
	return 0;
}
`
}

func TestCardInComparesEndOfName(t *testing.T) {
	long := strings.Repeat("x", 57)
	tests := []struct {
		slot, reader string
		want         bool
	}{
		{"Reader 1", "Reader 1", true},
		{"Reader 1", "Reader 10", false},
		{"Reader 1", "Reader 1 00 00", false},
		{"Reader 10", "Reader 1", false},
		{"", "Reader 1", false},
		{"", "", false},
		{long + "y 00 00", long + "y 00 00", true},
		{long + "y 00 00", "y" + long + "y 00 00", true},
		{long + "y 00 00", "y" + long + "y 00 01", false},
		{long + " 00 00", "Reader " + long + " 00 00", true}, // the 64th from the end is a blank
		{long[1:] + "è 00 00", "è" + long[1:] + "è 00 00", true},
		{long + " 00 00", "è" + long + " 00 00", true}, // half of the è does not fit
	}
	for _, tt := range tests {
		if got := (Card{Slot: tt.slot}).In(tt.reader); got != tt.want {
			t.Errorf("%q in %q: %v", tt.slot, tt.reader, got)
		}
	}
}

// The names of both readers are equal as far as a module shows them, so no PIN may be
// sent to either card.
func TestLoginRefusesAmbiguousReader(t *testing.T) {
	name := "HID Global OMNIKEY 5022 Smart Card Reader [OMNIKEY 5022 Smart Card Reader] "
	module := library(t, `#include <string.h>
#include <unistd.h>
static unsigned long no(void) { return 0x54; }
static unsigned long ok(void) { return 0; }
static unsigned long slots(unsigned char present, unsigned long *list, unsigned long *n) {
	if (list) { list[0] = 1; list[1] = 2; }
	*n = 2;
	return 0;
}
static unsigned long info(unsigned long slot, char *info) {
	memset(info, ' ', 96);
	memcpy(info, "`+name[:64]+`", 64);
	return 0;
}
static unsigned long session(void) { _exit(9); }
static struct { unsigned char major, minor; void *functions[68]; } list = { 2, 40 };
unsigned long C_GetFunctionList(void **out) {
	for (int i = 0; i < 68; i++) list.functions[i] = (void *)no;
	list.functions[0] = list.functions[1] = (void *)ok;
	list.functions[4] = (void *)slots;
	list.functions[5] = (void *)info;
	list.functions[12] = (void *)session;
	*out = &list;
	return 0;
}
`)
	p := prober(t, "serve")
	for _, reader := range []string{name + "00 00", name + "01 00", ""} {
		_, err := p.Login(context.Background(), module, Login{Reader: reader}, []byte("00000000"))
		if Of(err) != ReasonNoToken {
			t.Errorf("%q: %v", reader, err)
		}
	}
}

func TestLoadReportsReason(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text.so")
	if err := os.WriteFile(text, []byte("no library\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path string
		reason     Reason
		says       string
	}{
		{"missing", filepath.Join(t.TempDir(), "none.so"), ReasonMissing, "none.so"},
		{"no library", text, ReasonNotLoadable, "file too short"},
		{"no module", library(t, "int answer(void) { return 42; }"), ReasonNotModule, "C_GetFunctionList"},
		{"missing symbol", library(t, "extern int nowhere(void); int answer(void) { return nowhere(); }"), ReasonNotLoadable, "nowhere"},
		{"refuses", library(t, cryptoki("return 0x30;")), ReasonRefused, "C_Initialize"},
		{"no information", library(t, cryptoki("return 0;")), ReasonRefused, "C_GetInfo"},
		{"crashes", library(t, cryptoki("*(volatile int *)0 = 1; return 0;")), ReasonCrashed, ""},
		{"aborts", library(t, cryptoki("abort();")), ReasonCrashed, ""},
		{"is killed", library(t, cryptoki("kill(getpid(), 9); return 0;")), ReasonCrashed, "killed"},
		{"leaves", library(t, cryptoki("_exit(7);")), ReasonChild, "7"},
	}
	p := prober(t, "serve")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := p.Load(context.Background(), tt.path)
			if Of(err) != tt.reason || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %s: %s", err, tt.reason, tt.says)
			}
			if _, err := p.Login(context.Background(), tt.path, Login{}, []byte("00000000")); Of(err) == "" {
				t.Errorf("login: %v", err)
			}
		})
	}
}

// A module that hangs is left behind when the time is over.
func TestHangingModuleTimesOut(t *testing.T) {
	p, module := prober(t, "serve"), library(t, cryptoki("sleep(600); return 0;"))
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := p.Load(ctx, module); Of(err) != ReasonTimeout {
		t.Errorf("%v", err)
	}
}

// Output of a module must not become part of the answer.
func TestOutputOfModuleIsSeparate(t *testing.T) {
	_, err := prober(t, "serve").Load(context.Background(), library(t, cryptoki(`printf("{}\n"); fflush(stdout); return 0x30;`)))
	if Of(err) != ReasonRefused {
		t.Errorf("%v", err)
	}
}

func TestWrongAnswerOfChildIsReported(t *testing.T) {
	module := library(t, "int answer(void) { return 42; }")
	for role, says := range map[string]string{"silent": "no answer", "noise": "first line"} {
		_, err := prober(t, role).Load(context.Background(), module)
		var own *Error
		if !errors.As(err, &own) || own.Reason != ReasonChild || !strings.Contains(own.Detail, says) || strings.Contains(own.Detail, "second") {
			t.Errorf("%s: %v", role, err)
		}
	}
	if _, err := (Prober{Path: "/nowhere/cie"}).Load(context.Background(), module); Of(err) != ReasonChild {
		t.Errorf("%v", err)
	}
}

// A malformed request gets an answer with an error.
func TestServeRefusesMalformedRequest(t *testing.T) {
	for _, in := range []string{"", "{}", "no json\n", "[]\n"} {
		var out strings.Builder
		if code := Serve(strings.NewReader(in), &out); code != 0 || !strings.Contains(out.String(), `"reason":"child"`) {
			t.Errorf("%q: %d, %s", in, code, &out)
		}
	}
}
