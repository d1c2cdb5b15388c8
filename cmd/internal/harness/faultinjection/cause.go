package faultinjection

import (
	"errors"
	"sync/atomic"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card/cardtest"
)

// Cause is what goes wrong during an operation: a fault of the card, or one of what
// surrounds it.
type Cause struct {
	Name string
	// Column is the column of the table in which the cause is counted.
	Column string
	// kind is the fault of the card, 0 for other causes.
	kind cardtest.FaultKind
	// Begin makes the cause begin, and returns what ends it. It is called just before
	// the command at a position, and while no command is executed.
	Begin func(t *Trial, at int) (end func() error, err error)
	// Runs, if it is not 0, is how often Begin is called before the operation instead,
	// with at from 1 to Runs.
	Runs int
	// Disk: the folder of the trial has to be a disk of its own, see SmallDisk.
	Disk bool
}

func (c Cause) String() string { return c.Name }

// lying reports whether a fault changes the card's answers, which can look like a
// forgery.
func (c Cause) lying() bool {
	return c.kind == cardtest.FlipBit || c.kind == cardtest.TruncateData || c.kind == cardtest.Truncate
}

// silent reports whether the user has to insert the card again for a program that
// waits for events.
func (c Cause) silent() bool { return c.kind == cardtest.MuteBefore || c.kind == cardtest.MuteAfter }

// columns of the table, in their order, and what they mean.
var columns = []struct{ name, meaning string }{
	{"away", "card removed before or after the command"},
	{"mute", "no answer for 30 seconds of modelled time, and none until a reset"},
	{"mac", "wrong MAC"},
	{"bit", "a bit of the answer is wrong"},
	{"cut", "answer truncated"},
	{"6F00", "6F00 instead of the answer, command executed or not"},
	{"6700", "6700, command not executed"},
	{"clear", "refused in the clear under secure messaging"},
	{"reset", "reset by another program or by the system"},
	{"select", "another application, the root or the same application selected by another program"},
	{"unplug", "reader unplugged"},
	{"killed", "PC/SC service killed"},
	{"again", "PC/SC service restarted"},
	{"full", "disk full"},
	{"cache", "cache damaged"},
	{"state", "state damaged"},
	{"r/o", "home read-only"},
	{"home", "home missing"},
	{"many", "100 readers in process, 15 in a PC/SC service"},
}

// columnOf is the column of each fault of the card.
var columnOf = map[cardtest.FaultKind]string{
	cardtest.RemoveBefore: "away", cardtest.RemoveAfter: "away",
	cardtest.MuteBefore: "mute", cardtest.MuteAfter: "mute",
	cardtest.WrongMAC: "mac", cardtest.FlipBit: "bit",
	cardtest.Truncate: "cut", cardtest.TruncateData: "cut",
	cardtest.Status6F00: "6F00", cardtest.Status6F00After: "6F00", cardtest.Status6700: "6700",
	cardtest.RefuseInClear: "clear",
	cardtest.ResetBefore:   "reset", cardtest.IdleReset: "reset",
	cardtest.SelectOther: "select", cardtest.SelectRoot: "select", cardtest.SelectSame: "select",
}

// Fault returns the cause that is a fault of the card.
func Fault(kind cardtest.FaultKind) Cause {
	return Cause{Name: kind.String(), Column: columnOf[kind], kind: kind}
}

// Faults returns every fault of the card.
func Faults() []Cause {
	var all []Cause
	for _, kind := range cardtest.FaultKinds() {
		all = append(all, Fault(kind))
	}
	return all
}

// crowd is the number of readers of a service in this process with many.
const crowd = 100

// Surroundings returns what goes wrong with readers and service in this process.
func Surroundings(s *cardtest.Service) []Cause {
	lost := apdu.ErrNoService
	return []Cause{
		{Name: "unplugged", Column: "unplug", Begin: func(t *Trial, _ int) (func() error, error) {
			s.Detach(t.Reader)
			return func() error { s.Insert(t.Reader, t.Card); return nil }, nil
		}},
		{Name: "service-killed", Column: "killed", Begin: func(*Trial, int) (func() error, error) {
			s.Stop(lost)
			return func() error { s.Start(); return nil }, nil
		}},
		{Name: "service-restarted", Column: "again", Begin: func(*Trial, int) (func() error, error) {
			s.Stop(lost)
			s.Start()
			return func() error { return nil }, nil
		}},
		{Name: "100-readers", Column: "many", Runs: 3, Begin: func(t *Trial, at int) (func() error, error) {
			return surround(s, t, (at-1)*(crowd-1)/2)
		}},
	}
}

// surround attaches readers, empty ones and such with other cards, so that as many as
// before are in front of that of the trial.
func surround(s *cardtest.Service, t *Trial, before int) (func() error, error) {
	s.Detach(t.Reader)
	var others []string
	for i := range crowd {
		if i == before {
			s.Insert(t.Reader, t.Card)
			continue
		}
		name := "other " + string(rune('a'+i/26)) + string(rune('a'+i%26))
		others = append(others, name)
		if i%2 == 0 {
			s.Attach(name)
		} else {
			s.InsertForeign(name, cardtest.Foreign{})
		}
	}
	if states, err := s.Status(); err != nil || len(states) != crowd {
		return nil, errors.Join(err, errors.New("not as many readers as wanted"))
	}
	return func() error {
		for _, name := range others {
			s.Detach(name)
		}
		return nil
	}, nil
}

// tap passes everything on to a service, and calls a function before one of the
// commands that programs send.
type tap struct {
	readers.Service
	before atomic.Pointer[func()]
}

// Connect implements readers.Service.
func (t *tap) Connect(reader string) (apdu.Card, error) {
	conn, err := t.Service.Connect(reader)
	if err != nil {
		return nil, err
	}
	return tapped{conn, t}, nil
}

// Close implements readers.Service. The service lasts longer than its programs.
func (t *tap) Close() error { return nil }

// tapped is a connection.
type tapped struct {
	apdu.Card
	tap *tap
}

// Transmit implements apdu.Transport.
func (c tapped) Transmit(command []byte) ([]byte, error) {
	(*c.tap.before.Load())()
	return c.Card.Transmit(command)
}
