package main

import (
	"context"

	"github.com/spf13/cobra"

	"cie/card"
)

func (a *app) pinChangeCommand() *cobra.Command {
	var codes codeFlags
	c := &cobra.Command{
		Use:     "change",
		Short:   a.text("cmd.pin.change.short"),
		Long:    a.text("cmd.pin.change.long"),
		Example: "cie pin change\ncie pin change --pin-fd 3 --new-pin-fd 4 3< old.txt 4< new.txt",
		RunE:    func(c *cobra.Command, _ []string) error { return a.pinChange(c.Context(), &codes) },
	}
	codes.addPIN(a, c)
	codes.addNewPIN(a, c)
	return c
}

func (a *app) pinChange(ctx context.Context, f *codeFlags) error {
	var old, pin []byte
	defer func() { clear(old); clear(pin) }()
	old, err := a.fromFD(ctx, f.pin)
	if err != nil {
		return err
	}
	if pin, err = a.fromFD(ctx, f.newPIN); err != nil {
		return err
	}
	// What can be known to be refused is refused before the card is touched.
	if pin != nil {
		if err := card.CheckNewPIN(pin, old); err != nil {
			return err
		}
	}
	d, err := a.openDialog(old, pin)
	if err != nil {
		return err
	}
	defer d.close()
	u, err := a.openOne(ctx)
	if err != nil {
		return err
	}
	defer u.Close()
	opts, err := a.prepare(ctx, d, u, card.PIN, f)
	if err != nil {
		return err
	}
	if old == nil {
		if old, err = d.code(ctx, "ask.old-pin"); err != nil {
			return err
		}
	}
	if pin == nil {
		if pin, err = d.newPIN(ctx, old); err != nil {
			return err
		}
	}
	err = a.withCode(ctx, d, f, opts, func(opts ...card.CodeOption) error {
		return u.session.ChangePIN(ctx, old, pin, opts...)
	})
	clear(old) // not only when the result is printed
	clear(pin)
	if err != nil {
		return err
	}
	return a.pinDone(u, "changed", "pin.changed")
}
