package desktop

import (
	"bytes"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"cie/apdu"
	"cie/apdu/pcsc"
	"cie/apdu/readers"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/cardtest/stack"
	"cie/card/state"
	"cie/cmd/internal/harness/await"
	"cie/gui"
)

// timedService measures how long transactions wait for their next command. Every
// connection is to one reader.
type timedService struct {
	readers.Service
	reader string

	mu           sync.Mutex
	transactions int
	longest      time.Duration
}

func (s *timedService) Connect(string) (apdu.Card, error) {
	c, err := s.Service.Connect(s.reader)
	if err != nil {
		return nil, err
	}
	return &timedCard{Card: c, service: s}, nil
}

// pauses returns the number of transactions and the longest pause in one since the last call.
func (s *timedService) pauses() (transactions int, longest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	transactions, longest = s.transactions, s.longest
	s.transactions, s.longest = 0, 0
	return transactions, longest
}

func (s *timedService) paused(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.longest = max(s.longest, d)
}

// timedCard is a connection of a timedService.
type timedCard struct {
	apdu.Card
	service *timedService
	last    time.Time // of a call's return in the transaction; zero outside of one
}

func (c *timedCard) Begin() (bool, error) {
	reset, err := c.Card.Begin()
	if err == nil {
		c.service.mu.Lock()
		c.service.transactions++
		c.service.mu.Unlock()
		c.last = time.Now()
	}
	return reset, err
}

func (c *timedCard) Transmit(command []byte) ([]byte, error) {
	c.pause()
	defer func() { c.last = time.Now() }()
	return c.Card.Transmit(command)
}

func (c *timedCard) Reset() error {
	c.pause()
	defer func() { c.last = time.Now() }()
	return c.Card.Reset()
}

func (c *timedCard) End() error {
	c.pause()
	c.last = time.Time{}
	return c.Card.End()
}

func (c *timedCard) Close() error {
	c.pause()
	return c.Card.Close()
}

func (c *timedCard) pause() {
	if !c.last.IsZero() {
		c.service.paused(time.Since(c.last))
	}
}

// Through a real PC/SC service, no transaction of the window waits as long for a command as
// Windows allows, also while it signs large documents.
func testPauses(t *testing.T, d *stack.Stack) {
	virtual, err := cardtest.New(cardtest.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	const slot = 1
	defer d.Insert(slot, virtual).Remove()
	service := &timedService{Service: pcsc.New(pcsc.Config{}), reader: d.Reader(slot)}
	t.Cleanup(func() { service.Close() })
	await.That(t, "the card", func() bool {
		conn, err := service.Service.Connect(service.reader)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	c := newCards(service, card.Options{Roots: testRoots(t), State: state.Memory()})
	t.Cleanup(c.release)

	dir := t.TempDir()
	var job gui.SigningJob
	for name, content := range map[string][]byte{
		"long": bytes.Repeat([]byte("a long document\n"), 2<<20), "page.pdf": page("0 0 100 100 re f"),
	} {
		path := filepath.Join(dir, name)
		put(t, path, content, 0o644)
		format := gui.FormatP7M
		if filepath.Ext(name) == ".pdf" {
			format = gui.FormatPDF
		}
		job.Documents = append(job.Documents, gui.SigningDocument{Path: path, Format: format})
	}
	calls := append(cardCalls[:len(cardCalls):len(cardCalls)], cardCall{"sign", func(t testing.TB, c *cards) error {
		signed := 0
		err := (&signing{cards: c}).SignDocuments(t.Context(), "reader", []byte("28281414"), job, gui.CodeOptions{}, func(u gui.SigningUpdate) {
			if u.State == gui.DocumentSigned {
				signed++
			}
		})
		if signed != len(job.Documents) {
			t.Errorf("%d of %d documents signed", signed, len(job.Documents))
		}
		return err
	}})
	for _, call := range calls {
		if err := call.do(t, c); err != nil {
			t.Fatalf("%s: %v", call.name, err)
		}
		transactions, longest := service.pauses()
		t.Logf("%s: %d transactions, longest pause %v", call.name, transactions, longest.Round(time.Millisecond))
		if transactions == 0 || longest >= idleLimit {
			t.Errorf("%s: %d transactions, longest pause %v", call.name, transactions, longest)
		}
	}
}
