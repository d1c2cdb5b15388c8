//go:build !linux

package main

import "context"

// private is a pcscd of this program's own: only on Linux.
type private struct {
	env  []string
	done <-chan struct{}
}

// newPCSCReaders returns an error: only Linux has a private service.
func (d *demo) newPCSCReaders(context.Context) (demoReaders, error) {
	f := d.fail("virtual.no-private")
	f.Code = "no-service"
	return nil, f
}

func (a *app) startPrivate(context.Context, int) (*private, error) {
	return nil, a.usage("virtual.no-private")
}

func (*private) attach([]*slot) {}

func (*private) stop() {}
