package pkcs11mod

import (
	"testing"
	"time"
)

func TestSharingLeavesCardFree(t *testing.T) {
	start := time.Unix(1000, 0)
	// use simulates operations of 100 ms one after the other for some time, and
	// returns after how much use there were pauses.
	use := func(u *sharing, now *time.Time, total time.Duration) (pauses []time.Duration) {
		for spent := time.Duration(0); spent < total; spent += 100 * time.Millisecond {
			if d := u.pause(*now); d > 0 {
				pauses = append(pauses, spent)
				if d > gap {
					t.Errorf("a pause of %v", d)
				}
				*now = now.Add(d)
			}
			*now = now.Add(100 * time.Millisecond)
			u.ended = *now
		}
		return pauses
	}
	var u sharing
	now := start
	if p := use(&u, &now, 7*time.Second); len(p) != 3 || p[0] != aloneTime {
		t.Errorf("alone: pauses after %v", p)
	}
	u.noticed(now, 10*time.Millisecond)
	if p := use(&u, &now, 3*time.Second); len(p) < 4 {
		t.Errorf("with others on a fast card: pauses after %v", p)
	}
	u.noticed(now, time.Minute)
	if p := use(&u, &now, 11*time.Second); len(p) != 2 {
		t.Errorf("with others on a slow card: pauses after %v", p)
	}
	// A program with pauses of its own needs none.
	for range 100 {
		now = now.Add(gap)
		if p := use(&u, &now, 300*time.Millisecond); len(p) != 0 {
			t.Errorf("pauses after %v", p)
		}
	}
}
