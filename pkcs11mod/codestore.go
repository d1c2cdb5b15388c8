package pkcs11mod

import (
	"fmt"
	"sync"

	"cie/card"
)

// errNoCode reports that the code is not kept, or was destroyed.
var errNoCode = fmt.Errorf("code not kept: %w", card.ErrPINRequired)

// codeStore keeps codes in memory that is not swapped out, not copied by the garbage collector, not
// in core dumps, and wiped. If the system refuses to lock memory, it keeps nothing. Its lock is
// never locked while a code is sent to the card.
type codeStore struct {
	mu    sync.Mutex
	codes map[card.PINRef]*kept
}

// kept is a code in a page of its own. codeStore.mu guards it.
type kept struct {
	page    []byte
	users   int  // calls of with that are working with it
	dropped bool // no longer in the codeStore; the last user wipes it
}

// drop wipes the code as soon as it is not in use: wiping it during use would send a wrong code
// to the card.
func (k *kept) drop() {
	k.dropped = true
	if k.users == 0 {
		freePage(k.page)
	}
}

// put replaces the kept code for ref.
func (v *codeStore) put(ref card.PINRef, code []byte) error {
	page, err := lockedPage()
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.codes == nil {
		v.codes = map[card.PINRef]*kept{}
	}
	if old := v.codes[ref]; old != nil {
		old.drop()
	}
	v.codes[ref] = &kept{page: page}
	copy(page, code[:card.CodeLength])
	return nil
}

// has reports whether a code is kept for ref.
func (v *codeStore) has(ref card.PINRef) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.codes[ref] != nil
}

// with calls f with the kept code for ref. f must not keep it.
func (v *codeStore) with(ref card.PINRef, f func(code []byte) error) error {
	v.mu.Lock()
	k := v.codes[ref]
	if k == nil {
		v.mu.Unlock()
		return errNoCode
	}
	k.users++
	v.mu.Unlock()
	defer func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if k.users--; k.dropped && k.users == 0 {
			freePage(k.page)
		}
	}()
	return f(k.page[:card.CodeLength:card.CodeLength])
}

// destroy wipes all codes; one in use is wiped after its use.
func (v *codeStore) destroy() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for ref, k := range v.codes {
		delete(v.codes, ref)
		k.drop()
	}
}
