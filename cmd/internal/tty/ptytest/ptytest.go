//go:build linux

// Package ptytest provides tests with a pseudo-terminal and a simulated user.
package ptytest

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Patience limits the wait for expected output. Only a failing test waits that long.
const Patience = 60 * time.Second

// Person is the user at the master side and receives everything that the terminal shows.
type Person struct {
	t      testing.TB
	master *os.File
	// TTY is the terminal for the program under test.
	TTY *os.File

	mu   sync.Mutex
	more *sync.Cond
	seen bytes.Buffer
	read int // how much of seen Expect has passed
	end  bool
}

// New creates a terminal of 100 columns, which is closed at the end of the test.
func New(t testing.TB) *Person {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 100}); err != nil {
		t.Fatal(err)
	}
	if err := keepOutput(int(slave.Fd())); err != nil {
		t.Fatal(err)
	}
	p := &Person{t: t, master: master, TTY: slave}
	p.more = sync.NewCond(&p.mu)
	go p.watch()
	return p
}

// keepOutput makes the terminal keep its output when Ctrl-C is typed. By default the
// kernel discards what has not been read yet, at some time after the key was typed:
// on a busy machine that includes what the program writes because of the key.
func keepOutput(fd int) error {
	state, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	state.Lflag |= unix.NOFLSH
	return unix.IoctlSetTermios(fd, unix.TCSETS, state)
}

func (p *Person) watch() {
	buf := make([]byte, 4096)
	for {
		n, err := p.master.Read(buf)
		p.mu.Lock()
		p.seen.Write(buf[:n])
		p.end = err != nil
		p.mu.Unlock()
		p.more.Broadcast()
		if err != nil {
			return
		}
	}
}

// Expect waits until text appears after the text found by the last Expect.
func (p *Person) Expect(text string) {
	p.t.Helper()
	late := time.AfterFunc(Patience, func() {
		p.mu.Lock()
		p.end = true
		p.mu.Unlock()
		p.more.Broadcast()
	})
	defer late.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if i := strings.Index(p.seen.String()[p.read:], text); i >= 0 {
			p.read += i + len(text)
			return
		}
		if p.end {
			p.t.Fatalf("%q does not appear on the terminal:\n%s", text, p.seen.String())
		}
		p.more.Wait()
	}
}

// Type types keys.
func (p *Person) Type(keys string) {
	p.t.Helper()
	if _, err := p.master.WriteString(keys); err != nil {
		p.t.Fatal(err)
	}
}

// Seen returns everything that the terminal has shown.
func (p *Person) Seen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen.String()
}

// Echo reports whether the terminal shows typed characters.
func (p *Person) Echo() bool {
	p.t.Helper()
	state, err := unix.IoctlGetTermios(int(p.TTY.Fd()), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// AwaitHidden waits until the echo is off.
func (p *Person) AwaitHidden() {
	p.t.Helper()
	for end := time.Now().Add(Patience); p.Echo(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatal("the echo stays on")
		}
	}
}
