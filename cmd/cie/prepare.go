package main

import (
	"context"
	"errors"

	"cie/card"
)

// levelJSON is what every answer after a code reports about the card.
type levelJSON struct {
	Authenticity card.Level `json:"authenticity"`
}

func (u *inUse) levelJSON() levelJSON { return levelJSON{u.level} }

// prepare checks the card, reads the tries of a code and shows them, refuses
// a blocked code, and asks for what a user has to decide: whether this card
// may get a code, and whether it may be one of the last. It sends no code. A user
// who is going to type does not wait for the secure channel, which is opened meanwhile.
func (a *app) prepare(ctx context.Context, d *dialog, u *inUse, ref card.PINRef, f *codeFlags) ([]card.CodeOption, error) {
	var auth card.Authenticity
	var tries card.Tries
	var holder string
	err := a.onCard(func() (err error) {
		if auth, err = u.session.Authenticity(ctx); err != nil {
			return err
		}
		if auth.Level == card.NotGenuine {
			return auth.Reason
		}
		if d != nil {
			if holder, err = a.knownHolder(ctx, u, auth.Level); err != nil {
				return err
			}
			var ok bool
			if tries, ok = u.session.LikelyTries(ref); ok {
				return nil
			}
		}
		tries, err = u.session.Tries(ctx, ref)
		return err
	})
	if err != nil {
		return nil, err
	}
	u.level = auth.Level
	if holder != "" {
		d.say("ask.card-of", holder, u.reader, u.session.NIS())
	} else {
		d.say("ask.card", u.reader, u.session.NIS())
	}
	var opts []card.CodeOption
	if !auth.TakesCodes() {
		if err := a.acceptOnce(ctx, d, auth, f.accept); err != nil {
			return nil, err
		}
		opts = append(opts, card.AcceptUnknownIssuer())
	}
	switch {
	case tries.Blocked():
		return nil, a.blocked(ctx, u, ref, tries)
	case tries.Left < 0:
		d.say("tries.silent")
	default:
		left := "tries.pin"
		if ref == card.PUK {
			left = "tries.puk"
		}
		d.write(a.count(left, tries.Left, tries.Max))
		switch {
		case tries.Pending:
			d.say("tries.pending")
		case !tries.Reported:
			d.say("tries.last-seen")
		}
	}
	last, err := a.consent(ctx, d, ref, tries, f.lastTry)
	if d != nil && err == nil {
		u.session.OpenAhead(ctx)
	}
	return append(opts, last...), err
}

// withCode does an operation of the card with a code. If fewer tries are left than were
// shown, it asks the user before it does the operation once more: nothing was sent.
func (a *app) withCode(ctx context.Context, d *dialog, f *codeFlags, opts []card.CodeOption, do func(...card.CodeOption) error) error {
	once := func() error { return a.onCard(func() error { return do(opts...) }) }
	err := once()
	var last *card.LastTryError
	if d == nil || !errors.As(err, &last) {
		return err
	}
	more, err := a.consent(ctx, d, last.Ref, last.Tries, f.lastTry)
	if err != nil {
		return err
	}
	opts = append(opts, more...)
	return once()
}

// acceptOnce requires the decision of the user before a card below genuine gets a
// code. It applies to this run.
func (a *app) acceptOnce(ctx context.Context, d *dialog, auth card.Authenticity, given bool) error {
	refused := &card.NotAcceptedError{Level: auth.Level, Reason: auth.Reason}
	d.say(acceptWarning(auth.Level))
	if given {
		return nil
	}
	if d == nil {
		return refused
	}
	d.say("accept.meaning")
	yes, err := d.confirm(ctx, a.text("accept.word"))
	if err == nil && !yes {
		err = refused
	}
	if err == nil && auth.Level != card.VirtualCard {
		d.say("accept.tip")
	}
	return err
}

// blocked returns the error for a blocked code. Where the PUK is blocked, too, it is
// that of the PUK: do not advise unblocking then.
func (a *app) blocked(ctx context.Context, u *inUse, ref card.PINRef, tries card.Tries) error {
	if ref == card.PIN {
		var puk card.Tries
		err := a.onCard(func() (err error) {
			puk, err = u.session.Tries(ctx, card.PUK)
			return err
		})
		if err != nil {
			return err
		}
		if card.LockOf(tries, puk) == card.LockBoth {
			ref = card.PUK
		}
	}
	return &card.PINError{Ref: ref, Tries: 0}
}

// stakeWarnings are what a user has to know before confirming.
var stakeWarnings = map[card.Stake]string{
	card.StakeLastPIN: "ask.last-pin", card.StakeFewPUK: "ask.few-puk", card.StakeUnknownPUK: "ask.unknown-puk",
}

// consent requires an explicit yes before what may be one of the last tries.
func (a *app) consent(ctx context.Context, d *dialog, ref card.PINRef, tries card.Tries, allow bool) ([]card.CodeOption, error) {
	if !tries.NeedsConsent(ref) {
		return nil, nil
	}
	d.say(stakeWarnings[tries.Stake(ref)])
	if ref == card.PUK {
		d.say("ask.lost-puk")
	}
	if !allow && d != nil {
		var err error
		if allow, err = d.confirm(ctx, a.text("ask.confirm.word")); err != nil {
			return nil, err
		}
	}
	return []card.CodeOption{card.AllowLastTry()}, tries.Check(ref, allow)
}
