package desktop

import (
	"errors"
	"testing"

	"cie/card"
	"cie/card/cardtest"
	"cie/card/sod"
	"cie/card/state"
	"cie/gui"
)

// No operation of the window sends a code to a card without a known issuer,
// before the user accepts it.
func TestServiceSendsNoCodeToACardNobodyVouchesFor(t *testing.T) {
	issuer, err := cardtest.NewIssuer("Unknown Country Signer CA")
	if err != nil {
		t.Fatal(err)
	}
	const nis = "999900000042"
	st := state.Memory()
	newDemo := func(p cardtest.Profile, roots *sod.Roots) (*demo, *cardtest.Card) {
		t.Helper()
		d := newTestDemo(t)
		virtual, err := cardtest.New(p)
		if err != nil {
			t.Fatal(err)
		}
		virtual.SetCost(cardtest.CostModel{})
		d.service.Exchange(demoReader, virtual)
		d.card = virtual
		d.cards.opts.State = st
		if roots != nil {
			d.cards.opts.Roots = roots
		}
		return d, virtual
	}
	wantNoCode := func(d *demo, virtual *cardtest.Card) {
		t.Helper()
		ctx, pin, puk, next := t.Context(), cardtest.DefaultPIN(), cardtest.DefaultPUK(), []byte("24681357")
		before := virtual.Stats()
		for _, o := range []gui.CodeOptions{{}, {AllowLastTry: true}} {
			_, holder := d.Holder(ctx, demoReader, pin, o)
			_, login := d.TestLogin(ctx, demoReader, pin, o)
			for name, err := range map[string]error{
				"holder": holder, "login": login,
				"change":  d.ChangePIN(ctx, demoReader, pin, next, o),
				"unblock": d.Unblock(ctx, demoReader, puk, next, o),
			} {
				var refused *card.NotAcceptedError
				if !errors.As(err, &refused) && !errors.Is(err, card.ErrNotGenuine) {
					t.Errorf("%s: %v", name, err)
				}
			}
			_ = d.Diagnose(ctx, gui.Diagnosis{Reader: demoReader, PIN: cardtest.DefaultPIN(), CodeOptions: o}, func(gui.Finding) {})
		}
		if n := virtual.Stats().Sub(before); n.Verifies != 0 {
			t.Errorf("%d codes reached the card", n.Verifies)
		}
	}
	own := cardtest.Profile{NIS: nis, Forgery: cardtest.Forgery{Issuer: issuer}}
	form := own
	form.Forgery.SOD = cardtest.SODUnknownForm
	for name, p := range map[string]cardtest.Profile{"SOD of its own": own, "unknown form of SOD": form} {
		t.Run(name, func(t *testing.T) {
			wantNoCode(newDemo(p, nil))
		})
	}

	d, virtual := newDemo(own, nil)
	if err := d.Accept(t.Context(), demoReader); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Holder(t.Context(), demoReader, cardtest.DefaultPIN(), gui.CodeOptions{}); err != nil || virtual.Stats().Verifies != 1 {
		t.Errorf("accepted: %v", err)
	}
	// A virtual card is accepted for this process only: nothing is recorded.
	d, virtual = newDemo(cardtest.Profile{NIS: "999900000043"}, sod.BuiltinRoots())
	wantNoCode(d, virtual)
	if err := d.Accept(t.Context(), demoReader); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Holder(t.Context(), demoReader, cardtest.DefaultPIN(), gui.CodeOptions{}); err != nil {
		t.Errorf("accepted: %v", err)
	}
	if r, err := st.Get("999900000043"); err != nil || r.Consent != nil {
		t.Errorf("recorded: %+v, %v", r, err)
	}
	if err := st.ForgetAll(); err != nil {
		t.Fatal(err)
	}

	// A known card alternates with a forgery and a replay of its data.
	d, _ = newDemo(cardtest.Profile{NIS: nis}, nil)
	if _, err := d.Holder(t.Context(), demoReader, cardtest.DefaultPIN(), gui.CodeOptions{}); err != nil {
		t.Fatal(err)
	}
	replay := cardtest.Profile{NIS: nis, Forgery: cardtest.Forgery{InternalAuthentication: true, AntiClone: true}}
	for _, p := range []cardtest.Profile{own, replay, form, own} {
		d, virtual := newDemo(p, nil)
		wantNoCode(d, virtual)
		if err := d.Accept(t.Context(), demoReader); !errors.Is(err, card.ErrNotGenuine) {
			t.Errorf("accepted: %v", err)
		}
	}
}
