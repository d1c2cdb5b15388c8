package main

import (
	"context"
	"fmt"

	"cie/apdu"
	"cie/apdu/pcsc"
	"cie/card/cardtest"
	"cie/card/cardtest/stack"
)

// pcscDesk is a desk with a private pcscd and two virtual readers.
type pcscDesk struct {
	service *stack.Stack
	client  *pcsc.Context
}

func (d *demo) newPCSCDesk(ctx context.Context) (demoDesk, error) {
	s, err := d.startService(ctx, 2)
	if err != nil {
		return nil, err
	}
	c, err := pcsc.Establish()
	if err != nil {
		s.Stop()
		return nil, err
	}
	return &pcscDesk{s, c}, nil
}

func (d *pcscDesk) lay(ctx context.Context, original, clone *cardtest.Card) error {
	d.service.Insert(0, original)
	d.service.Insert(1, clone)
	if err := awaitCards(ctx, original, clone); err != nil {
		return fmt.Errorf("the service did not notice the cards: %w; pcscd: %s", err, d.service.Logs())
	}
	return nil
}

func (d *pcscDesk) connect(clone bool) (apdu.Card, error) {
	slot := 0
	if clone {
		slot = 1
	}
	c, err := d.client.Connect(d.service.Reader(slot))
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (d *pcscDesk) reader() string { return d.service.Reader(0) }

func (d *pcscDesk) close() {
	_ = d.client.Close()
	d.service.Stop()
}
