package main

import (
	"context"

	"github.com/spf13/cobra"

	"cie/card"
)

// pinJSON is the answer of the verbs below "cie pin".
type pinJSON struct {
	Result string `json:"result"`
	Reader string `json:"reader"`
	NIS    string `json:"nis"`
	levelJSON
	PINTries *int `json:"pin_tries"`
}

func (a *app) pinCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "pin",
		Short: a.text("cmd.pin.short"),
		Long:  a.text("cmd.pin.long"),
		RunE:  a.group,
	}
	c.AddCommand(a.pinVerifyCommand(), a.pinChangeCommand(), a.pinUnblockCommand())
	return c
}

// withPIN asks for the PIN of the only card, verifies it and
// lets f go on with it.
func (a *app) withPIN(ctx context.Context, f *codeFlags, then func(*inUse) error) error {
	pin, err := a.fromFD(ctx, f.pin)
	defer func() { clear(pin) }()
	if err != nil {
		return err
	}
	d, err := a.openDialog(pin)
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
	if pin == nil {
		if pin, err = d.code(ctx, "ask.pin"); err != nil {
			return err
		}
	}
	err = a.withCode(ctx, d, f, opts, func(opts ...card.CodeOption) error {
		return u.session.Verify(ctx, card.PIN, pin, opts...)
	})
	clear(pin)
	if err != nil {
		return err
	}
	return then(u)
}

// pinDone reports that a verb below "cie pin" succeeded.
func (a *app) pinDone(u *inUse, result string, t string) error {
	if !a.json {
		a.println(a.style.Green(a.wrapOut(a.text(t), "")))
		return nil
	}
	out := pinJSON{Result: result, Reader: u.reader, NIS: u.session.NIS(), levelJSON: u.levelJSON()}
	if tries := u.session.LastTries(card.PIN); tries.Left >= 0 {
		out.PINTries = &tries.Left
	}
	return a.printJSON(out)
}
