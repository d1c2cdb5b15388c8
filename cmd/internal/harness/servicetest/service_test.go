package servicetest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"cie/apdu"
	"cie/apdu/pcsc"
	"cie/apdu/pcsc/pcscd"
	"cie/card/cardtest"
	"cie/card/cardtest/stack"
)

var ctx = context.Background()

// slots is the number of readers in use at once: all that one service has.
const slots = pcscd.MaxSlots

// service is a private pcscd with its readers.
type service struct {
	daemon  *stack.Stack
	context *pcsc.Context
	free    chan int // slots
}

var (
	shared     *service
	sharedErr  error
	sharedOnce sync.Once
)

func TestMain(m *testing.M) {
	// The tests wait for the daemon, not for the processor.
	if err := flag.Set("test.parallel", strconv.Itoa(slots)); err != nil {
		panic(err)
	}
	code := m.Run()
	if shared != nil {
		shared.context.Close()
		shared.daemon.Stop()
	}
	os.Exit(code)
}

// sharedService starts the service on first use.
func sharedService(t *testing.T) *service {
	t.Helper()
	sharedOnce.Do(func() {
		d := &service{free: make(chan int, slots)}
		if d.daemon, sharedErr = stack.Start(ctx, stack.Options{Slots: slots}); sharedErr != nil {
			return
		}
		if sharedErr = d.daemon.Setenv(); sharedErr != nil {
			return
		}
		d.context = pcsc.New(pcsc.Config{})
		for i := range slots {
			d.free <- i
		}
		shared = d
	})
	if stack.Unavailable(sharedErr) && os.Getenv("CI") == "" {
		t.Skipf("nothing was tested: %v", sharedErr)
	}
	if sharedErr != nil {
		t.Fatal(sharedErr)
	}
	return shared
}

// slot is one reader of the service, with or without a card in it.
type slot struct {
	*service
	t      testing.TB
	number int
	stop   func()
}

func (d *service) slot(t testing.TB) *slot {
	s := &slot{service: d, t: t, number: <-d.free}
	t.Cleanup(func() {
		s.remove()
		s.waitFor(apdu.ErrNoCard)
		d.free <- s.number
	})
	return s
}

// insert puts a card into the reader.
func (s *slot) insert(c *cardtest.Card) { s.stop = s.daemon.Insert(s.number, c).Remove }

func (s *slot) remove() {
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
}

// waitFor waits until connecting to the reader gives err.
func (s *slot) waitFor(want error) {
	for range 1000 {
		conn, err := s.context.Connect(s.daemon.Reader(s.number))
		if err == nil {
			conn.Close()
		}
		if errors.Is(err, want) || err == nil && want == nil {
			return
		}
		pause()
	}
	s.t.Errorf("reader %d never came to %v", s.number, want)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func name(parts ...any) string {
	s := fmt.Sprint(parts[0])
	for _, p := range parts[1:] {
		s += "/" + fmt.Sprint(p)
	}
	return s
}

// pause lets the daemon, which looks at its virtual readers a few times a
// second, go on.
func pause() { time.Sleep(50 * time.Millisecond) }
