package pcsc

import (
	"sync"
	"time"
)

// calls counts the calls of the PC/SC library that run in their own goroutines, so
// that Close can wait for them. A program that ends during such a call crashes in
// the destructor of pcsc-lite, which frees what a release frees, too.
type calls struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed when n falls to 0
}

// do runs f in its own goroutine.
func (c *calls) do(f func()) {
	c.mu.Lock()
	if c.n++; c.n == 1 {
		c.none = make(chan struct{})
	}
	c.mu.Unlock()
	go func() {
		defer func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.n--; c.n == 0 {
				close(c.none)
			}
		}()
		f()
	}()
}

// wait waits until no call is running, for d at most, and reports whether none is. A
// service that hangs must not block this caller, too.
func (c *calls) wait(d time.Duration) bool {
	c.mu.Lock()
	n, none := c.n, c.none
	c.mu.Unlock()
	if n == 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-none:
		return true
	case <-t.C:
		return false
	}
}
