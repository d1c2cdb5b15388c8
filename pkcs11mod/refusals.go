package pkcs11mod

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	"cie/card"
	"cie/card/state"
)

// refusalTime is the time for which a refused code is stored.
const refusalTime = 10 * time.Minute

// refusals stores the code that the card refused last, as a keyed digest in locked memory.
// A program that sends the code again, as browsers and daemons do, gets the same result, and
// nothing is sent to the card. The record expires after refusalTime, when the mark of the card
// changes, and when the card is removed.
type refusals struct {
	mu    sync.Mutex
	last  map[card.PINRef]*refusal
	ended bool
	now   func() time.Time // nil: time.Now
}

// refusal is a page with a random key and the digest of a code under it.
type refusal struct {
	page   []byte
	until  time.Time
	mark   state.Mark
	marked bool // mark could be read
}

const refusalKey = 32

func (r *refusal) key() []byte    { return r.page[:refusalKey] }
func (r *refusal) digest() []byte { return r.page[refusalKey : refusalKey+sha256.Size] }

func digestOf(key []byte, code []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(code)
	return h.Sum(nil)
}

func (f *refusals) time() time.Time {
	if f.now != nil {
		return f.now()
	}
	return time.Now()
}

// put replaces the record of a refused code.
func (f *refusals) put(ref card.PINRef, code []byte, mark state.Mark, marked bool) error {
	page, err := lockedPage()
	if err != nil {
		return err
	}
	r := &refusal{page: page, until: f.time().Add(refusalTime), mark: mark, marked: marked}
	rand.Read(r.key())
	sum := digestOf(r.key(), code)
	copy(r.digest(), sum)
	clear(sum)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		freePage(page)
		return nil
	}
	if f.last == nil {
		f.last = map[card.PINRef]*refusal{}
	}
	f.drop(ref)
	f.last[ref] = r
	return nil
}

// has reports whether the card refused this code and nothing has changed since.
func (f *refusals) has(ref card.PINRef, code []byte, mark state.Mark, marked bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.last[ref]
	if r == nil {
		return false
	}
	// A mark that cannot be read proves no change: the code stays refused.
	if !f.time().Before(r.until) || marked && r.marked && mark != r.mark {
		f.drop(ref)
		return false
	}
	sum := digestOf(r.key(), code)
	defer clear(sum)
	return hmac.Equal(sum, r.digest())
}

func (f *refusals) drop(ref card.PINRef) {
	if r := f.last[ref]; r != nil {
		freePage(r.page)
		delete(f.last, ref)
	}
}

// destroy deletes all records; later ones are ignored.
func (f *refusals) destroy() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	for ref := range f.last {
		f.drop(ref)
	}
}
