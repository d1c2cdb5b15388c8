package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ebfe/scard"
	"github.com/rogpeppe/go-internal/testscript"

	"cie/apdu/pcsc"
	"cie/apdu/readers"
	"cie/card/cardtest"
	"cie/card/cardtest/stack"
)

// wineVariable names the directory with cie.exe and spawn.exe, as Wine shows it.
// Scripts then run cie.exe in Wine, and each description of readers becomes a
// private pcscd with these cards. The tests of the programs for Windows
// (cmd/internal/harness/windowstest) start this test binary so.
const wineVariable = "CIE_TEST_WINE"

// wineHomeVariable keeps the home directory of Wine; scripts have one of their own.
const wineHomeVariable = "CIE_TEST_WINE_HOME"

// syncVariable names the socket at which the program of a script waits for the
// readers of its description.
const syncVariable = "CIE_TEST_SYNC"

func init() {
	if dir := os.Getenv(wineVariable); dir != "" {
		wine = winePrograms(dir)
	}
}

// winePrograms is the directory of the programs for Windows.
type winePrograms string

func (w winePrograms) programs(all map[string]func()) {
	all["cie"] = func() { os.Exit(w.run(os.Args[1:])) }
	all[exclusiveUser] = func() { os.Exit(useExclusively(os.Args[1])) }
}

func (w winePrograms) setUp(e *testscript.Env) error {
	dir, err := os.MkdirTemp("", "cie-sync-")
	if err != nil {
		return err
	}
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		return err
	}
	s := &scriptServices{dir: e.WorkDir, made: map[string]*scriptService{}}
	go s.serve(l)
	e.Defer(func() {
		l.Close()
		s.stop()
		os.RemoveAll(dir)
	})
	for _, v := range os.Environ() {
		if name, value, _ := strings.Cut(v, "="); strings.HasPrefix(name, "WINE") {
			e.Setenv(name, value)
		}
	}
	e.Setenv(wineHomeVariable, os.Getenv("HOME"))
	e.Setenv(wineVariable, string(w))
	e.Setenv(syncVariable, l.Addr().String())
	e.Setenv("CACHE", e.WorkDir+"/.local/cie/cards")
	e.Setenv("STATE", e.WorkDir+"/.local/cie/state")
	return nil
}

// patience bounds the waits for services and readers.
const patience = 2 * time.Minute

// run runs cie.exe as the script calls it.
func (w winePrograms) run(args []string) int {
	files, err := runtimeFiles(args)
	if err == nil {
		err = awaitReaders()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "wine:", err)
		return 255
	}
	defer os.RemoveAll(files.dir)
	dir, err := os.Getwd()
	if err != nil {
		fmt.Fprintln(os.Stderr, "wine:", err)
		return 255
	}
	work := filepath.Dir(os.Getenv(readersVariable))
	call := []string{string(w) + `\spawn.exe`, "env", "APPDATA=" + winePath(work+"/.config"), "env", "LOCALAPPDATA=" + winePath(work+"/.local")}
	call = append(append(append(call, files.args...), "--", string(w)+`\cie.exe`), args...)
	cmd := exec.Command(os.Getenv("WINELOADER"), call...)
	cmd.Dir = dir
	// Wine 10 aborts where TMPDIR is set.
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TMPDIR=") }), "HOME="+os.Getenv(wineHomeVariable))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, "wine:", err)
		return 255
	}
	return cmd.ProcessState.ExitCode()
}

func winePath(path string) string { return "Z:" + strings.ReplaceAll(path, "/", `\`) }

// runtimeDescriptors are copies of the descriptors that options name, for
// spawn.exe: Wine passes only the first three on to programs for Windows.
type runtimeDescriptors struct {
	dir  string
	args []string
}

func runtimeFiles(args []string) (r runtimeDescriptors, err error) {
	if r.dir, err = os.MkdirTemp("", "cie-fd-"); err != nil {
		return r, err
	}
	for i, a := range args {
		if !strings.HasPrefix(a, "--") || !strings.HasSuffix(a, "-fd") || i+1 == len(args) {
			continue
		}
		n, err := strconv.Atoi(args[i+1])
		if err != nil || n < 3 || n > 99 || slices.Contains(r.args, args[i+1]) {
			continue
		}
		link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", n))
		if err != nil || strings.HasPrefix(link, "anon_inode:") {
			continue // not open
		}
		path := filepath.Join(r.dir, args[i+1])
		content, err := io.ReadAll(os.NewFile(uintptr(n), link))
		open := winePath(path)
		if err != nil {
			open = ">" + open // open for writing only
		} else if err := os.WriteFile(path, content, 0o600); err != nil {
			return r, err
		}
		r.args = append(r.args, args[i+1], open)
	}
	return r, nil
}

// awaitReaders asks for the readers of the description, and waits until the
// service shows them.
func awaitReaders() error {
	c, err := net.Dial("unix", os.Getenv(syncVariable))
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		return err
	}
	socket, problem, _ := strings.Cut(strings.TrimSuffix(string(answer), "\n"), "\n")
	if problem != "" {
		return errors.New(problem)
	}
	if err := os.Setenv("PCSCLITE_CSOCK_NAME", socket); err != nil {
		return err
	}
	list, err := describedReaders(os.Getenv(readersVariable))
	if err != nil {
		return nil // no service
	}
	s, err := pcsc.Establish()
	if err != nil {
		return err
	}
	defer s.Close()
	var got []readers.State
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		got, err = s.Status()
		if err == nil && !slices.ContainsFunc(list, func(d describedReader) bool { return !d.shown(got) }) {
			return nil
		}
	}
	return fmt.Errorf("waited %v for the readers %v: %v, %v", patience, list, got, err)
}

// shown reports whether a service shows a reader as described.
func (d describedReader) shown(list []readers.State) bool {
	for _, s := range list {
		if s.Name == d.name {
			kind := d.words[0]
			return s.Present == (kind != "empty") && s.Mute == (kind == "mute")
		}
	}
	return false
}

// scriptServices are the PC/SC services of one script, one for each description
// of readers. A description that returns finds its service again.
type scriptServices struct {
	dir  string
	mu   sync.Mutex
	made map[string]*scriptService
}

type scriptService struct {
	*stack.Stack
	cards []*scriptCard
	users []io.Closer // programs that use a card exclusively
}

func (s *scriptService) stop() {
	for _, u := range s.users {
		u.Close()
	}
	s.Stop()
}

func (s *scriptServices) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		socket, err := s.sync()
		if err != nil {
			fmt.Fprintf(c, "%s\n%v\n", socket, err)
		} else {
			fmt.Fprintln(c, socket)
		}
		c.Close()
	}
}

func (s *scriptServices) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, service := range s.made {
		service.stop()
	}
}

// sync makes the service of the description, if it is not there yet, and returns
// its socket. Every card is loaded again, as a program in the process does.
func (s *scriptServices) sync() (socket string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	file := filepath.Join(s.dir, "readers")
	content, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return filepath.Join(s.dir, "no-service"), nil
	}
	if err != nil {
		return "", err
	}
	service := s.made[string(content)]
	if service == nil {
		if service, err = s.start(file); err != nil {
			return "", err
		}
		s.made[string(content)] = service
	}
	for _, c := range service.cards {
		if err := c.load(); err != nil {
			return "", err
		}
	}
	return service.Socket(), nil
}

func (s *scriptServices) start(file string) (*scriptService, error) {
	list, err := describedReaders(file)
	if err != nil {
		return nil, err
	}
	d, err := stack.Start(context.Background(), stack.Options{Name: "Reader", Slots: 2 * ((len(list) + 1) / 2), NoReaders: len(list) == 0, NoPolkit: true})
	if err != nil {
		return nil, err
	}
	service := &scriptService{Stack: d}
	for _, r := range list {
		slot := 0
		for slot < d.Slots() && d.Reader(slot) != r.name {
			slot++
		}
		if slot == d.Slots() {
			service.stop()
			return nil, fmt.Errorf("pcscd has no reader %q", r.name)
		}
		switch r.words[0] {
		case "empty":
		case "mute":
			d.Insert(slot, muteCard{})
		case "foreign":
			d.Insert(slot, foreignCard{})
		case "busy":
			d.Insert(slot, foreignCard{})
			user, err := startExclusiveUser(d, r.name)
			if err != nil {
				service.stop()
				return nil, err
			}
			service.users = append(service.users, user)
		default:
			c := &scriptCard{dir: s.dir, words: r.words[1:]}
			if err := c.load(); err != nil {
				service.stop()
				return nil, err
			}
			service.cards = append(service.cards, c)
			d.Insert(slot, c)
		}
	}
	return service, nil
}

// exclusiveUser is the program of the scripts that uses a card exclusively. It is a
// process of its own, because a process reaches one service only.
const exclusiveUser = "use-exclusively"

// startExclusiveUser starts it and returns when it has the card. Close ends it.
func startExclusiveUser(d *stack.Stack, reader string) (io.Closer, error) {
	cmd := exec.Command(exclusiveUser, reader)
	cmd.Env = append(os.Environ(), d.Env()...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		in.Close()
		return nil, errors.Join(err, cmd.Wait())
	}
	go func() { _ = cmd.Wait() }()
	return in, nil
}

// useExclusively uses the card in a reader until standard input ends.
func useExclusively(reader string) int {
	c, err := scard.EstablishContext()
	if err != nil {
		fmt.Fprintln(os.Stderr, exclusiveUser+":", err)
		return 1
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if _, err = c.Connect(reader, scard.ShareExclusive, scard.ProtocolAny); err == nil {
			break
		}
		if time.Now().After(deadline) {
			fmt.Fprintln(os.Stderr, exclusiveUser+":", err)
			return 1
		}
	}
	fmt.Print("+")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// muteCard is a card that does not answer.
type muteCard struct{}

func (muteCard) PowerOn() []byte        { return nil }
func (muteCard) PowerOff()              {}
func (muteCard) Reset()                 {}
func (muteCard) Exchange([]byte) []byte { return nil }

// foreignCard is a card that is not a CIE.
type foreignCard struct{}

func (foreignCard) PowerOn() []byte { return cardtest.Foreign{}.ATR() }
func (foreignCard) PowerOff()       {}
func (foreignCard) Reset()          {}
func (foreignCard) Exchange(command []byte) []byte {
	answer, _ := cardtest.Foreign{}.Transmit(command)
	return answer
}

// scriptCard is the card of a description in a reader of the service.
type scriptCard struct {
	dir   string
	words []string

	mu      sync.Mutex
	card    *faultConn
	powered bool
}

// load replaces the card by one from the state file, with its faults before it.
func (c *scriptCard) load() error {
	card, err := loadCard(c.dir, c.words[0], c.words[1:])
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.card = card
	if c.powered {
		card.card.PowerOn()
	}
	return nil
}

func (c *scriptCard) now() *faultConn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.card
}

func (c *scriptCard) PowerOn() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.powered = true
	return c.card.card.PowerOn()
}

func (c *scriptCard) PowerOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.powered = false
	c.card.card.PowerOff()
}

func (c *scriptCard) Reset()        { c.now().card.Reset() }
func (c *scriptCard) Present() bool { return c.now().card.Present() }

func (c *scriptCard) Exchange(command []byte) []byte {
	now := c.now()
	if err := now.before(command); err != nil {
		return nil
	}
	return now.card.Exchange(command)
}
