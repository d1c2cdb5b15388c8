package main

import (
	"bufio"
	"context"
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
)

// desk is a stack of virtual cards described in a file, one reader per line:
//
//	NAME: empty | mute | busy | foreign | cie STATE [OPTION...]
//
// STATE is the file that keeps PIN and counters. Options: lies=clone,
// lies=middle, issuer=FILE, testissuer=FILE, sod=form, tries=silent, wrong=6300, nis=N, number=N, before=DATE,
// after=DATE, family=F, at=INS:FAULT (the fault happens at the first command
// with that instruction byte), nth=INS:N:FAULT (at the Nth one), hold=INS (that command waits until the file
// STATE.go exists, and makes STATE.held when it is reached).
//
// Without the file there is no service.
type desk struct{ places []place }

type place struct {
	reader, kind string
	words        []string
}

// deskVariable names the description. Only the test binary looks at it.
const deskVariable = "CIE_TEST_DESK"

func openDesk(wait bool) (readers.Service, error) {
	f, err := os.Open(os.Getenv(deskVariable))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", apdu.ErrNoService, err)
	}
	defer f.Close()
	d := &desk{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		reader, rest, ok := strings.Cut(lines.Text(), ": ")
		if words := strings.Fields(rest); ok && len(words) > 0 {
			d.places = append(d.places, place{reader, words[0], words[1:]})
		}
	}
	return d, nil
}

func (d *desk) Close() error { return nil }

func (d *desk) Status() ([]readers.State, error) {
	var list []readers.State
	for _, p := range d.places {
		r := readers.State{Name: p.reader, Present: p.kind != "empty", Mute: p.kind == "mute", InUse: p.kind == "busy"}
		if r.Present && !r.Mute {
			r.ATR = []byte{0x3B, 0x80, 0x80, 0x01, 0x01}
		}
		list = append(list, r)
	}
	return list, nil
}

// Watch reports what lies there and waits.
func (d *desk) Watch(ctx context.Context) (<-chan readers.Event, error) {
	events := make(chan readers.Event)
	go func() {
		defer close(events)
		for _, p := range d.places {
			events <- readers.Event{Kind: readers.ReaderAdded, Reader: p.reader}
			if p.kind != "empty" {
				events <- readers.Event{Kind: readers.CardInserted, Reader: p.reader, ATR: []byte{0x3B, 0x80, 0x80, 0x01, 0x01}}
			}
		}
		<-ctx.Done()
	}()
	return events, nil
}

func (d *desk) Connect(reader string) (apdu.Card, error) {
	for _, p := range d.places {
		if p.reader != reader {
			continue
		}
		switch p.kind {
		case "empty":
			return nil, apdu.ErrNoCard
		case "busy":
			return nil, apdu.ErrBusy
		case "mute":
			return nil, apdu.ErrMute
		case "foreign":
			return foreignCard{}, nil
		}
		return p.virtualCard()
	}
	return nil, apdu.ErrNoReader
}

// foreignCard is a card that is no identity card.
type foreignCard struct{}

func (foreignCard) ATR() []byte                     { return []byte{0x3B, 0x80, 0x80, 0x01, 0x01} }
func (foreignCard) Begin() (bool, error)            { return false, nil }
func (foreignCard) End() error                      { return nil }
func (foreignCard) Reset() error                    { return nil }
func (foreignCard) Close() error                    { return nil }
func (foreignCard) Transmit([]byte) ([]byte, error) { return []byte{0x6A, 0x82}, nil }

func (p place) virtualCard() (apdu.Card, error) {
	state := filepath.Join(filepath.Dir(os.Getenv(deskVariable)), p.words[0])
	profile := cardtest.Profile{}
	c := &deskConn{state: state, at: map[byte]cardtest.FaultKind{}, hold: map[byte]bool{}}
	for _, option := range p.words[1:] {
		if err := c.apply(&profile, option); err != nil {
			return nil, fmt.Errorf("desk: %s: %w", option, err)
		}
	}
	var err error
	if c.card, err = cardtest.Load(state, profile); err != nil {
		return nil, err
	}
	c.Reader = c.card.Reader()
	return c, nil
}

// deskConn is the connection to a virtual card at which things happen.
type deskConn struct {
	*cardtest.Reader
	card  *cardtest.Card
	state string
	at    map[byte]cardtest.FaultKind
	hold  map[byte]bool
	nth   map[byte]int // how many commands are still before the fault of at
}

func (c *deskConn) apply(p *cardtest.Profile, option string) (err error) {
	name, value, _ := strings.Cut(option, "=")
	ins, fault, _ := strings.Cut(value, ":")
	switch name {
	case "lies":
		p.Lies = map[string]cardtest.Lies{
			"clone":  {AntiClone: true, InternalAuthentication: true},
			"middle": {InternalAuthentication: true},
		}[value]
	case "issuer", "testissuer": // one of its own, with the keys in a file
		called := map[string]string{"issuer": "Unknown Country Signer CA", "testissuer": "Italian Country Signer CA - TEST"}[name]
		p.Lies.Issuer, err = cardtest.LoadIssuer(filepath.Join(filepath.Dir(os.Getenv(deskVariable)), value), called)
	case "sod":
		p.Lies.SOD = map[string]cardtest.SODLie{"form": cardtest.SODUnknownForm}[value]
	case "tries":
		p.Lies.RefuseTries = 0x6A88
	case "wrong":
		p.Lies.WrongPIN6300 = true
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
	case "hold":
		var n uint64
		n, err = strconv.ParseUint(value, 16, 8)
		c.hold[byte(n)] = true
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

func (c *deskConn) Transmit(command []byte) ([]byte, error) {
	if ins := command[1]; c.hold[ins] {
		delete(c.hold, ins)
		if err := os.WriteFile(c.state+".held", nil, 0o600); err != nil {
			return nil, err
		}
		for {
			if _, err := os.Stat(c.state + ".go"); err == nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	if c.nth[command[1]] > 0 {
		c.nth[command[1]]--
	} else if kind, ok := c.at[command[1]]; ok {
		delete(c.at, command[1])
		c.card.SetFaults(cardtest.FaultAt(1, kind))
	}
	return c.Reader.Transmit(command)
}
