package pkcs11mod

import (
	"hash/fnv"
	"maps"
	"slices"

	"cie/apdu/readers"
)

// watchLocked starts following the readers once. in.mu must be locked.
func (in *instance) watchLocked() {
	if in.watching {
		return
	}
	in.watching = true
	in.goDo(in.follow)
}

// follow updates slots and tokens from reader events until the instance ends.
func (in *instance) follow() {
	service, err := in.cfg.Readers()
	if err != nil {
		in.trace("readers: %v", err)
		in.event(nil, readers.Event{Kind: readers.Settled})
		return
	}
	// Every connection is closed before the service is.
	defer func() {
		in.conns.Wait()
		if err := service.Close(); err != nil {
			in.trace("closing readers: %v", err)
		}
	}()
	if in.cfg.Card != nil {
		in.card = in.cfg.Card()
	}
	events, err := service.Watch(in.ctx)
	if err != nil {
		in.trace("watching readers: %v", err)
		in.event(nil, readers.Event{Kind: readers.Settled})
		return
	}
	for e := range events {
		_ = in.safely(func() error { in.event(service, e); return nil })
	}
}

// event applies one reader event to the slots.
func (in *instance) event(from readers.Service, e readers.Event) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ctx.Err() != nil {
		return
	}
	switch e.Kind {
	case readers.Settled:
		in.settled = true
		in.checkReadyLocked()
		in.wakeLocked()
		return
	case readers.ReaderAdded:
		in.attachLocked(e.Reader)
	case readers.ReaderRemoved:
		s := in.slotNamed(e.Reader)
		if s != nil && s.attached {
			in.dropTokenLocked(s)
			s.attached = false
			in.flagLocked(s)
		}
	case readers.CardInserted:
		s := in.attachLocked(e.Reader)
		if s.token != nil {
			return // it answers again and was not removed, so the sessions remain
		}
		in.dropTokenLocked(s)
		in.recogniseLocked(s, from, 0)
	case readers.CardRemoved:
		if s := in.slotNamed(e.Reader); s != nil {
			in.dropTokenLocked(s)
		}
	}
}

// attachLocked returns the slot of a reader, a new one for a new reader. A reader that is attached
// again gets its previous slot.
func (in *instance) attachLocked(name string) *slot {
	s := in.slotNamed(name)
	if s == nil {
		s = &slot{id: in.module.slotID(name), name: name}
		in.slots = append(in.slots, s)
	}
	if !s.attached {
		s.attached = true
		in.flagLocked(s)
	}
	return s
}

// maxSlotID limits the numbers of slots, the largest prime below 65536: they stay
// short enough to be typed.
const maxSlotID = 65521

// slotID derives a number from a reader's name only, so that a program configured with the
// number finds the same reader later, regardless of other readers. Within a process, each
// number belongs to one name.
func (m *Module) slotID(name string) uint {
	m.mu.Lock()
	defer m.mu.Unlock()
	if id, ok := m.ids[name]; ok {
		return id
	}
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(name)) // never fails
	id := uint(sum.Sum32()%maxSlotID) + 1
	for slices.Contains(slices.Collect(maps.Values(m.ids)), id) {
		id = id%maxSlotID + 1
	}
	m.ids[name] = id
	return id
}

// checkReadyLocked sets isReady once the first recognitions are through.
func (in *instance) checkReadyLocked() {
	if in.settled && in.pending == 0 && !in.isReady {
		in.isReady = true
	}
}

// wakeLocked makes the calls in waitReady determine again how long they wait. in.mu must be
// locked.
func (in *instance) wakeLocked() {
	close(in.woken)
	in.woken = make(chan struct{})
}

// flagLocked marks a slot as changed and wakes the calls that wait for it
// (C_WaitForSlotEvent). Slots found before the first slot list are no change. in.mu must
// be locked.
func (in *instance) flagLocked(s *slot) {
	if !in.listReturned && !in.isReady {
		return
	}
	s.event = true
	close(in.changed)
	in.changed = make(chan struct{})
}
