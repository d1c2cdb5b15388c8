//go:build linux

package pcsc

import (
	"sync"
	"testing"
	"time"
)

// TestDisconnectBesideRelease closes connections while other contexts come and
// go: libpcsclite searches the handles of all contexts without a lock when it
// disconnects.
func TestDisconnectBesideRelease(t *testing.T) {
	insert(t, 0, newChip())
	c := newContext(t, testConfig)
	end := time.Now().Add(3 * time.Second)
	if testing.Short() {
		end = time.Now().Add(time.Second)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for time.Now().Before(end) {
				if conn, err := c.Connect(daemon.Reader(0)); err == nil {
					conn.Close()
				}
			}
		})
		all.Go(func() {
			for time.Now().Before(end) {
				if other, err := Establish(); err == nil {
					other.Close()
				}
			}
		})
	}
	all.Wait()
}
