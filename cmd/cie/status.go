package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card"
	"cie/cmd/internal/tty"
)

// cieJSON is what an identity card shows.
type cieJSON struct {
	NIS          string     `json:"nis"`
	Name         string     `json:"name,omitempty"`
	Family       string     `json:"family"`
	PINTries     *int       `json:"pin_tries"`
	PUKTries     *int       `json:"puk_tries"`
	Authenticity card.Level `json:"authenticity"`
	Accepted     bool       `json:"authenticity_accepted,omitempty"`
	Issuer       string     `json:"authenticity_issuer,omitempty"`
	Reason       string     `json:"authenticity_reason,omitempty"`
	// InUse: a program of this user is logged in to the card, so the tries are those
	// last seen.
	InUse bool `json:"in_use,omitempty"`
	*holderJSON

	pin, puk card.Tries
}

// cardJSON is a card in the answer of "cie status --json".
type cardJSON struct {
	Reader string `json:"reader"`
	ATR    string `json:"atr,omitempty"`
	CIE    *bool  `json:"cie,omitempty"`
	*cieJSON
	Error *report `json:"error,omitempty"`

	exit int
}

// statusJSON is that answer.
type statusJSON struct {
	Cards []cardJSON `json:"cards"`
}

func (a *app) statusCommand() *cobra.Command {
	var withPIN bool
	var codes codeFlags
	c := &cobra.Command{
		Use:     "status",
		Short:   a.text("cmd.status.short"),
		Long:    a.text("cmd.status.long"),
		Example: "cie status\ncie status --pin\ncie status --json --pin-fd 3 3< pin.txt",
		RunE: func(c *cobra.Command, _ []string) error {
			if withPIN || codes.pin.set {
				return a.statusWithPIN(c.Context(), &codes)
			}
			return a.status(c.Context())
		},
	}
	c.Flags().BoolVar(&withPIN, "pin", false, a.text("flag.status-pin"))
	codes.addPIN(a, c)
	return c
}

// status shows every card.
func (a *app) status(ctx context.Context) error {
	s, err := a.service(false)
	if err != nil {
		return err
	}
	defer s.Close()
	list, err := a.find(s)
	if err != nil {
		return err
	}
	if list = withCard(list); len(list) == 0 {
		return apdu.ErrNoCard
	}
	out := statusJSON{}
	for i, r := range list {
		one, err := a.statusOf(ctx, s, r)
		if err != nil {
			return err
		}
		out.Cards = append(out.Cards, one)
		if !a.json {
			if i > 0 {
				a.println("")
			}
			a.printCard(one)
		}
	}
	if a.json {
		if err := a.printJSON(out); err != nil {
			return err
		}
	} else {
		a.statusHints(out)
	}
	return statusExit(out)
}

// statusExit returns the outcome for all cards: a card that is not genuine counts
// most, then a good one, then the first trouble.
func statusExit(out statusJSON) error {
	good, first := false, exitOK
	for _, c := range out.Cards {
		switch {
		case c.exit == exitFake:
			return &reported{code: exitFake}
		case c.exit == exitOK:
			good = true
		case first == exitOK:
			first = c.exit
		}
	}
	if good || first == exitOK {
		return nil
	}
	return &reported{code: first}
}

// statusOf looks at one card. Trouble with the card is part of the answer;
// an error means that the run is over.
func (a *app) statusOf(ctx context.Context, s readers.Service, r readers.State) (cardJSON, error) {
	out := cardJSON{Reader: r.Name, ATR: fmt.Sprintf("%X", r.ATR)}
	use, err := a.open(ctx, s, r)
	if err == nil {
		defer use.Close()
		yes := true
		out.CIE = &yes
		out.cieJSON, err = a.readStatus(ctx, use)
		if err == nil && out.Authenticity == card.NotGenuine {
			out.exit = exitFake
		}
	}
	if ctx.Err() != nil {
		return out, context.Cause(ctx)
	}
	if err != nil {
		report := a.explain(err)
		if report.Exit == exitUsage {
			return out, err
		}
		out.exit = report.Exit
		if report.Code == "not-cie" {
			no := false
			out.CIE = &no
		} else {
			out.Error = &report
		}
	}
	return out, nil
}

// note keeps a counter for the answer.
func (c *cieJSON) note(ref card.PINRef, tries card.Tries) {
	left := tries.Left
	if ref == card.PIN {
		c.pin, c.PINTries = tries, &left
	} else {
		c.puk, c.PUKTries = tries, &left
	}
}

// readStatus reads what a card shows without a code.
func (a *app) readStatus(ctx context.Context, u *inUse) (*cieJSON, error) {
	out := &cieJSON{NIS: u.session.NIS(), Family: u.session.Family().String(), Authenticity: card.Unchecked}
	err := a.onCard(func() error {
		auth, err := u.session.Authenticity(ctx)
		if err != nil {
			return err
		}
		out.Authenticity, out.Issuer, out.Accepted = auth.Level, auth.Issuer, auth.Accepted
		if auth.Reason != nil {
			out.Reason = auth.Reason.Error()
		}
		if auth.Level == card.NotGenuine {
			return nil // no channel is opened to such a card
		}
		if out.Name, err = a.knownHolder(ctx, u, auth.Level); err != nil {
			return err
		}
		// Reading the counters would take the channel of that login.
		out.InUse = u.session.InUse() && u.session.LastTries(card.PIN).Left >= 0 && u.session.LastTries(card.PUK).Left >= 0
		for _, ref := range []card.PINRef{card.PIN, card.PUK} {
			if out.InUse {
				out.note(ref, u.session.LastTries(ref))
				continue
			}
			tries, err := u.session.Tries(ctx, ref)
			if err != nil {
				return err
			}
			if tries.Left >= 0 {
				out.note(ref, tries)
			}
		}
		return nil
	})
	// The device authentication unmasks a man in the middle.
	if errors.Is(err, card.ErrNotGenuine) {
		out.Authenticity, out.Reason, err = card.NotGenuine, err.Error(), nil
	}
	return out, err
}

// statusWithPIN shows one card and, after the PIN, its holder.
func (a *app) statusWithPIN(ctx context.Context, f *codeFlags) error {
	return a.withPIN(ctx, f, func(u *inUse) error {
		out := cardJSON{Reader: u.reader, ATR: fmt.Sprintf("%X", u.session.ATR())}
		yes := true
		out.CIE = &yes
		var err error
		if out.cieJSON, err = a.readStatus(ctx, u); err != nil {
			return err
		}
		if out.holderJSON, err = a.readHolder(ctx, u); err != nil {
			return err
		}
		if a.json {
			return a.printJSON(statusJSON{Cards: []cardJSON{out}})
		}
		a.printCard(out)
		a.holderHints(out.holderJSON)
		return nil
	})
}

// printCard shows one card.
func (a *app) printCard(c cardJSON) {
	a.println(a.style.Bold(c.Reader))
	field := func(label string, value string) {
		name := a.text(label)
		if tty.IsTerminal(a.stdout) {
			value = wrapAt(value, strings.Repeat(" ", 20), min(tty.Width(a.stdout), 100)-20)
		}
		a.println("  " + name + strings.Repeat(" ", max(0, 18-utf8.RuneCountInString(name))) + value)
	}
	switch {
	case c.CIE == nil && c.Error != nil:
		field("label.card", a.style.Red(c.Error.Message))
		for _, line := range c.Error.advice {
			a.paragraph("    ", line)
		}
		return
	case c.CIE == nil || !*c.CIE:
		field("label.card", a.text("card.not-cie"))
		return
	}
	field("label.card", a.text("card.title"))
	if c.cieJSON != nil {
		if c.Name != "" && c.holderJSON == nil {
			field("label.holder", a.style.Bold(c.Name))
		}
		field("label.chip", c.Family)
		field("label.nis", c.NIS)
		if c.Authenticity != card.NotGenuine {
			field("code.pin", a.triesText(c.PINTries, card.PIN))
			field("code.puk", a.triesText(c.PUKTries, card.PUK))
			if c.InUse {
				field("label.login", a.text("status.in-use"))
			}
		}
		field("label.authenticity", a.levelText(c.cieJSON))
		if c.holderJSON != nil {
			a.printHolder(c.holderJSON, field)
		}
	}
	if c.Error != nil {
		field("error.word", a.style.Red(c.Error.Message))
		for _, line := range c.Error.advice {
			a.paragraph("    ", line)
		}
	}
}

func (a *app) triesText(left *int, ref card.PINRef) string {
	switch {
	case left == nil:
		return a.text("tries.unknown")
	case *left == 0 && ref == card.PUK:
		return a.style.Red(a.text("tries.puk-dead"))
	case *left == 0:
		return a.style.Red(a.text("tries.pin-dead"))
	}
	text := a.count("tries.left", *left, ref.MaxTries())
	if *left < ref.MaxTries() {
		return a.style.Amber(text)
	}
	return text
}

func (a *app) levelText(c *cieJSON) string {
	switch c.Authenticity {
	case card.Genuine:
		if c.Issuer == "" {
			return a.style.Green(a.text("auth.genuine"))
		}
		return a.style.Green(a.text("auth.genuine.by", c.Issuer))
	case card.IssuerUnknown, card.TestCard, card.VirtualCard:
		text := a.text(map[card.Level]string{
			card.IssuerUnknown: "auth.issuer-unknown", card.TestCard: "auth.test-card", card.VirtualCard: "auth.virtual-card",
		}[c.Authenticity])
		if c.Accepted {
			text += a.text("auth.accepted")
		}
		return a.style.Amber(text)
	case card.NotGenuine:
		return a.style.Red(a.text("auth.not-genuine"))
	}
	return a.text("auth.unchecked")
}

// statusHints prints what the user can do next.
func (a *app) statusHints(out statusJSON) {
	if !tty.IsTerminal(a.stdout) {
		return
	}
	for _, c := range out.Cards {
		if c.cieJSON == nil || c.exit != exitOK {
			continue
		}
		hint := "tip.with-pin"
		switch card.LockOf(c.pin, c.puk) {
		case card.LockPIN:
			hint = "tip.pin-blocked"
		case card.LockBoth:
			hint = "error.puk-blocked.remedy"
		}
		a.println("")
		a.println(a.style.Dim(tty.Wrap(a.text(hint), "", min(tty.Width(a.stdout), 100))))
		return
	}
}
