package main

import (
	"context"

	"cie/apdu/pcsc"
	"cie/pkcs11mod"
)

// readers are the PC/SC readers in the terms of the module.
type readers struct{ *pcsc.Context }

func openReaders() (pkcs11mod.Readers, error) {
	// New does not contact the service: it may start later.
	return readers{pcsc.New(pcsc.Config{})}, nil
}

// Connect implements pkcs11mod.Readers.
func (r readers) Connect(reader string) (pkcs11mod.Conn, error) {
	c, err := r.Context.Connect(reader)
	if err != nil {
		return nil, err // not a nil *pcsc.Conn in an interface
	}
	return c, nil
}

var kinds = map[pcsc.EventKind]pkcs11mod.EventKind{
	pcsc.ReaderAdded:   pkcs11mod.ReaderAdded,
	pcsc.ReaderRemoved: pkcs11mod.ReaderRemoved,
	pcsc.CardInserted:  pkcs11mod.CardInserted,
	pcsc.CardRemoved:   pkcs11mod.CardRemoved,
}

// Watch implements pkcs11mod.Readers. The service reports what is there as
// events without saying where they end, so it is asked what there is first.
func (r readers) Watch(ctx context.Context) (<-chan pkcs11mod.Event, error) {
	in, err := r.Context.Watch(ctx)
	if err != nil {
		return nil, err
	}
	expected := expect(r.Context.Status())
	out := make(chan pkcs11mod.Event)
	go func() {
		defer close(out)
		send := func(e pkcs11mod.Event) {
			select {
			case out <- e:
			case <-ctx.Done():
			}
		}
		if len(expected) == 0 {
			send(pkcs11mod.Event{Kind: pkcs11mod.Settled})
		}
		for e := range in {
			if kind, ok := kinds[e.Kind]; ok {
				send(pkcs11mod.Event{Kind: kind, Reader: e.Reader})
			}
			if len(expected) > 0 && expected.seen(e) {
				send(pkcs11mod.Event{Kind: pkcs11mod.Settled})
			}
		}
	}()
	return out, nil
}

// mark is an event without its details.
type mark struct {
	kind   pcsc.EventKind
	reader string
}

// expected are the events that are still to come until everything that was
// there at the start has been reported.
type expected map[mark]bool

// expect takes what pcsc.Context.Status returns. Without a service nothing is
// to come.
func expect(states []pcsc.ReaderState, err error) expected {
	if err != nil {
		return nil
	}
	marks := expected{}
	for _, s := range states {
		marks[mark{pcsc.ReaderAdded, s.Name}] = true
		switch {
		case s.Mute:
			marks[mark{pcsc.CardMute, s.Name}] = true
		case s.Present:
			marks[mark{pcsc.CardInserted, s.Name}] = true
		}
	}
	return marks
}

// seen takes an event off the list and reports whether that was the last.
// Something that leaves will not be reported as there: the wait is over then.
func (x expected) seen(e pcsc.Event) bool {
	switch e.Kind {
	case pcsc.ReaderRemoved, pcsc.CardRemoved, pcsc.ServiceLost:
		clear(x)
	case pcsc.CardInserted, pcsc.CardMute:
		// It can have fallen silent, or begun to answer, since it was looked at.
		delete(x, mark{pcsc.CardInserted, e.Reader})
		delete(x, mark{pcsc.CardMute, e.Reader})
	default:
		delete(x, mark{e.Kind, e.Reader})
	}
	return len(x) == 0
}
