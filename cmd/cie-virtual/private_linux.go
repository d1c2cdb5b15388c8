package main

import (
	"context"
	"errors"
	"net"

	"cie/apdu/pcsc/pcscd"
)

// private is a pcscd of this program's own.
type private struct {
	daemon *pcscd.Daemon
	env    []string
	done   <-chan struct{}
}

// startPrivate starts one with enough readers, and makes this process and its
// children clients of it.
func (a *app) startPrivate(ctx context.Context, readers int) (*private, error) {
	d, err := pcscd.Start(ctx, pcscd.Options{Slots: readers})
	switch {
	case errors.Is(err, pcscd.ErrNotInstalled):
		return nil, a.fail(notInstalled, err)
	case errors.Is(err, pcscd.ErrNotPermitted):
		return nil, a.fail(notPermitted, err)
	case err != nil:
		return nil, a.fail(privateFailed, err)
	}
	if err := d.Setenv(); err != nil {
		d.Stop()
		return nil, a.fail(privateFailed, err)
	}
	return &private{daemon: d, env: d.Env(), done: d.Done()}, nil
}

// attach gives each card the reader of its number.
func (p *private) attach(slots []*slot) {
	for i, s := range slots {
		s.addr = p.daemon.Reader(i)
		s.dial = func(context.Context) (net.Conn, error) { return p.daemon.Dial(i) }
	}
}

func (p *private) stop() { p.daemon.Stop() }
