package main

import (
	"context"
	"fmt"

	"cie/apdu/pcsc"
	"cie/card/cardtest"
)

// newPCSCDesk returns a desk with a private pcscd and two virtual readers.
func (d *demo) newPCSCDesk(ctx context.Context) (*desk, error) {
	service, err := d.startService(ctx, 2)
	if err != nil {
		return nil, err
	}
	client, err := pcsc.Establish()
	if err != nil {
		service.Stop()
		return nil, err
	}
	return &desk{
		Service: client, original: service.Reader(0), copy: service.Reader(1),
		insert: func(ctx context.Context, original, copy *cardtest.Card) error {
			service.Insert(0, original)
			service.Insert(1, copy)
			if err := awaitCards(ctx, original, copy); err != nil {
				return fmt.Errorf("the service did not notice the cards: %w; pcscd: %s", err, service.Logs())
			}
			return nil
		},
		stop: func() {
			_ = client.Close()
			service.Stop()
		},
	}, nil
}
