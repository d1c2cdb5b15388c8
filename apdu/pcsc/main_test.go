//go:build linux

package pcsc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"cie/apdu/readers"
	"cie/card/cardtest/stack"
	"cie/card/cardtest/vpcd"
)

// daemon is the private pcscd of all tests here: libpcsclite reads the path of
// its socket once per process.
var (
	daemon    *stack.Stack
	daemonErr error
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		daemon, daemonErr = stack.Start(context.Background(), stack.Options{Slots: 6})
		if daemonErr == nil {
			defer daemon.Stop()
			if daemonErr = daemon.Setenv(); daemonErr != nil {
				panic(daemonErr)
			}
		}
		return m.Run()
	}())
}

// needDaemon skips, loudly, only where pcscd is not installed or cannot run.
func needDaemon(t *testing.T) {
	t.Helper()
	switch {
	case daemonErr == nil:
	case stack.Unavailable(daemonErr):
		t.Skipf("NOT TESTED against a real PC/SC service: %v", daemonErr)
	default:
		t.Fatal(daemonErr)
	}
}

// testConfig has short limits, for tests that run into them.
var testConfig = Config{
	Timeout:     20 * time.Second,
	BusyTimeout: 20 * time.Second,
	MinRetry:    10 * time.Millisecond,
	MaxRetry:    100 * time.Millisecond,
}

func newContext(t *testing.T, cfg Config) *Context {
	t.Helper()
	needDaemon(t)
	c := New(cfg)
	t.Cleanup(func() { c.Close() })
	return c
}

// chip is a fake card: it answers with what reply makes of a command, by
// default the command's own bytes and 9000, and counts resets.
type chip struct {
	mu     sync.Mutex
	atr    []byte
	reply  func(cmd []byte) []byte
	resets int
	count  int
}

var plainATR = []byte{0x3B, 0x80, 0x80, 0x01, 0x01}

func newChip() *chip { return &chip{atr: plainATR} }

func (c *chip) PowerOn() []byte { c.mu.Lock(); defer c.mu.Unlock(); c.resets++; return c.atr }
func (c *chip) PowerOff()       {}
func (c *chip) Reset()          { c.mu.Lock(); defer c.mu.Unlock(); c.resets++ }
func (c *chip) Exchange(cmd []byte) []byte {
	c.mu.Lock()
	c.count++
	reply := c.reply
	c.mu.Unlock()
	if reply != nil {
		return reply(cmd)
	}
	return append(append([]byte{}, cmd...), 0x90, 0x00)
}

func (c *chip) commands() int { c.mu.Lock(); defer c.mu.Unlock(); return c.count }

// insert puts a chip into a slot and waits until PC/SC sees it. remove takes it
// out and waits until its connection is closed (PC/SC may report it later).
func insert(t *testing.T, slot int, c vpcd.Card) (remove func()) {
	t.Helper()
	needDaemon(t)
	remove = insertUnseen(t, slot, c)
	await(t, slot, func(r readers.State) bool { return r.Present })
	return remove
}

func insertUnseen(t *testing.T, slot int, c vpcd.Card) (remove func()) {
	t.Helper()
	remove = daemon.Insert(slot, c).Remove
	t.Cleanup(func() {
		remove()
		await(t, slot, func(r readers.State) bool { return !r.Present })
	})
	return remove
}

// await waits until the slot's reader is in a state.
func await(t *testing.T, slot int, ok func(readers.State) bool) {
	t.Helper()
	c := New(testConfig)
	defer c.Close()
	var last error
	for range 1000 {
		states, err := c.Status()
		last = err
		for _, r := range states {
			if r.Name == daemon.Reader(slot) && ok(r) {
				return
			}
			last = fmt.Errorf("%+v", states)
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("the reader of slot %d did not come into the expected state: %v", slot, last)
}

func connect(t *testing.T, c *Context, slot int) *Conn {
	t.Helper()
	conn, err := c.Connect(daemon.Reader(slot))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*Conn)
}

func wantIs(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}
