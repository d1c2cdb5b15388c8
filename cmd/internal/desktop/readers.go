package desktop

import (
	"context"
	"fmt"
	"os"
	"slices"

	"cie/apdu/readers"
	"cie/cmd/internal/doctor"
	"cie/gui"
)

// states converts the events of a service to states of the readers: the first one when
// all readers and cards are known, then one for each event. A CIE is contactless, so
// every reader is treated as a contactless one.
func states(ctx context.Context, service readers.Service) <-chan gui.ReaderState {
	out := make(chan gui.ReaderState)
	go func() {
		defer close(out)
		var d gui.ReaderState
		send := func() bool {
			copied := gui.ReaderState{Down: d.Down, Readers: slices.Clone(d.Readers)}
			select {
			case out <- copied:
				return true
			case <-ctx.Done():
				return false
			}
		}
		events, err := service.Watch(ctx)
		if err != nil {
			d.Down = judge(err)
			send()
			return
		}
		var visit uint64
		settled := false
		for e := range events {
			visit++
			apply(&d, e, visit)
			settled = settled || e.Kind == readers.Settled
			if settled && !send() {
				return
			}
		}
	}()
	return out
}

// judge marks an error of a service that does not admit this user, by the same rule
// as the diagnostics.
func judge(err error) error {
	if err == nil {
		return nil
	}
	if _, denied := (doctor.Env{Getenv: os.Getenv}).Admission(err); denied {
		return fmt.Errorf("%w: %w", gui.ErrNotAdmitted, err)
	}
	return err
}

// apply changes the state according to the event.
func apply(d *gui.ReaderState, e readers.Event, visit uint64) {
	i := slices.IndexFunc(d.Readers, func(r gui.Reader) bool { return r.Name == e.Reader })
	if i < 0 && e.Reader != "" && e.Kind != readers.ReaderRemoved {
		d.Readers = append(d.Readers, gui.Reader{Name: e.Reader, Contactless: true})
		i = len(d.Readers) - 1
	}
	switch e.Kind {
	case readers.ServiceLost:
		d.Down, d.Readers = judge(e.Err), nil
	case readers.ServiceBack:
		d.Down = nil
	case readers.ReaderRemoved:
		if i >= 0 {
			d.Readers = slices.Delete(d.Readers, i, i+1)
		}
	case readers.CardInserted:
		d.Down = nil
		d.Readers[i].Presence, d.Readers[i].Visit = gui.Present, visit
	case readers.CardMute:
		d.Readers[i].Presence, d.Readers[i].Visit = gui.Mute, visit
	case readers.CardRemoved:
		d.Readers[i].Presence, d.Readers[i].Visit = gui.Empty, 0
	}
}
