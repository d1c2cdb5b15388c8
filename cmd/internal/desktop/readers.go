package desktop

import (
	"context"
	"fmt"
	"os"
	"slices"

	"cie/apdu/pcsc"
	"cie/cmd/internal/doctor"
	"cie/gui"
)

// pcscReaders are the readers of this computer.
type pcscReaders struct{ c *pcsc.Context }

func (r pcscReaders) Connect(reader string) (link, error) {
	c, err := r.c.Connect(reader)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Watch turns events into states of the desk. A CIE is read by radio, so every
// reader is taken for a contactless one.
func (r pcscReaders) Watch(ctx context.Context) <-chan gui.Desk {
	out := make(chan gui.Desk)
	go func() {
		defer close(out)
		var d gui.Desk
		send := func() bool {
			copied := gui.Desk{Down: d.Down, Readers: slices.Clone(d.Readers)}
			select {
			case out <- copied:
				return true
			case <-ctx.Done():
				return false
			}
		}
		// The events tell what is there; that nothing is there they do not.
		if now, err := r.c.Status(); err != nil {
			d.Down = judge(err)
			send()
		} else if len(now) == 0 {
			send()
		}
		events, err := r.c.Watch(ctx)
		if err != nil {
			d.Down = judge(err)
			send()
			return
		}
		var visit uint64
		for e := range events {
			visit++
			apply(&d, e, visit)
			if !send() {
				return
			}
		}
	}()
	return out
}

// judge adds to an error of the service whether it does not admit this user, as
// the diagnostics judge it.
func judge(err error) error {
	if err == nil {
		return nil
	}
	if _, denied := (doctor.Env{Getenv: os.Getenv}).Admission(err); denied {
		return fmt.Errorf("%w: %w", gui.ErrNotAdmitted, err)
	}
	return err
}

// apply changes the desk as the event says.
func apply(d *gui.Desk, e pcsc.Event, visit uint64) {
	i := slices.IndexFunc(d.Readers, func(r gui.Reader) bool { return r.Name == e.Reader })
	if i < 0 && e.Reader != "" && e.Kind != pcsc.ReaderRemoved {
		d.Readers = append(d.Readers, gui.Reader{Name: e.Reader, Contactless: true})
		i = len(d.Readers) - 1
	}
	switch e.Kind {
	case pcsc.ServiceLost:
		d.Down, d.Readers = judge(e.Err), nil
	case pcsc.ServiceBack:
		d.Down = nil
	case pcsc.ReaderRemoved:
		if i >= 0 {
			d.Readers = slices.Delete(d.Readers, i, i+1)
		}
	case pcsc.CardInserted:
		d.Down = nil
		d.Readers[i].Presence, d.Readers[i].Visit = gui.Present, visit
	case pcsc.CardMute:
		d.Readers[i].Presence, d.Readers[i].Visit = gui.Mute, visit
	case pcsc.CardRemoved:
		d.Readers[i].Presence, d.Readers[i].Visit = gui.Empty, 0
	}
}
