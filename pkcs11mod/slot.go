package pkcs11mod

import (
	"slices"
	"strings"
	"sync"
	"time"

	"cie/apdu/printable"
	"cie/apdu/readers"
	"cie/card"
	"cie/pkcs11mod/ck"
)

// slotLocked is a reader. Its fields are guarded by instance.mu; id and name never change.
type slot struct {
	id       uint
	name     string
	attached bool
	token    *token // recognised card, nil if there is none
	opening  *token // card being recognised
	event    bool   // changed since the last report of C_WaitForSlotEvent
}

func (in *instance) slotNamed(name string) *slot {
	for _, s := range in.slots {
		if s.name == name {
			return s
		}
	}
	return nil
}

// slotLocked returns the slot with an id. A detached reader keeps its slot as long as it is in
// the caller's last list. in.mu must be locked.
func (in *instance) slotLocked(id uint) *slot {
	for _, s := range in.slots {
		if s.id == id && (s.attached || slices.Contains(in.listed, s)) {
			return s
		}
	}
	return nil
}

// recogniseLocked determines in the background, after a pause, whether the card in a slot is a
// CIE. in.mu must be locked and calls from follow or while a token of the same slot is still
// counted in conns.
func (in *instance) recogniseLocked(s *slot, from readers.Service, pause time.Duration) {
	initial := !in.isReady && !in.listReturned
	if initial {
		in.pending++
	}
	t := in.newToken(s, from)
	t.arrived = time.Now()
	s.opening = t
	in.conns.Add(1)
	// settled ends the waits for this card. The caller of settled must have locked in.mu.
	settled := sync.OnceFunc(func() {
		t.looked = true
		if initial {
			in.pending--
			in.checkReadyLocked()
		}
		in.wakeLocked()
	})
	in.goDo(func() {
		err := in.safely(func() error {
			return t.recognise(pause, func() {
				in.mu.Lock()
				defer in.mu.Unlock()
				settled()
			})
		})
		in.mu.Lock()
		current := s.opening == t
		if current {
			s.opening = nil
			if err == nil {
				s.token, in.recognised = t, time.Now()
				in.flagLocked(s)
			}
		}
		settled()
		in.mu.Unlock()
		if err != nil {
			in.trace("slot %d: no token: %v", s.id, err)
		}
		if err != nil || !current {
			t.shutdown()
		}
	})
}

// dropTokenLocked removes the token in a slot: it ends its sessions, destroys kept codes and
// notifies operations in progress. in.mu must be locked.
func (in *instance) dropTokenLocked(s *slot) {
	if t := s.opening; t != nil {
		s.opening = nil
		t.cancel() // recognise shuts it down
	}
	t := s.token
	if t == nil {
		return
	}
	s.token = nil
	t.gone = true
	t.codes.destroy()
	t.refusals.destroy()
	t.cancel()
	for h, sess := range in.sessions {
		if sess.token == t {
			sess.closed = true
			delete(in.sessions, h)
		}
	}
	in.flagLocked(s)
	in.goDo(t.shutdown)
}

// lookAgain is the delay, in first pauses between attempts, after which the module examines a
// card again that an operation found removed without an event.
const lookAgain = 5

// lost handles a card operation that found the card removed before the reader reported it. If
// the card has been inserted again, there may be no event, so the slot is examined again, but
// only after the time for late events: they would remove a token that appears earlier.
func (in *instance) lost(t *token) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if t.gone || in.ctx.Err() != nil {
		return
	}
	// recognise before dropToken: t still counts in conns.
	in.recogniseLocked(t.slot, t.service, lookAgain*in.cfg.retry)
	again := t.slot.opening
	t.slot.opening = nil
	in.dropTokenLocked(t.slot)
	t.slot.opening = again
}

// GetSlotList implements C_GetSlotList (5.5). A length query fixes the list that the next call
// returns, because many programs do not ask again when it has grown. The first call starts
// following the readers and waits, for a limited time, until the present cards are recognised.
func (m *Module) GetSlotList(tokenPresent bool, list []uint, count *uint) ck.RV {
	in, rv := m.enter()
	if rv != ck.CKR_OK {
		return rv
	}
	defer in.leave()
	if count == nil {
		return ck.CKR_ARGUMENTS_BAD
	}
	if rv := in.waitReady(); rv != ck.CKR_OK {
		return rv
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.listReturned = true
	ids := in.fixed
	if list == nil || ids == nil || in.fixedPresent != tokenPresent {
		ids = in.listLocked(tokenPresent, list == nil || ids == nil)
	}
	room := *count
	*count = uint(len(ids))
	if list == nil {
		in.fixed, in.fixedPresent = ids, tokenPresent
		return ck.CKR_OK
	}
	if room < uint(len(ids)) || len(list) < len(ids) {
		return ck.CKR_BUFFER_TOO_SMALL
	}
	copy(list, ids)
	// Without another length query the next call returns the slots of that time.
	in.fixed = nil
	return ck.CKR_OK
}

// listLocked returns the slots, or those with a token. With refresh it includes readers attached
// or detached since. in.mu must be locked.
func (in *instance) listLocked(tokenPresent, refresh bool) []uint {
	if refresh {
		in.listed = slices.DeleteFunc(slices.Clone(in.slots), func(s *slot) bool { return !s.attached })
	}
	ids := []uint{}
	for _, s := range in.listed {
		if !tokenPresent || s.token != nil {
			ids = append(ids, s.id)
		}
	}
	return ids
}

// lookTime limits how long a function that reports slots waits for a card that was
// put on a reader after the first slot list.
const lookTime = 2 * time.Second

// otherTime limits the further wait for cards that have not shown the CIE application yet once
// another card is recognised. They may be something else, for example the virtual card of
// Windows Hello, which answers late or not at all.
const otherTime = 500 * time.Millisecond

// waitReady starts the watch and waits for the first recognitions, and for those of cards
// inserted since: a browser requests the slots once per login and reports "no certificate" if
// the card is not recognised yet. Every function with the number of a slot calls it, because
// programs may be configured with a number and use it without a list.
func (in *instance) waitReady() ck.RV {
	in.mu.Lock()
	if !in.watching {
		in.deadline = time.Now().Add(in.cfg.RecognitionTime)
		in.watchLocked()
	}
	for {
		left, woken := time.Until(in.waitUntilLocked()), in.woken
		in.mu.Unlock()
		if left <= 0 {
			return ck.CKR_OK
		}
		timer := time.NewTimer(left)
		select {
		case <-woken:
		case <-timer.C:
		case <-in.ctx.Done():
		}
		timer.Stop()
		if in.ctx.Err() != nil {
			return ck.CKR_CRYPTOKI_NOT_INITIALIZED
		}
		in.mu.Lock()
	}
}

// waitUntilLocked returns the time until which functions that report slots wait. in.mu must be
// locked.
func (in *instance) waitUntilLocked() time.Time {
	found := slices.ContainsFunc(in.slots, func(s *slot) bool { return s.token != nil })
	var until time.Time
	if !in.settled {
		until = in.deadline
	}
	for _, s := range in.slots {
		t := s.opening
		if t == nil || t.looked {
			continue
		}
		limit := t.arrived.Add(lookTime)
		if !in.isReady {
			limit = later(limit, in.deadline)
		}
		if other := later(t.arrived, in.recognised).Add(otherTime); found && !t.isCIE && other.Before(limit) {
			limit = other
		}
		until = later(until, limit)
	}
	return until
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// GetSlotInfo implements C_GetSlotInfo (5.5), from memory once the readers are known.
func (m *Module) GetSlotInfo(id uint, info *ck.SlotInfo) ck.RV {
	in, rv := m.enter()
	if rv != ck.CKR_OK {
		return rv
	}
	defer in.leave()
	if info == nil {
		return ck.CKR_ARGUMENTS_BAD
	}
	if rv := in.waitReady(); rv != ck.CKR_OK {
		return rv
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	s := in.slotLocked(id)
	if s == nil {
		return ck.CKR_SLOT_ID_INVALID
	}
	*info = ck.SlotInfo{
		SlotDescription: slotDescription(s.name),
		ManufacturerID:  manufacturer,
		Flags:           ck.CKF_REMOVABLE_DEVICE | ck.CKF_HW_SLOT,
	}
	if s.token != nil {
		info.Flags |= ck.CKF_TOKEN_PRESENT
	}
	return ck.CKR_OK
}

// slotDescription returns the displayed name of a reader: its end, if it is longer than the 64
// bytes of CK_SLOT_INFO (3.2), because two readers of the same model differ at the end.
func slotDescription(reader string) string {
	return strings.TrimSpace(printable.Tail(reader, 64))
}

// tokenInLocked returns the token in a slot, or the code for why there is none. in.mu must
// be locked.
func (in *instance) tokenInLocked(id uint) (*token, ck.RV) {
	s := in.slotLocked(id)
	if s == nil {
		return nil, ck.CKR_SLOT_ID_INVALID
	}
	if s.token == nil {
		return nil, ck.CKR_TOKEN_NOT_PRESENT
	}
	return s.token, ck.CKR_OK
}

// maxSessions limits what one program can open; real ones need a few dozen.
const maxSessions = 4096

// GetTokenInfo implements C_GetTokenInfo (5.5), from memory once the readers are known.
func (m *Module) GetTokenInfo(id uint, info *ck.TokenInfo) ck.RV {
	in, rv := m.enter()
	if rv != ck.CKR_OK {
		return rv
	}
	defer in.leave()
	if info == nil {
		return ck.CKR_ARGUMENTS_BAD
	}
	if rv := in.waitReady(); rv != ck.CKR_OK {
		return rv
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	t, rv := in.tokenInLocked(id)
	if rv != ck.CKR_OK {
		return rv
	}
	*info = ck.TokenInfo{
		Label:              t.label(),
		ManufacturerID:     manufacturer,
		Model:              "CIE " + t.family.String(),
		SerialNumber:       t.serialNumber(),
		Flags:              t.flagsLocked(),
		MaxSessionCount:    maxSessions,
		MaxRWSessionCount:  maxSessions,
		MaxPINLen:          card.CodeLength,
		MinPINLen:          card.CodeLength,
		TotalPublicMemory:  ck.Unavailable,
		FreePublicMemory:   ck.Unavailable,
		TotalPrivateMemory: ck.Unavailable,
		FreePrivateMemory:  ck.Unavailable,
		// The chip application is CIE 3.0.
		HardwareVersion: ck.Version{Major: 3},
	}
	for _, s := range in.sessions {
		if s.token == t {
			info.SessionCount++
			if s.rw {
				info.RWSessionCount++
			}
		}
	}
	return ck.CKR_OK
}

// flagsLocked describes the known state of the token (3.2). instance.mu must be locked.
func (t *token) flagsLocked() uint {
	f := uint(ck.CKF_WRITE_PROTECTED | ck.CKF_USER_PIN_INITIALIZED | ck.CKF_TOKEN_INITIALIZED)
	if t.takesCodesLocked() {
		// NSS, and with it Firefox and Chromium, asks for the PIN of a token with
		// this flag only. A card that gets no code must not make them ask.
		f |= ck.CKF_LOGIN_REQUIRED
	}
	for _, c := range []struct {
		ref                card.PINRef
		low, final, locked uint
	}{
		{card.PIN, ck.CKF_USER_PIN_COUNT_LOW, ck.CKF_USER_PIN_FINAL_TRY, ck.CKF_USER_PIN_LOCKED},
		{card.PUK, ck.CKF_SO_PIN_COUNT_LOW, ck.CKF_SO_PIN_FINAL_TRY, ck.CKF_SO_PIN_LOCKED},
	} {
		left, known := t.tries[c.ref]
		if !known {
			continue
		}
		if left == 0 {
			f |= c.locked
			continue
		}
		if left < c.ref.MaxTries() {
			f |= c.low
		}
		if left == 1 {
			f |= c.final
		}
	}
	return f
}

// InitToken implements C_InitToken (5.5), which a card issued by the state refuses.
func (m *Module) InitToken(id uint, pin ck.Input, label *[32]byte) ck.RV {
	in, rv := m.enter()
	if rv != ck.CKR_OK {
		return rv
	}
	defer in.leave()
	if pin.Data == nil || label == nil {
		return ck.CKR_ARGUMENTS_BAD
	}
	if rv := in.waitReady(); rv != ck.CKR_OK {
		return rv
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	t, rv := in.tokenInLocked(id)
	if rv != ck.CKR_OK {
		return rv
	}
	for _, s := range in.sessions {
		if s.token == t {
			return ck.CKR_SESSION_EXISTS
		}
	}
	return ck.CKR_TOKEN_WRITE_PROTECTED
}

// WaitForSlotEvent implements C_WaitForSlotEvent (5.5). An event is a reader attached or
// detached, or a card recognised or removed. With CKF_DONT_BLOCK it returns CKR_NO_EVENT at
// once; otherwise it waits until C_Finalize.
func (m *Module) WaitForSlotEvent(flags uint, id *uint, reserved bool) ck.RV {
	in, rv := m.enter()
	if rv != ck.CKR_OK {
		return rv
	}
	defer in.leave()
	if id == nil || reserved {
		return ck.CKR_ARGUMENTS_BAD
	}
	for {
		in.mu.Lock()
		// Check first: C_Finalize removes the tokens, which is not an event.
		if in.ctx.Err() != nil {
			in.mu.Unlock()
			return ck.CKR_CRYPTOKI_NOT_INITIALIZED
		}
		if !in.watching {
			in.deadline = time.Now().Add(in.cfg.RecognitionTime)
			in.watchLocked()
		}
		for _, s := range in.slots {
			if s.event {
				s.event = false
				*id = s.id
				in.mu.Unlock()
				return ck.CKR_OK
			}
		}
		changed := in.changed
		in.mu.Unlock()
		if flags&ck.CKF_DONT_BLOCK != 0 {
			return ck.CKR_NO_EVENT
		}
		select {
		case <-changed:
		case <-in.ctx.Done():
			return ck.CKR_CRYPTOKI_NOT_INITIALIZED
		}
	}
}
