package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"cie/card"
	"cie/card/state"
)

// knownJSON is a card in the answer of "cie cards --json".
type knownJSON struct {
	ID       string `json:"id"`
	NIS      string `json:"nis,omitempty"`
	Holder   string `json:"name,omitempty"`
	Genuine  string `json:"genuine_root,omitempty"`
	Accepted string `json:"accepted,omitempty"` // YYYY-MM-DD
	PINTries *int   `json:"pin_tries,omitempty"`
	PUKTries *int   `json:"puk_tries,omitempty"`
	Error    string `json:"error,omitempty"`
}

func (a *app) cardsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "cards",
		Short:   a.text("cmd.cards.short"),
		Long:    a.text("cmd.cards.long"),
		Example: "cie cards\ncie cards accept\ncie cards forget 999900000001",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return a.group(c, args)
			}
			return a.knownCards()
		},
	}
	c.AddCommand(a.cardsAcceptCommand(), a.cardsForgetCommand())
	return c
}

// stateProblem returns the error of a state that cannot be used.
func (a *app) stateProblem(err error) error {
	if err == nil {
		return nil
	}
	p := a.problem("state", exitFailed, "error.state.title", err)
	p.Detail = err.Error()
	return p
}

// knownCards lists what is kept.
func (a *app) knownCards() error {
	st, err := a.sources.State()
	if err != nil {
		return a.stateProblem(err)
	}
	entries, err := st.List()
	if err != nil {
		return a.stateProblem(err)
	}
	list := []knownJSON{}
	for _, e := range entries {
		list = append(list, knownCard(e))
	}
	if a.json {
		return a.printJSON(map[string][]knownJSON{"cards": list})
	}
	if len(list) == 0 {
		a.println(a.text("cards.none"))
		return nil
	}
	for i, k := range list {
		if i > 0 {
			a.println("")
		}
		a.printKnown(entries[i], k)
	}
	return nil
}

func knownCard(e state.Entry) knownJSON {
	k := knownJSON{ID: e.ID}
	if e.Err != nil {
		k.Error = "damaged"
		return k
	}
	r := e.Record
	k.NIS, k.Holder = r.NIS, r.Holder
	if r.Genuine != nil {
		k.Genuine = r.Genuine.Root
	}
	if r.Consent != nil {
		k.Accepted = r.Consent.At.Format(time.DateOnly)
	}
	for _, c := range []struct {
		from state.Counter
		to   **int
	}{{r.PIN, &k.PINTries}, {r.PUK, &k.PUKTries}} {
		if left := c.from.Left; c.from.Known {
			*c.to = &left
		}
	}
	return k
}

func (a *app) printKnown(e state.Entry, k knownJSON) {
	if k.Error != "" {
		a.println(a.style.Bold(k.ID))
		a.paragraph("  ", a.style.Red(a.text("cards.damaged", k.ID)))
		return
	}
	title := "NIS " + k.NIS
	if k.Holder != "" {
		title = k.Holder + ", " + title
	}
	a.println(a.style.Bold(title))
	what := a.text("cards.seen")
	switch {
	case k.Genuine != "":
		what = a.style.Green(a.text("cards.genuine", k.Genuine))
	case k.Accepted != "":
		what = a.style.Amber(a.text("cards.accepted", a.date(e.Record.Consent.At)))
	}
	a.paragraph("  ", what)
	count := func(n *int) string {
		if n == nil {
			return a.text("unknown")
		}
		return fmt.Sprint(*n)
	}
	a.paragraph("  ", a.text("cards.tries", count(k.PINTries), count(k.PUKTries)))
	a.paragraph("  ", "ID "+k.ID)
}

func (a *app) cardsAcceptCommand() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:     "accept",
		Short:   a.text("cmd.cards.accept.short"),
		Long:    a.text("cmd.cards.accept.long"),
		Example: "cie cards accept",
		RunE:    func(c *cobra.Command, _ []string) error { return a.acceptCard(c.Context(), yes) },
	}
	c.Flags().BoolVar(&yes, "yes", false, a.text("flag.yes"))
	return c
}

// acceptCard records that the user accepts the only card.
func (a *app) acceptCard(ctx context.Context, given bool) error {
	if _, err := a.sources.State(); err != nil {
		return a.stateProblem(err)
	}
	u, err := a.openOne(ctx)
	if err != nil {
		return err
	}
	defer u.Close()
	var auth card.Authenticity
	err = a.onCard(func() (err error) {
		auth, err = u.session.Authenticity(ctx)
		return err
	})
	switch {
	case err != nil:
		return err
	case auth.Level == card.NotGenuine:
		return auth.Reason
	case auth.Level == card.VirtualCard:
		p := a.problem("virtual-card", exitChoose, "cards.is-virtual")
		return p.do(a.text("error.not-accepted.virtual-card.remedy"))
	}
	u.level = auth.Level
	if auth.Level.NeedsConsent() && !auth.Accepted {
		if err := a.acceptForGood(ctx, u, auth, given); err != nil {
			return err
		}
	}
	if a.json {
		return a.printJSON(struct {
			Reader string `json:"reader"`
			NIS    string `json:"nis"`
			levelJSON
			Accepted bool `json:"accepted"`
		}{u.reader, u.session.NIS(), u.levelJSON(), auth.Level.NeedsConsent()})
	}
	done := "cards.accepted-now"
	if auth.Level == card.Genuine {
		done = "cards.is-genuine"
	}
	a.println(a.style.Green(a.wrapOut(a.text(done), "")))
	return nil
}

func (a *app) acceptForGood(ctx context.Context, u *inUse, auth card.Authenticity, given bool) error {
	if !given {
		d, err := a.openDialog(nil)
		if err != nil {
			return err
		}
		defer d.close()
		d.say("ask.card", u.reader, u.session.NIS())
		d.say(acceptWarning(auth.Level))
		d.say("accept.meaning")
		yes, err := d.confirm(ctx, a.text("accept.word"))
		if err != nil {
			return err
		}
		if !yes {
			return &card.NotAcceptedError{Level: auth.Level, Reason: auth.Reason}
		}
	}
	return a.onCard(func() error {
		_, err := u.session.Accept(ctx)
		return err
	})
}

// acceptWarning returns what a user has to know before a card of this level gets
// a code.
func acceptWarning(level card.Level) string {
	switch level {
	case card.TestCard:
		return "warn.test-card"
	case card.VirtualCard:
		return "warn.virtual-card"
	}
	return "warn.issuer-unknown"
}

func (a *app) cardsForgetCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:     "forget [NIS | ID]",
		Short:   a.text("cmd.cards.forget.short"),
		Long:    a.text("cmd.cards.forget.long"),
		Example: "cie cards forget 999900000001\ncie cards forget --all",
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if (len(args) == 0) != all || len(args) > 1 {
				return a.hint(c, a.usage("cards.which"))
			}
			return a.forgetCards(args)
		},
	}
	c.Flags().BoolVar(&all, "all", false, a.text("flag.all"))
	return c
}

// forgetCards deletes the record of one card, or all without argument.
func (a *app) forgetCards(args []string) error {
	st, err := a.sources.State()
	if err != nil {
		return a.stateProblem(err)
	}
	entries, err := st.List()
	if err != nil {
		return a.stateProblem(err)
	}
	n := len(entries)
	if len(args) == 0 {
		err = st.ForgetAll()
	} else {
		i := slices.IndexFunc(entries, func(e state.Entry) bool { return e.ID == args[0] || e.ID == state.ID(args[0]) })
		if i < 0 {
			return a.problem("no-record", exitFailed, "cards.unknown", printable(args[0]))
		}
		n, err = 1, st.Forget(entries[i].ID)
	}
	if err != nil {
		return a.stateProblem(err)
	}
	if a.json {
		return a.printJSON(map[string]int{"forgotten": n})
	}
	a.println(a.count("cards.forgotten", n))
	return nil
}
