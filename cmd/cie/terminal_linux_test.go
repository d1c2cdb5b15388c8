package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cie/card/cardtest"
	"cie/cmd/internal/anchor"
	"cie/cmd/internal/harness/await"
	"cie/cmd/internal/tty/ptytest"
)

// terminalRun is a run of the program on a terminal, with virtual cards.
type terminalRun struct {
	*ptytest.Person
	t   *testing.T
	dir string
	cmd *exec.Cmd
}

// startOnTerminal starts the program on a terminal. cards is the description of the readers.
func startOnTerminal(t *testing.T, locale, cards string, args ...string) *terminalRun {
	t.Helper()
	s := &terminalRun{Person: ptytest.New(t), t: t, dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(s.dir, "readers"), []byte(cards), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "csca.pem"), cardtest.CSCAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	s.start(locale, args...)
	return s
}

func (s *terminalRun) start(locale string, args ...string) {
	s.t.Helper()
	s.cmd = await.Command(s.t, "cie", append(args, "--csca", filepath.Join(s.dir, "csca.pem"))...)
	s.cmd.Env = append(os.Environ(), readersVariable+"="+filepath.Join(s.dir, "readers"), "LC_ALL="+locale,
		"TERM=xterm", "XDG_CACHE_HOME="+s.dir, "XDG_CONFIG_HOME="+s.dir, "XDG_STATE_HOME="+s.dir)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = s.TTY, s.TTY, s.TTY
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = s.cmd.Process.Kill() })
}

// answer waits for a prompt for a code, checks that the echo is off, and types.
func (s *terminalRun) answer(prompt, code string) {
	s.t.Helper()
	s.Expect(prompt)
	if s.Echo() {
		s.t.Errorf("%q is asked with echo", prompt)
	}
	s.Type(code + "\r")
}

// wantExit waits for the end and checks that the terminal is restored and shows no code.
func (s *terminalRun) wantExit(code int) {
	s.t.Helper()
	_ = await.Exit(s.t, s.cmd) // judged by its exit code
	if got := s.cmd.ProcessState.ExitCode(); got != code {
		s.t.Errorf("exit code %d, want %d:\n%s", got, code, s.Seen())
	}
	if !s.Echo() {
		s.t.Error("the echo stays off")
	}
	for _, secret := range []string{pin, puk, wrong, fresh} {
		if strings.Contains(s.Seen(), secret) {
			s.t.Errorf("a code was shown:\n%s", s.Seen())
		}
	}
}

// wantCard compares the memory of the card with what it should be.
func (s *terminalRun) wantCard(pinCode string, pinTries, pukTries int) {
	s.t.Helper()
	var memory struct {
		PIN      []byte `json:"pin"`
		PINTries int    `json:"pin_tries"`
		PUKTries int    `json:"puk_tries"`
	}
	content, err := os.ReadFile(filepath.Join(s.dir, "card"))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := json.Unmarshal(content, &memory); err != nil {
		s.t.Fatal(err)
	}
	if string(memory.PIN) != pinCode || memory.PINTries != pinTries || memory.PUKTries != pukTries {
		s.t.Errorf("the card has PIN %s, tries %d and %d; want %s, %d and %d",
			memory.PIN, memory.PINTries, memory.PUKTries, pinCode, pinTries, pukTries)
	}
}

// awaitPaused waits until the card pauses at the command that the readers file names.
func (s *terminalRun) awaitPaused() {
	s.t.Helper()
	for end := time.Now().Add(ptytest.Patience); ; time.Sleep(time.Millisecond) {
		_, err := os.Stat(filepath.Join(s.dir, "card.paused"))
		if err == nil {
			return
		}
		if !errors.Is(err, fs.ErrNotExist) || time.Now().After(end) {
			s.t.Fatalf("the command does not come: %v\n%s", err, s.Seen())
		}
	}
}

func (s *terminalRun) letGo() {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "card.go"), nil, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// The codes of these tests. None of them may ever be seen.
var (
	pin = string(cardtest.DefaultPIN())
	puk = string(cardtest.DefaultPUK())
)

const (
	wrong = "40404041"
	fresh = "50718264"
)

const (
	english   = "C.UTF-8"
	italian   = "it_IT.UTF-8"
	oneReader = "Reader One: cie card"
)

func TestStatusOnTerminalShowsHolder(t *testing.T) {
	s := startOnTerminal(t, italian, oneReader, "status", "--pin")
	s.Expect("non muovere la carta") // the progress bar
	s.Expect("Per il PIN restano 3 tentativi su 3.")
	s.answer("PIN (8 cifre", pin)
	s.Expect("autentica")
	s.Expect("Titolare")
	s.Expect("PROVA MARIA")
	s.Expect("ZZ00000ZZ")
	s.Expect("30 giugno 2045")
	s.wantExit(exitOK)
	s.wantCard(pin, 3, 10)
}

// A code of another length never reaches the card, and may be typed again.
func TestTerminalWrongLength(t *testing.T) {
	s := startOnTerminal(t, english, oneReader, "pin", "verify")
	s.answer("PIN (8 digits", pin[:4])
	s.Expect("exactly 8 digits")
	s.answer("PIN (8 digits", pin+"0")
	s.Expect("exactly 8 digits")
	s.answer("PIN (8 digits", pin)
	s.Expect("The PIN is right.")
	s.wantExit(exitOK)
	s.wantCard(pin, 3, 10)

	s.start(english, "pin", "verify")
	for range attempts {
		s.answer("PIN (8 digits", "")
	}
	s.Expect("Error")
	s.wantExit(exitBadCode)
	s.wantCard(pin, 3, 10)

	s.start(english, "pin", "verify")
	s.answer("PIN (8 digits", wrong)
	s.Expect("2 attempts are left")
	s.wantExit(exitWrongCode)
	s.wantCard(pin, 2, 10)
}

func TestChangeOnTerminalAsksAgainAfterWeakPIN(t *testing.T) {
	s := startOnTerminal(t, english, oneReader, "pin", "change")
	s.answer("Current PIN", pin)
	s.answer("New PIN (8 digits)", "87654321")
	s.Expect("in sequence")
	s.Expect("Please choose")
	s.answer("New PIN (8 digits)", pin)
	s.Expect("same as the current one")
	s.answer("New PIN (8 digits)", fresh)
	s.answer("New PIN again", wrong)
	s.Expect("not the same")
	s.wantExit(exitBadCode)
	s.wantCard(pin, 3, 10)

	s.start(english, "pin", "change")
	s.answer("Current PIN", pin)
	s.answer("New PIN (8 digits)", fresh)
	s.answer("New PIN again", wrong)
	s.answer("New PIN (8 digits)", fresh)
	s.answer("New PIN again", fresh)
	s.Expect("The PIN has been changed.")
	s.wantExit(exitOK)
	s.wantCard(fresh, 3, 10)
}

func TestTerminalLastTry(t *testing.T) {
	s := startOnTerminal(t, italian, oneReader, "pin", "verify")
	s.answer("PIN (8 cifre", wrong)
	s.wantExit(exitWrongCode)
	s.start(italian, "pin", "verify")
	s.Expect("restano 2 tentativi su 3")
	s.answer("PIN (8 cifre", wrong)
	s.wantExit(exitWrongCode)
	s.wantCard(pin, 1, 10)

	// no: nothing is asked, nothing is sent
	s.start(italian, "pin", "verify")
	s.Expect("resta 1 tentativo su 3")
	s.Expect("ULTIMO")
	s.Expect("Scrivi CONFERMO")
	s.Type("no\r")
	s.Expect("non è stato inviato")
	s.wantExit(exitChoose)
	s.wantCard(pin, 1, 10)

	// yes
	s.start(italian, "pin", "verify")
	s.Expect("Scrivi CONFERMO")
	s.Type("conferma\x7fo\r")
	s.answer("PIN (8 cifre", wrong)
	s.Expect("il PIN è bloccato")
	s.wantExit(exitBlocked)
	s.wantCard(pin, 0, 10)

	// a blocked PIN is not even asked
	s.start(italian, "pin", "verify")
	s.Expect("il PIN è bloccato")
	s.Expect("cie pin unblock")
	s.wantExit(exitBlocked)

	s.start(italian, "pin", "unblock")
	s.Expect("restano 10 tentativi su 10")
	s.Expect("prime 4 cifre")
	s.answer("PUK (8 cifre", puk)
	s.answer("Nuovo PIN", fresh)
	s.answer("Ripeti", fresh)
	s.Expect("Hai un nuovo PIN")
	s.wantExit(exitOK)
	s.wantCard(fresh, 3, 10)
}

// Ctrl-C at a prompt: the terminal is as before, the card too.
// A card without a known issuer gets a code only after a typed word, which
// holds for one run; cie cards accept asks for the same word and records it.
func TestTerminalAsksBeforeCodeForCardOfUnknownIssuer(t *testing.T) {
	s := startOnTerminal(t, italian, "Reader One: cie card issuer=keys\n", "pin", "verify")
	for _, args := range [][]string{nil, {"pin", "change"}, {"pin", "unblock"}, {"cert"}, {"status", "--pin"}} {
		if args != nil {
			s.start(italian, args...)
		}
		s.Expect("non riconosco chi ha emesso questa carta")
		s.Expect("Scrivi ACCETTO")
		s.Type("si\r")
		s.Expect("il codice non è stato inviato")
		s.wantExit(exitChoose)
	}
	s.wantCard(pin, 3, 10)

	for range 2 { // nothing is recorded
		s.start(italian, "pin", "verify")
		s.Expect("Scrivi ACCETTO")
		s.Type("accetto\r")
		s.answer("PIN (8 cifre", pin)
		s.Expect("giusto")
		s.wantExit(exitOK)
	}

	s.start(italian, "cards", "accept")
	s.Expect("non riconosco chi ha emesso questa carta")
	s.Expect("Scrivi ACCETTO")
	s.Type("accetto\r")
	s.Expect("La carta è accettata")
	s.wantExit(exitOK)
	s.start(italian, "pin", "verify")
	s.answer("PIN (8 cifre", pin)
	s.wantExit(exitOK)
}

func TestTerminalAsksWhereTheChipDoesNotReportTheTriesOfThePUK(t *testing.T) {
	s := startOnTerminal(t, italian, "Reader One: cie card tries=silent\n", "pin", "unblock")
	s.Expect("non dice quanti tentativi restano")
	s.Expect("Scrivi CONFERMO")
	s.Type("no\r")
	s.Expect("allow-last-try")
	s.wantExit(exitChoose)
	s.start(italian, "pin", "unblock", "--keep-pin")
	s.Expect("Scrivi CONFERMO")
	s.Type("confermo\r")
	s.answer("PUK (8 cifre", puk)
	s.wantExit(exitOK)
	// The PIN is asked for without a confirmation, again and again.
	for range 2 {
		s.start(italian, "pin", "verify")
		s.answer("PIN (8 cifre", pin)
		s.wantExit(exitOK)
	}
}

func TestTerminalInterruptedPrompt(t *testing.T) {
	s := startOnTerminal(t, italian, oneReader, "pin", "change")
	s.Expect("PIN attuale")
	s.Type(pin[:3] + "\x03")
	s.Expect("interrotto su tua richiesta")
	s.wantExit(128 + int(syscall.SIGINT))
	s.wantCard(pin, 3, 10)

	s.start(italian, "pin", "change")
	s.answer("PIN attuale", pin)
	s.Expect("Nuovo PIN")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.wantExit(128 + int(syscall.SIGTERM))
	s.wantCard(pin, 3, 10)
}

// Ctrl-\ would let the runtime of Go end the process where it is.
func TestTerminalQuit(t *testing.T) {
	s := startOnTerminal(t, english, oneReader, "pin", "verify")
	s.Expect("PIN (8 digits")
	s.Type(pin[:3] + "\x1c")
	s.Expect("stopped at your request")
	s.wantExit(128 + int(syscall.SIGQUIT))
	s.wantCard(pin, 3, 10)
}

// Ctrl-C while a file is read that does not come.
func TestTerminalInterruptedFile(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	s := startOnTerminal(t, english, oneReader, "sign", pipe, "--format", "raw", "--out", filepath.Join(t.TempDir(), "out"))
	w, err := os.OpenFile(pipe, os.O_WRONLY, 0) // until the program reads
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s.Type("\x03")
	s.Expect("stopped at your request")
	s.wantExit(128 + int(syscall.SIGINT))
}

// A descriptor that is a terminal: the code is asked for without echo.
func TestTerminalDescriptorHasNoEcho(t *testing.T) {
	s := startOnTerminal(t, english, oneReader, "pin", "verify", "--pin-fd", "0")
	s.answer("PIN (8 digits", pin)
	s.Expect("The PIN is right.")
	s.wantExit(exitOK)
	s.wantCard(pin, 3, 10)
}

// Ctrl-C while a code is with the card: the card finishes first.
func TestTerminalInterruptedCard(t *testing.T) {
	tests := []struct {
		name, pause string
		verb        string
		codes       [][2]string
		says        string
		code        string // the PIN that holds afterwards
		exit        int
		pinTries    int
	}{
		{"verify", "20", "verify", [][2]string{{"PIN (8", pin}}, "The PIN is right", pin, 130, 3},
		{"wrong PIN", "20", "verify", [][2]string{{"PIN (8", wrong}}, "2 attempts are left", pin, 130, 2},
		{"change, at the old PIN", "20", "change", [][2]string{{"Current PIN", pin}, {"New PIN (8", fresh}, {"again", fresh}},
			"The PIN has been changed", fresh, 130, 3},
		{"change, at the new PIN", "24", "change", [][2]string{{"Current PIN", pin}, {"New PIN (8", fresh}, {"again", fresh}},
			"The PIN has been changed", fresh, 130, 3},
		{"unblock, at the PUK", "20", "unblock", [][2]string{{"PUK (8", puk}, {"New PIN (8", fresh}, {"again", fresh}},
			"You have a new PIN", fresh, 130, 3},
		{"unblock, at the new PIN", "2C", "unblock", [][2]string{{"PUK (8", puk}, {"New PIN (8", fresh}, {"again", fresh}},
			"You have a new PIN", fresh, 130, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := startOnTerminal(t, english, oneReader+" pause="+tt.pause, "pin", tt.verb)
			for _, c := range tt.codes {
				s.answer(c[0], c[1])
			}
			s.awaitPaused()
			s.Type("\x03")
			s.Expect("Stopping as soon as the card has finished")
			s.Type("\x03\x03") // impatience does not help
			s.letGo()
			s.Expect(tt.says)
			s.wantExit(tt.exit)
			s.wantCard(tt.code, tt.pinTries, 10)
		})
	}
}

// A second Ctrl-C that comes when the run is over does not end the process. It is tried in a
// process of its own, which keeps ignoring signals.
func TestSecondSignalAfterTheRunIsIgnored(t *testing.T) {
	const child = "CIE_TEST_SECOND_SIGNAL"
	if os.Getenv(child) == "" {
		cmd := await.Command(t, os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), child+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	g := &guard{notice: func(bool) {}}
	_, stop := g.watch(t.Context())
	g.receive(syscall.SIGINT)
	stop()
	send := func() {
		for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			if err := syscall.Kill(os.Getpid(), s); err != nil {
				t.Fatal(err)
			}
		}
	}
	send()
	// When others have come, these have.
	others := make(chan os.Signal, 2)
	signal.Notify(others, syscall.SIGINT, syscall.SIGTERM)
	send()
	<-others
	<-others
}

// Ctrl-C while the card does something harmless ends the run after the command.
func TestTerminalInterruptedReading(t *testing.T) {
	s := startOnTerminal(t, english, oneReader+" pause=82", "status")
	s.awaitPaused() // in the device authentication
	s.Type("\x03")
	s.Expect("Stopping.")
	s.letGo()
	s.Expect("stopped at your request")
	s.wantExit(130)
	s.wantCard(pin, 3, 10)
}

// The reader of the --debug output closes its pipe between the PUK and the new PIN:
// the operation is completed.
func TestUnblockCompletesWhenDebugPipeCloses(t *testing.T) {
	s := &terminalRun{t: t, dir: t.TempDir()}
	file := filepath.Join(s.dir, "readers")
	if err := os.WriteFile(file, []byte(oneReader+" pause=20"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := anchor.Write(s.dir); err != nil {
		t.Fatal(err)
	}
	cmd := await.Command(t, "cie", "pin", "unblock", "--debug", "--puk-fd", "3", "--new-pin-fd", "4")
	cmd.Env = append(os.Environ(), readersVariable+"="+file, "LC_ALL=C", "XDG_CACHE_HOME="+s.dir, "XDG_CONFIG_HOME="+s.dir, "XDG_STATE_HOME="+s.dir)
	cmd.Stderr = w
	for _, code := range []string{puk, fresh} {
		name := filepath.Join(s.dir, "code")
		if err := os.WriteFile(name, []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, r)
	}()
	for end := time.Now().Add(ptytest.Patience); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(filepath.Join(s.dir, "card.paused")); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the command does not come")
		}
	}
	r.Close()
	await.Value(t, "the end of the output", drained)
	s.letGo()
	if err := await.Exit(t, cmd); err != nil {
		t.Errorf("cie: %v", err)
	}
	s.wantCard(fresh, 3, 10)
}

// Without a terminal nothing is asked, and the card is not touched.
func TestWithoutTerminalNoCardIsUsed(t *testing.T) {
	s := &terminalRun{t: t, dir: t.TempDir()}
	file := filepath.Join(s.dir, "readers")
	if err := os.WriteFile(file, []byte(oneReader), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := await.Command(t, "cie", "pin", "verify", "--json")
	cmd.Env = append(os.Environ(), readersVariable+"="+file, "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, _ := cmd.Output()
	if code := cmd.ProcessState.ExitCode(); code != exitUsage || !strings.Contains(string(out), `"code": "no-terminal"`) {
		t.Errorf("exit code %d, %s", code, out)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "card")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the card was touched")
	}
}

// Digits of other scripts are digits, also where a new PIN is repeated.
func TestPromptTakesDigitsOfOtherScripts(t *testing.T) {
	s := startOnTerminal(t, english, oneReader, "pin", "change")
	s.answer("Current PIN", "١٣٥٧٢٤٦٨")
	s.answer("New PIN (8 digits)", "۵۰۷۱۸۲۶۴")
	s.answer("again", "50718264")
	s.wantExit(exitOK)
	s.wantCard("50718264", 3, 10)
}
