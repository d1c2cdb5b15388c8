package main

import (
	"context"

	"github.com/spf13/cobra"

	"cie/card"
)

func (a *app) pinUnblockCommand() *cobra.Command {
	var codes codeFlags
	var keep bool
	c := &cobra.Command{
		Use:     "unblock",
		Short:   a.text("cmd.pin.unblock.short"),
		Long:    a.text("cmd.pin.unblock.long"),
		Example: "cie pin unblock\ncie pin unblock --puk-fd 3 --new-pin-fd 4 3< puk.txt 4< new.txt",
		RunE: func(c *cobra.Command, _ []string) error {
			if keep && codes.newPIN.set {
				return a.hint(c, a.usage("usage.keep-or-new"))
			}
			return a.pinUnblock(c.Context(), &codes, keep)
		},
	}
	codes.addPUK(a, c)
	codes.addNewPIN(a, c)
	c.Flags().BoolVar(&keep, "keep-pin", false, a.text("flag.keep-pin"))
	return c
}

func (a *app) pinUnblock(ctx context.Context, f *codeFlags, keep bool) error {
	var puk, pin []byte
	defer func() { clear(puk); clear(pin) }()
	puk, err := a.fromFD(ctx, f.puk)
	if err != nil {
		return err
	}
	if pin, err = a.fromFD(ctx, f.newPIN); err != nil {
		return err
	}
	missing := [][]byte{puk}
	if !keep {
		missing = append(missing, pin)
	}
	if pin != nil {
		if err := card.CheckNewPIN(pin, nil); err != nil {
			return err
		}
	}
	d, err := a.openDialog(missing...)
	if err != nil {
		return err
	}
	defer d.close()
	u, err := a.openOne(ctx)
	if err != nil {
		return err
	}
	defer u.Close()
	opts, err := a.prepare(ctx, d, u, card.PUK, f)
	if err != nil {
		return err
	}
	if puk == nil {
		d.say("code.where")
		if puk, err = d.code(ctx, "ask.puk"); err != nil {
			return err
		}
	}
	if keep {
		err = a.withCode(ctx, d, f, opts, func(opts ...card.CodeOption) error {
			return u.session.ResetTries(ctx, puk, opts...)
		})
		clear(puk) // not only when the result is printed
		if err != nil {
			return err
		}
		return a.pinDone(u, "tries-reset", "pin.tries-reset")
	}
	if pin == nil {
		if pin, err = d.newPIN(ctx, nil); err != nil {
			return err
		}
	}
	err = a.withCode(ctx, d, f, opts, func(opts ...card.CodeOption) error {
		return u.session.Unblock(ctx, puk, pin, opts...)
	})
	clear(puk) // not only when the result is printed
	clear(pin)
	if err != nil {
		return err
	}
	return a.pinDone(u, "unblocked", "pin.unblocked")
}
