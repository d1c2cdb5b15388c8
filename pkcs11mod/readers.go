package pkcs11mod

import (
	"hash/fnv"
	"maps"
	"slices"

	"cie/apdu/readers"
)

// watch starts following the readers, once. The caller holds in.mu.
func (in *instance) watch() {
	if in.watching {
		return
	}
	in.watching = true
	in.goDo(in.follow)
}

// follow turns reader events into slots and tokens until the instance ends.
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

// event takes one reader event into the slots.
func (in *instance) event(from readers.Service, e readers.Event) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ctx.Err() != nil {
		return
	}
	switch e.Kind {
	case readers.Settled:
		in.settled = true
		in.checkReady()
		return
	case readers.ReaderAdded:
		in.attach(e.Reader)
	case readers.ReaderRemoved:
		s := in.slotNamed(e.Reader)
		if s != nil && s.attached {
			in.dropToken(s)
			s.attached = false
			in.flag(s)
		}
	case readers.CardInserted:
		s := in.attach(e.Reader)
		if s.token != nil {
			return // it answers again and never left, so the sessions live on
		}
		in.dropToken(s)
		in.recognise(s, from, 0)
	case readers.CardRemoved:
		if s := in.slotNamed(e.Reader); s != nil {
			in.dropToken(s)
		}
	}
}

// attach returns the slot of a reader, a new one if the reader is new. A
// reader that comes back gets the slot it had.
func (in *instance) attach(name string) *slot {
	s := in.slotNamed(name)
	if s == nil {
		s = &slot{id: in.module.slotID(name), name: name}
		in.slots = append(in.slots, s)
	}
	if !s.attached {
		s.attached = true
		in.flag(s)
	}
	return s
}

// maxSlotID bounds the numbers of slots, the largest prime below 65536: they stay
// short enough to be typed.
const maxSlotID = 65521

// slotID numbers a reader by its name alone, so that a program that was
// configured with the number finds the same reader later, whatever other readers
// came and went. A number that another reader of this process has is not given
// twice, and a number is kept for the life of the process.
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

// checkReady closes ready once the first recognitions are through.
func (in *instance) checkReady() {
	if in.settled && in.pending == 0 && !in.isReady {
		in.isReady = true
		close(in.ready)
	}
}

// flag marks a slot as changed and wakes who waits for it (C_WaitForSlotEvent).
// What is found before the first slot list is no change.
func (in *instance) flag(s *slot) {
	if !in.told && !in.isReady {
		return
	}
	s.event = true
	close(in.changed)
	in.changed = make(chan struct{})
}
