package main

import (
	"context"
	"fmt"

	"cie/apdu"
	"cie/apdu/pcsc"
	"cie/card/cardtest"
	"cie/card/cardtest/stack"
)

// pcscReaders are two virtual readers of a private pcscd.
type pcscReaders struct {
	service *stack.Stack
	client  *pcsc.Context
}

func (d *demo) newPCSCReaders(ctx context.Context) (demoReaders, error) {
	s, err := d.startService(ctx, 2)
	if err != nil {
		return nil, err
	}
	c, err := pcsc.Establish()
	if err != nil {
		s.Stop()
		return nil, err
	}
	return &pcscReaders{s, c}, nil
}

func (d *pcscReaders) insert(ctx context.Context, original, clone *cardtest.Card) error {
	d.service.Insert(0, original)
	d.service.Insert(1, clone)
	if err := awaitCards(ctx, original, clone); err != nil {
		return fmt.Errorf("the service did not notice the cards: %w; pcscd: %s", err, d.service.Logs())
	}
	return nil
}

func (d *pcscReaders) connect(clone bool) (apdu.Card, error) {
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

func (d *pcscReaders) reader() string { return d.service.Reader(0) }

func (d *pcscReaders) close() {
	_ = d.client.Close()
	d.service.Stop()
}
