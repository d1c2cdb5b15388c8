package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cie/apdu/pcsc"
	"cie/apdu/pcsc/pcscd"
	"cie/card/cardtest"
	"cie/card/cardtest/vpcd"
)

// pcscDesk is a desk with a private pcscd and two virtual readers.
type pcscDesk struct {
	daemon *pcscd.Daemon
	stack  *pcsc.Context
	serve  context.CancelFunc
	cards  sync.WaitGroup
}

// newPCSCDesk starts the service. It must be the first use of PC/SC in the
// process, because the library looks only once where the service is.
func newPCSCDesk(ctx context.Context) (demoDesk, error) {
	daemon, err := pcscd.Start(ctx, pcscd.Options{})
	if err != nil {
		return nil, err
	}
	if err := daemon.Setenv(); err != nil {
		daemon.Stop()
		return nil, err
	}
	c, err := pcsc.Establish()
	if err != nil {
		daemon.Stop()
		return nil, err
	}
	return &pcscDesk{daemon: daemon, stack: c}, nil
}

// layTimeout bounds the wait for the service to notice the cards.
const layTimeout = 30 * time.Second

func (d *pcscDesk) lay(ctx context.Context, original, clone *cardtest.Card) error {
	serve, stop := context.WithCancel(ctx)
	d.serve = stop
	for slot, c := range []*cardtest.Card{original, clone} {
		conn, err := d.daemon.Dial(slot)
		if err != nil {
			return err
		}
		d.cards.Go(func() { _ = vpcd.ServeConn(serve, conn, c) })
	}
	ctx, cancel := context.WithTimeoutCause(ctx, layTimeout, errors.New("the service did not notice the card"))
	defer cancel()
	events, err := d.stack.Watch(ctx)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for e := range events {
		if e.Kind == pcsc.CardInserted {
			there[e.Reader] = true
		}
		if there[d.daemon.Reader(0)] && there[d.daemon.Reader(1)] {
			return nil
		}
	}
	return fmt.Errorf("%w; pcscd: %s", context.Cause(ctx), d.daemon.Logs())
}

func (d *pcscDesk) connect(clone bool) (conn, error) {
	slot := 0
	if clone {
		slot = 1
	}
	c, err := d.stack.Connect(d.daemon.Reader(slot))
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (d *pcscDesk) reader() string { return d.daemon.Reader(0) }

func (d *pcscDesk) close() {
	_ = d.stack.Close()
	if d.serve != nil {
		d.serve()
	}
	d.cards.Wait()
	d.daemon.Stop()
}

// demoObstacle classifies why no private service can run.
func demoObstacle(err error) int {
	switch {
	case errors.Is(err, pcscd.ErrNotInstalled):
		return obstacleMissing
	case errors.Is(err, pcscd.ErrNotPermitted):
		return obstacleDenied
	}
	return obstacleOther
}
