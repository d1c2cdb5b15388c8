package card_test

import (
	"context"
	"errors"
	"testing"

	"cie/card"
	"cie/card/cardtest"
	"cie/card/state"
)

// seen returns the options of a program that has used the card before, if known.
func seen(t *testing.T, c *cardtest.Card, known bool) card.Options {
	t.Helper()
	opts := card.Options{Store: memStore{}, State: state.Memory()}
	if known {
		s := open(t, c, opts)
		must(t, s.Verify(ctx, card.PIN, cardtest.DefaultPIN()))
		must(t, s.Close())
		c.PowerOn()
	}
	return opts
}

// After Prepare a login costs the counter and VERIFY, and no more device authentications
// than without it, whatever forms the card refuses.
func TestPreparedLoginCostsCounterAndVerify(t *testing.T) {
	for family := range families {
		for _, strict := range []cardtest.Strict{0, cardtest.StrictAll} {
			for _, known := range []bool{false, true} {
				name := family.String() + "/" + strict.String()
				if known {
					name += "/known"
				}
				t.Run(name, func(t *testing.T) {
					plain := newCard(t, cardtest.Profile{Family: family, Strict: strict})
					s := open(t, plain, seen(t, plain, known))
					before := plain.Stats()
					must(t, s.Verify(ctx, card.PIN, cardtest.DefaultPIN()))
					sign(t, s)
					alone := plain.Stats().Sub(before)

					c := newCard(t, cardtest.Profile{Family: family, Strict: strict})
					s = open(t, c, seen(t, c, known))
					before = c.Stats()
					must(t, s.Prepare(ctx))
					must(t, s.Prepare(ctx)) // the channel is there
					arrived := c.Stats()
					must(t, s.Verify(ctx, card.PIN, cardtest.DefaultPIN()))
					login := c.Stats().Sub(arrived)
					sign(t, s)
					all, after := c.Stats().Sub(before), c.Stats().Sub(arrived)

					most := alone.APDUs
					if !known || strict != 0 {
						// A new card is asked for its counter twice. Where a chip does not
						// return it, the login checks the place of the channel instead.
						most++
					}
					if all.APDUs > most || all.DeviceAuthentications != alone.DeviceAuthentications {
						t.Errorf("%d APDUs, %d device authentications; without Prepare %d, %d",
							all.APDUs, all.DeviceAuthentications, alone.APDUs, alone.DeviceAuthentications)
					}
					if login.DeviceAuthentications != 0 || login.APDUs > 2 || login.ChannelsLost != 0 {
						t.Errorf("the login: %+v", login)
					}
					if after.Modelled.Seconds() > 0.9 {
						t.Errorf("%v from the PIN to the signature", after.Modelled)
					}
					if all.TriesSpent != 0 || all.Verifies != 1 {
						t.Errorf("%+v", all)
					}
				})
			}
		}
	}
}

func TestNothingIsPreparedDuringALogin(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	opts := seen(t, c, true)
	user, other := open(t, c, opts), open(t, c, opts)
	if user.InUse() || other.InUse() {
		t.Error("in use before any login")
	}
	must(t, user.Verify(ctx, card.PIN, cardtest.DefaultPIN()))
	if user.InUse() || !other.InUse() {
		t.Errorf("in use: for the one logged in %v, for the other %v", user.InUse(), other.InUse())
	}
	before := c.Stats()
	if err := other.Prepare(ctx); !errors.Is(err, card.ErrInUse) {
		t.Errorf("Prepare: %v", err)
	}
	if n := c.Stats().Sub(before).APDUs; n != 0 {
		t.Errorf("%d APDUs", n)
	}
	sign(t, user) // in the same channel
	user.ReleaseLogin()
	sign(t, user)
	must(t, other.Prepare(ctx))
	must(t, other.Verify(ctx, card.PIN, cardtest.DefaultPIN()))
	must(t, other.Close())
	if user.InUse() {
		t.Error("in use after Close")
	}
	// A refused code ends the login.
	third := open(t, c, opts)
	must(t, third.Verify(ctx, card.PIN, cardtest.DefaultPIN()))
	wantPINError(t, third.Verify(ctx, card.PIN, []byte("00000000")), card.PIN, 2)
	if user.InUse() {
		t.Error("in use after a refused code")
	}
}

// No channel is opened to a card that may receive no code, and none without a state.
func TestPrepareOpensChannelOnlyToCardThatMayReceiveACode(t *testing.T) {
	for name, tt := range map[string]struct {
		profile cardtest.Profile
		opts    card.Options
		want    func(error) bool
	}{
		"unknown issuer": {cardtest.Profile{Forgery: cardtest.Forgery{SOD: cardtest.SODForeignSigner}}, card.Options{State: state.Memory()},
			func(err error) bool { var e *card.NotAcceptedError; return errors.As(err, &e) }},
		"forged": {cardtest.Profile{Forgery: cardtest.Forgery{InternalAuthentication: true}}, card.Options{State: state.Memory()},
			func(err error) bool { return errors.Is(err, card.ErrNotGenuine) }},
		"no state": {cardtest.Profile{}, card.Options{}, func(err error) bool { return errors.Is(err, state.ErrDisabled) }},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCard(t, tt.profile)
			s := open(t, c, tt.opts)
			_, err := s.CheckIssuer(ctx)
			must(t, err)
			if err := s.Prepare(ctx); !tt.want(err) {
				t.Errorf("Prepare: %v", err)
			}
			if st := c.Stats(); name != "forged" && st.KeyAgreements != 0 || st.Verifies != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// A cancelled Prepare leaves no channel, and the lock on the card free.
func TestCancelledPrepareLeavesNothing(t *testing.T) {
	for at := 1; ; at++ {
		c := newCard(t, cardtest.Profile{})
		opts := seen(t, c, true)
		opts.Roots = testRoots(t)
		cancelled, cancel := context.WithCancel(ctx)
		conn := &countdown{Card: c.Reader(), cancel: cancel}
		s, err := card.Open(ctx, conn, opts)
		must(t, err)
		conn.at = at
		err = s.Prepare(cancelled)
		if err == nil {
			if at < 8 {
				t.Errorf("%d commands, too few", at)
			}
			return
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("command %d: %v", at, err)
		}
		must(t, s.Verify(ctx, card.PIN, cardtest.DefaultPIN()))
		must(t, s.Close())
		release, err := opts.State.TryExclusive(c.NIS())
		if err != nil {
			t.Fatalf("command %d: %v", at, err)
		}
		release()
	}
}
