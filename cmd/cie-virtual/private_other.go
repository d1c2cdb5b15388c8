//go:build !linux

package main

import "context"

// private is a pcscd of this program's own: only on Linux.
type private struct {
	env  []string
	done <-chan struct{}
}

var noPrivate = text("a private pcscd needs Linux", "un pcscd privato richiede Linux")

// newPCSCDesk returns an error: only Linux has a private service.
func (d *demo) newPCSCDesk(context.Context) (demoDesk, error) {
	f := d.fail(noPrivate)
	f.Code = "no-service"
	return nil, f
}

func (a *app) startPrivate(context.Context, int) (*private, error) { return nil, a.usage(noPrivate) }

func (*private) attach([]*slot) {}

func (*private) stop() {}
