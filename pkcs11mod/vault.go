package pkcs11mod

import (
	"errors"
	"sync"

	"cie/card"
)

// errNoCode: the code is not kept, or not any more.
var errNoCode = errors.New("code not kept")

// vault keeps codes in memory that is not swapped out, not copied by the
// garbage collector, not in core dumps, and wiped. Where the system refuses
// to lock memory nothing is kept.
type vault struct {
	mu    sync.Mutex
	codes map[card.PINRef][]byte // each in a page of its own
}

// put replaces the code kept under ref.
func (v *vault) put(ref card.PINRef, code []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	page, err := lockedPage()
	if err != nil {
		return err
	}
	if v.codes == nil {
		v.codes = map[card.PINRef][]byte{}
	}
	if old := v.codes[ref]; old != nil {
		freePage(old)
	}
	v.codes[ref] = page
	copy(page, code[:card.CodeLength])
	return nil
}

// has reports whether a code is kept under ref.
func (v *vault) has(ref card.PINRef) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.codes[ref] != nil
}

// with hands the code kept under ref to f, which must not keep it.
func (v *vault) with(ref card.PINRef, f func(code []byte) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	page := v.codes[ref]
	if page == nil {
		return errNoCode
	}
	return f(page[:card.CodeLength:card.CodeLength])
}

// destroy wipes everything.
func (v *vault) destroy() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for ref, page := range v.codes {
		freePage(page)
		delete(v.codes, ref)
	}
}
