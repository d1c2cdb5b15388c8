package pcsc

import (
	"sync"
	"time"
)

// calls counts the calls of the PC/SC library that run on goroutines of their
// own, so that Close can wait for them. A program that ends while one of them is
// in the library crashes in the destructor of pcsc-lite, which frees what a
// release frees, too.
type calls struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed when n falls to 0
}

// do runs f on a goroutine of its own.
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

// wait waits until no call is under way, for d at most, and reports whether that
// is so. A service that hangs keeps its callers, and must not keep this one.
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
