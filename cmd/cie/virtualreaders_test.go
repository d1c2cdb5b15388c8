package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card/cardtest"
	"cie/cmd/internal/harness/await"
)

// readersVariable names the description. Only the test binary looks at it.
const readersVariable = "CIE_TEST_READERS"

// openVirtualReaders makes the service that a file describes, one reader per line:
//
//	NAME: empty | mute | busy | foreign | cie STATE [OPTION...]
//
// Scripts give readers the names of a pcscd with virtual readers, in pairs:
// "Reader 00 00", "Reader 00 01", "Reader B 00 00".
//
// STATE is the file that keeps PIN and counters. Options: forgery=clone,
// forgery=middle, issuer=FILE, testissuer=FILE, sod=form, tries=silent, wrong=6300, nis=N, number=N, before=DATE,
// after=DATE, family=F, at=INS:FAULT (the fault happens at the first command
// with that instruction byte), nth=INS:N:FAULT (at the Nth one), pause=INS (that command waits until the file
// STATE.go exists, and makes STATE.paused when it is reached).
//
// Without the file there is no service.
func openVirtualReaders(bool) (readers.Service, error) {
	list, err := describedReaders(os.Getenv(readersVariable))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", apdu.ErrNoService, err)
	}
	s := &cardtest.Service{}
	for _, r := range list {
		reader, words := r.name, r.words
		state := readers.State{Present: true, ATR: cardtest.Foreign{}.ATR()}
		switch words[0] {
		case "empty":
			s.Attach(reader)
		case "mute":
			s.Put(reader, readers.State{Present: true, Mute: true}, nil)
		case "busy":
			state.InUse = true
			s.Put(reader, state, func() (apdu.Card, error) { return nil, apdu.ErrBusy })
		case "foreign":
			s.InsertForeign(reader, cardtest.Foreign{})
		default:
			s.Put(reader, state, func() (apdu.Card, error) {
				c, err := virtualCard(words[1], words[2:])
				if err != nil {
					return nil, err
				}
				return c, nil
			})
		}
	}
	return s, nil
}

// describedReader is one line of a description.
type describedReader struct {
	name  string
	words []string // what is in it; never empty
}

func describedReaders(file string) ([]describedReader, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list []describedReader
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, rest, ok := strings.Cut(lines.Text(), ": ")
		if words := strings.Fields(rest); ok && len(words) > 0 {
			list = append(list, describedReader{name, words})
		}
	}
	return list, lines.Err()
}

// virtualCard loads the card that a state file keeps.
func virtualCard(file string, options []string) (*faultConn, error) {
	dir := filepath.Dir(os.Getenv(readersVariable))
	return loadCard(dir, file, options)
}

// loadCard loads the card that a state file in a directory keeps.
func loadCard(dir, file string, options []string) (*faultConn, error) {
	state := filepath.Join(dir, file)
	profile := cardtest.Profile{}
	c := &faultConn{state: state, at: map[byte]cardtest.FaultKind{}, pause: map[byte]bool{}}
	for _, option := range options {
		if err := c.apply(&profile, option); err != nil {
			return nil, fmt.Errorf("virtual readers: %s: %w", option, err)
		}
	}
	var err error
	if c.card, err = cardtest.Load(state, profile); err != nil {
		return nil, err
	}
	c.Reader = c.card.Reader()
	return c, nil
}

// faultConn is the connection to a virtual card at which things happen.
type faultConn struct {
	*cardtest.Reader
	card  *cardtest.Card
	state string
	at    map[byte]cardtest.FaultKind
	pause map[byte]bool
	nth   map[byte]int // how many commands are still before the fault of at
}

func (c *faultConn) apply(p *cardtest.Profile, option string) (err error) {
	name, value, _ := strings.Cut(option, "=")
	ins, fault, _ := strings.Cut(value, ":")
	switch name {
	case "forgery":
		p.Forgery = map[string]cardtest.Forgery{
			"clone":  {AntiClone: true, InternalAuthentication: true},
			"middle": {InternalAuthentication: true},
		}[value]
	case "issuer", "testissuer": // one of its own, with the keys in a file
		called := map[string]string{"issuer": "Unknown Country Signer CA", "testissuer": "Italian Country Signer CA - TEST"}[name]
		p.Forgery.Issuer, err = cardtest.LoadIssuer(filepath.Join(filepath.Dir(c.state), value), called)
	case "sod":
		p.Forgery.SOD = map[string]cardtest.SODForgery{"form": cardtest.SODUnknownForm}[value]
	case "tries":
		p.Forgery.RefuseTries = 0x6A88
	case "wrong":
		p.Forgery.WrongPIN6300 = true
	case "nis":
		p.NIS = value
	case "number":
		p.DocumentNumber = value
	case "before":
		p.NotBefore, err = time.Parse(time.DateOnly, value)
	case "after":
		p.NotAfter, err = time.Parse(time.DateOnly, value)
	case "hours": // until it expires
		var left time.Duration
		left, err = time.ParseDuration(value + "h")
		p.NotAfter = time.Now().Add(left)
	case "family":
		p.Family, err = cardtest.ParseFamily(value)
	case "pause":
		var n uint64
		n, err = strconv.ParseUint(value, 16, 8)
		c.pause[byte(n)] = true
	case "at", "nth":
		var n uint64
		n, err = strconv.ParseUint(ins, 16, 8)
		if count, kind, ok := strings.Cut(fault, ":"); ok && name == "nth" && err == nil {
			c.nth = map[byte]int{}
			c.nth[byte(n)], err = strconv.Atoi(count)
			c.nth[byte(n)]--
			fault = kind
		}
		for _, k := range cardtest.FaultKinds() {
			if k.String() == fault {
				c.at[byte(n)] = k
			}
		}
		if c.at[byte(n)] == 0 {
			err = errors.New("no such fault")
		}
	default:
		err = errors.New("no such option")
	}
	return err
}

func (c *faultConn) Transmit(command []byte) ([]byte, error) {
	if err := c.before(command); err != nil {
		return nil, err
	}
	return c.Reader.Transmit(command)
}

// before waits, or arms a fault, where the description says so for a command.
func (c *faultConn) before(command []byte) error {
	if ins := command[1]; c.pause[ins] {
		delete(c.pause, ins)
		if err := os.WriteFile(c.state+".paused", nil, 0o600); err != nil {
			return err
		}
		for end := time.Now().Add(await.Patience); ; time.Sleep(time.Millisecond) {
			if _, err := os.Stat(c.state + ".go"); err == nil {
				break
			}
			if time.Now().After(end) {
				return fmt.Errorf("waited %v for %s.go", await.Patience, c.state)
			}
		}
	}
	if c.nth[command[1]] > 0 {
		c.nth[command[1]]--
	} else if kind, ok := c.at[command[1]]; ok {
		delete(c.at, command[1])
		c.card.SetFaults(cardtest.FaultAt(1, kind))
	}
	return nil
}
