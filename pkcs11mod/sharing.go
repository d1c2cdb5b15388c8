package pkcs11mod

import (
	"context"
	"time"
)

// sharing shares a card with other programs. In pcsc-lite a program that waits for a transaction
// asks again every 100 ms, so a program that signs without a pause would lock the others out.
// After some time of uninterrupted use the module therefore leaves the card free for longer than
// that.
type sharing struct {
	began, ended time.Time // of the uninterrupted use
	limit        time.Duration
	shared       time.Time // when another program was noticed last
}

const (
	gap = 120 * time.Millisecond
	// aloneTime is the time of uninterrupted use while no other program was noticed, and thus
	// the longest wait of a new one.
	aloneTime = 2 * time.Second
	// With another program, a period of use is several times as long as restoring the channel that the
	// other program ends, within these limits.
	minShared, maxShared = 500 * time.Millisecond, 5 * time.Second
	// sharedTime is how long another program counts as there.
	sharedTime = time.Minute
)

// pause returns how long to leave the card free before using it at now.
func (u *sharing) pause(now time.Time) time.Duration {
	idle := now.Sub(u.ended)
	if idle >= gap {
		u.began = now
		return 0
	}
	limit := aloneTime
	if u.isShared(now) {
		limit = min(max(u.limit, minShared), maxShared)
	}
	if now.Sub(u.began) < limit {
		return 0
	}
	u.began = now.Add(gap - idle)
	return gap - idle
}

// noticed records that another program used the card, and the time to restore what was lost.
func (u *sharing) noticed(now time.Time, cost time.Duration) {
	u.shared = now
	u.limit = 4 * cost
}

// isShared reports whether another program uses the card, too.
func (u *sharing) isShared(now time.Time) bool { return now.Sub(u.shared) < sharedTime }

// wait leaves the card alone for the pause that is due.
func (u *sharing) wait(ctx context.Context) {
	d := u.pause(time.Now())
	if d == 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
