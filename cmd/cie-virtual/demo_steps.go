package main

import (
	"context"
	"errors"
	"fmt"

	"cie/card"
)

// unexpected returns the error for a step of the demonstration with another result.
func unexpected(what string, got any) error { return fmt.Errorf("%s: %v", what, got) }

func (d *demo) stepReader(ctx context.Context) error {
	if d.inProcess {
		d.shown("demo.reader.in-process")
	} else {
		d.shown("demo.reader.pcsc")
	}
	if err := d.readers.insert(ctx, d.original, d.clone); err != nil {
		return err
	}
	if !d.inProcess {
		d.shown("demo.reader.card", d.readers.reader())
		d.shown("demo.reader.events")
		d.fact("reader", d.readers.reader())
	}
	d.fact("in_process", d.inProcess)
	return nil
}

func (d *demo) stepRecognise(ctx context.Context) error {
	opts, err := d.options(true)
	if err != nil {
		return err
	}
	if d.conn, err = d.readers.connect(false); err != nil {
		return err
	}
	if d.session, err = card.Open(ctx, d.conn, opts); err != nil {
		_ = d.conn.Close()
		return err
	}
	if d.session.NIS() != d.original.NIS() {
		return unexpected("NIS", d.session.NIS())
	}
	pin, err := d.session.Tries(ctx, card.PIN)
	if err != nil {
		return err
	}
	puk, err := d.session.Tries(ctx, card.PUK)
	if err != nil {
		return err
	}
	if pin.Left != 3 || puk.Left != 10 {
		return unexpected("tries", fmt.Sprint(pin, puk))
	}
	d.shown("demo.known.card", d.session.Family(), d.session.NIS())
	d.shown("demo.known.tries", pin.Left, pin.Max, puk.Left, puk.Max)
	d.fact("nis", d.session.NIS())
	d.fact("family", d.session.Family().String())
	d.fact("pin_tries", pin.Left)
	d.fact("puk_tries", puk.Left)
	return nil
}

func (d *demo) stepGenuine(ctx context.Context) error {
	err := d.with(ctx, false, false, func(s *card.Session) error {
		return d.wantLevel(ctx, s, card.VirtualCard)
	})
	if err != nil {
		return err
	}
	d.shown("demo.genuine.unknown")
	if err := d.wantLevel(ctx, d.session, card.Genuine); err != nil {
		return err
	}
	d.shown("demo.genuine.yes")
	err = d.with(ctx, true, true, func(s *card.Session) error {
		// A wrong code would be counted if it arrived.
		if err := s.Verify(ctx, card.PIN, wrongPIN(d.pin)); !errors.Is(err, card.ErrNotGenuine) {
			return unexpected("a code for the copy", err)
		}
		if pin, _ := d.clone.Tries(); pin != 3 {
			return unexpected("tries of the copy", pin)
		}
		return d.wantLevel(ctx, s, card.NotGenuine)
	})
	if err != nil {
		return err
	}
	d.shown("demo.genuine.clone")
	d.fact("authenticity", card.Genuine)
	d.fact("without_test_authority", card.VirtualCard)
	d.fact("copy", card.NotGenuine)
	return nil
}

func (d *demo) wantLevel(ctx context.Context, s *card.Session, want card.Level) error {
	auth, err := s.Authenticity(ctx)
	if err == nil && auth.Level != want {
		err = unexpected("authenticity", fmt.Sprint(auth.Level, " ", auth.Reason))
	}
	return err
}

// wrongPIN returns another PIN than pin.
func wrongPIN(pin []byte) []byte {
	wrong := append([]byte(nil), pin...)
	wrong[len(wrong)-1] = '0' + (wrong[len(wrong)-1]-'0'+1)%10
	return wrong
}

// wantRefused sends the card a wrong PIN and checks that exactly one try is spent.
func (d *demo) wantRefused(ctx context.Context, pin []byte, left int, opts ...card.CodeOption) error {
	var refused *card.PINError
	err := d.session.Verify(ctx, card.PIN, pin, opts...)
	if !errors.As(err, &refused) || refused.Tries != left {
		return unexpected("a wrong PIN", err)
	}
	tries, err := d.session.Tries(ctx, card.PIN)
	if err == nil && tries.Left != left {
		err = unexpected("tries", tries)
	}
	return err
}

// wantAccepted verifies the correct PIN and checks that all tries are restored.
func (d *demo) wantAccepted(ctx context.Context) (card.Tries, error) {
	if err := d.session.Verify(ctx, card.PIN, d.pin); err != nil {
		return card.Tries{}, err
	}
	tries, err := d.session.Tries(ctx, card.PIN)
	if err == nil && tries.Left != tries.Max {
		err = unexpected("tries", tries)
	}
	return tries, err
}

func (d *demo) stepWrong(ctx context.Context) error {
	if err := d.wantRefused(ctx, wrongPIN(d.pin), 2); err != nil {
		return err
	}
	d.shown("demo.wrong.refused", 2, card.PIN.MaxTries())
	var format *card.FormatError
	if err := d.session.Verify(ctx, card.PIN, d.pin[:5]); !errors.As(err, &format) {
		return unexpected("a PIN of 5 digits", err)
	}
	tries, err := d.session.Tries(ctx, card.PIN)
	if err != nil {
		return err
	}
	if tries.Left != 2 {
		return unexpected("tries", tries)
	}
	d.shown("demo.wrong.short", tries.Left)
	d.fact("pin_tries", tries.Left)
	return nil
}

func (d *demo) stepChange(ctx context.Context) error {
	var weak *card.WeakPINError
	if err := d.session.ChangePIN(ctx, d.pin, []byte("12345678")); !errors.As(err, &weak) {
		return unexpected("a PIN in sequence", err)
	}
	d.shown("demo.change.easy")
	old, fresh := d.pin, []byte("40718265")
	if err := d.session.ChangePIN(ctx, old, fresh); err != nil {
		return err
	}
	d.pin = fresh
	if err := d.wantRefused(ctx, old, 2); err != nil {
		return err
	}
	clear(old)
	tries, err := d.wantAccepted(ctx)
	if err != nil {
		return err
	}
	d.shown("demo.change.done", tries.Left, tries.Max)
	d.shown("demo.change.old")
	d.fact("pin_tries", tries.Left)
	return nil
}

func (d *demo) stepBlock(ctx context.Context) error {
	wrong := wrongPIN(d.pin)
	for left := 2; left >= 1; left-- {
		if err := d.wantRefused(ctx, wrong, left); err != nil {
			return err
		}
		d.shown("demo.block.left", left)
	}
	var last *card.LastTryError
	if err := d.session.Verify(ctx, card.PIN, wrong); !errors.As(err, &last) {
		return unexpected("the last try without consent", err)
	}
	d.shown("demo.block.last")
	if err := d.wantRefused(ctx, wrong, 0, card.AllowLastTry()); err != nil {
		return err
	}
	d.shown("demo.block.done")
	var blocked *card.PINError
	if err := d.session.Verify(ctx, card.PIN, d.pin, card.AllowLastTry()); !errors.As(err, &blocked) || !blocked.Blocked() {
		return unexpected("the right PIN while blocked", err)
	}
	d.shown("demo.block.right")
	d.fact("pin_tries", 0)
	return nil
}

func (d *demo) stepUnblock(ctx context.Context) error {
	fresh := []byte("95031846")
	if err := d.session.Unblock(ctx, d.puk, fresh); err != nil {
		return err
	}
	clear(d.pin)
	d.pin = fresh
	tries, err := d.wantAccepted(ctx)
	if err != nil {
		return err
	}
	d.shown("demo.unblock.done", tries.Left, tries.Max)
	puk, err := d.session.Tries(ctx, card.PUK)
	if err != nil {
		return err
	}
	if puk.Left != puk.Max {
		return unexpected("tries of the PUK", puk)
	}
	d.shown("demo.unblock.puk", puk.Left, puk.Max)
	d.fact("pin_tries", tries.Left)
	d.fact("puk_tries", puk.Left)
	return nil
}
