package card_test

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"cie/card"
	"cie/card/cardtest"
	"cie/card/sod"
	"cie/card/state"
)

// stranger is an issuer without a trust anchor.
var stranger = sync.OnceValue(func() *cardtest.Issuer { return mustIssuer("Unknown Country Signer CA") })

// testIssuer is an issuer of test cards.
var testIssuer = sync.OnceValue(func() *cardtest.Issuer { return mustIssuer("Italian Country Signer CA - TEST") })

func mustIssuer(name string) *cardtest.Issuer {
	i, err := cardtest.NewIssuer(name)
	if err != nil {
		panic(err)
	}
	return i
}

// rogues are consistent cards below genuine.
func rogues(nis string) map[string]cardtest.Profile {
	return map[string]cardtest.Profile{
		"SOD of its own":              {NIS: nis, Forgery: cardtest.Forgery{Issuer: stranger()}},
		"SOD of an unknown form":      {NIS: nis, Forgery: cardtest.Forgery{Issuer: stranger(), SOD: cardtest.SODUnknownForm}},
		"published keys":              {NIS: nis, KeySet: 2, Forgery: cardtest.Forgery{SOD: cardtest.SODUnknownForm}},
		"signer with the true name":   {NIS: nis, KeySet: 2, Forgery: cardtest.Forgery{SOD: cardtest.SODForeignSigner}},
		"issuer of test cards":        {NIS: nis, Forgery: cardtest.Forgery{Issuer: testIssuer()}},
		"first generation of the SOD": {NIS: nis, SODGeneration: 1, Forgery: cardtest.Forgery{Issuer: stranger()}},
	}
}

// everyCode sends every code that a session can send.
func everyCode(s *card.Session, opts ...card.CodeOption) map[string]error {
	pin, puk, fresh := cardtest.DefaultPIN(), cardtest.DefaultPUK(), []byte("28281414")
	return map[string]error{
		"Verify PIN": s.Verify(ctx, card.PIN, pin, opts...),
		"Verify PUK": s.Verify(ctx, card.PUK, puk, opts...),
		"ChangePIN":  s.ChangePIN(ctx, pin, fresh, opts...),
		"Unblock":    s.Unblock(ctx, puk, fresh, opts...),
		"ResetTries": s.ResetTries(ctx, puk, opts...),
	}
}

// wantNoCode checks that no code reaches a card without consent.
func wantNoCode(t *testing.T, c *cardtest.Card, opts card.Options) {
	t.Helper()
	s := open(t, c, opts)
	before := c.Stats()
	for _, o := range [][]card.CodeOption{nil, {card.AllowLastTry()}, {card.OnlyAtMark(state.NewMark())}} {
		for name, err := range everyCode(s, o...) {
			var refused *card.NotAcceptedError
			if !errors.As(err, &refused) && !errors.Is(err, card.ErrNotGenuine) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if d := c.Stats().Sub(before); d.Verifies != 0 || d.Changes != 0 || d.Unblocks != 0 {
		t.Errorf("codes reached the card: %+v", d)
	}
}

func TestNoCodeReachesACardBelowGenuine(t *testing.T) {
	for name, profile := range rogues("999900000123") {
		t.Run(name, func(t *testing.T) {
			c := newCard(t, profile)
			for _, st := range []*state.Store{nil, state.Memory(), state.Dir(filepath.Join(t.TempDir(), "cie"))} {
				wantNoCode(t, c, card.Options{State: st, Roots: sod.BuiltinRoots()})
			}
		})
	}
}

// A known card stays known after other cards in the reader, and without the cache
// of constants.
func TestKnownCardCannotBeReplaced(t *testing.T) {
	const nis = "999900000124"
	genuine := newCard(t, cardtest.Profile{NIS: nis, KeySet: 1})
	replay := newCard(t, cardtest.Profile{NIS: nis, KeySet: 1, Forgery: cardtest.Forgery{InternalAuthentication: true, AntiClone: true}})
	for name, profile := range rogues(nis) {
		t.Run(name, func(t *testing.T) {
			for _, withCache := range []bool{true, false} {
				rogue := newCard(t, profile)
				st := state.Dir(filepath.Join(t.TempDir(), "cie"))
				cache := memStore{}
				opts := func() card.Options {
					o := card.Options{State: st}
					if withCache {
						o.Store = cache
					}
					return o
				}
				must(t, open(t, genuine, opts()).Verify(ctx, card.PIN, cardtest.DefaultPIN()))
				for _, c := range []*cardtest.Card{rogue, replay, rogue} {
					wantNoCode(t, c, opts())
					s := open(t, c, opts())
					if a, err := s.Authenticity(ctx); err != nil || a.Level != card.NotGenuine {
						t.Errorf("%+v, %v", a, err)
					}
					if _, err := s.Accept(ctx); !errors.Is(err, card.ErrNotGenuine) {
						t.Errorf("accepted: %v", err)
					}
				}
				for name, err := range everyCode(open(t, rogue, opts()), card.AcceptUnknownIssuer()) {
					if !errors.Is(err, card.ErrNotGenuine) {
						t.Errorf("%s with consent: %v", name, err)
					}
				}
				must(t, open(t, genuine, opts()).Verify(ctx, card.PIN, cardtest.DefaultPIN()))
			}
		})
	}
}

func TestLevelsBelowGenuine(t *testing.T) {
	trusted := testRoots(t)
	must(t, trusted.AddDER(testIssuer().Root().Raw))
	for name, tt := range map[string]struct {
		profile cardtest.Profile
		roots   *sod.Roots
		want    card.Level
	}{
		"issuer not known":          {cardtest.Profile{Forgery: cardtest.Forgery{Issuer: stranger()}}, nil, card.IssuerUnknown},
		"unknown form":              {cardtest.Profile{Forgery: cardtest.Forgery{Issuer: stranger(), SOD: cardtest.SODUnknownForm}}, nil, card.IssuerUnknown},
		"test card":                 {cardtest.Profile{Forgery: cardtest.Forgery{Issuer: testIssuer()}}, nil, card.TestCard},
		"test card, root trusted":   {cardtest.Profile{Forgery: cardtest.Forgery{Issuer: testIssuer()}}, trusted, card.TestCard},
		"published keys":            {cardtest.Profile{}, sod.BuiltinRoots(), card.VirtualCard},
		"published keys, SOD new":   {cardtest.Profile{Forgery: cardtest.Forgery{SOD: cardtest.SODUnknownForm}}, nil, card.VirtualCard},
		"published signer":          {cardtest.Profile{Forgery: cardtest.Forgery{SOD: cardtest.SODForeignSigner}}, sod.BuiltinRoots(), card.VirtualCard},
		"published keys, root here": {cardtest.Profile{}, nil, card.Genuine},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, newCard(t, tt.profile), card.Options{Roots: tt.roots})
			a, err := s.Authenticity(ctx)
			if err != nil || a.Level != tt.want || (a.Reason == nil) != (tt.want == card.Genuine) || a.Accepted {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
}

func TestConsentIsForOneKeyAndIsRecorded(t *testing.T) {
	const nis = "999900000125"
	c := newCard(t, cardtest.Profile{NIS: nis, Forgery: cardtest.Forgery{Issuer: stranger()}})
	other := newCard(t, cardtest.Profile{NIS: nis, Forgery: cardtest.Forgery{Issuer: testIssuer()}})
	st := state.Dir(filepath.Join(t.TempDir(), "cie"))
	s := open(t, c, card.Options{State: st})
	if recorded, err := s.Accept(ctx); !recorded || err != nil {
		t.Fatal(recorded, err)
	}
	for range 2 {
		s := open(t, c, card.Options{State: st})
		if a, err := s.Authenticity(ctx); err != nil || a.Level != card.IssuerUnknown || !a.Accepted {
			t.Errorf("%+v, %v", a, err)
		}
		must(t, s.Verify(ctx, card.PIN, cardtest.DefaultPIN()))
	}
	wantNoCode(t, other, card.Options{State: st})
	must(t, st.Forget(state.ID(nis)))
	wantNoCode(t, c, card.Options{State: st})
}

func TestConsentForOneCallRecordsNothing(t *testing.T) {
	c := newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{Issuer: stranger()}})
	dir := filepath.Join(t.TempDir(), "cie")
	s := open(t, c, card.Options{State: state.Dir(dir)})
	must(t, s.Verify(ctx, card.PIN, cardtest.DefaultPIN(), card.AcceptUnknownIssuer()))
	wantPINError(t, s.Verify(ctx, card.PIN, []byte("40404041"), card.AcceptUnknownIssuer()), card.PIN, 2)
	if _, err := os.Stat(dir); err == nil {
		t.Error("something was recorded")
	}
	wantNoCode(t, c, card.Options{State: state.Dir(dir)})
}

func TestConsentForAVirtualCardLastsOneProcess(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	dir := filepath.Join(t.TempDir(), "cie")
	here := card.Options{State: state.Dir(dir), Roots: sod.BuiltinRoots()}
	if recorded, err := open(t, c, here).Accept(ctx); recorded || err != nil {
		t.Fatal(recorded, err)
	}
	must(t, open(t, c, here).Verify(ctx, card.PIN, cardtest.DefaultPIN()))
	if _, err := os.Stat(dir); err == nil {
		t.Error("something was recorded")
	}
	wantNoCode(t, c, card.Options{State: state.Dir(dir), Roots: sod.BuiltinRoots()})
}

// A record with a consent for a virtual card has no effect.
func TestRecordedConsentForAVirtualCardIsIgnored(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	st := state.Memory()
	for _, k := range cardtest.PublicKeys() {
		key := state.KeyOf(x509.MarshalPKCS1PublicKey(k))
		must(t, st.Update(c.NIS(), func(r *state.Record) error { r.Consent = &state.Consent{Key: key}; return nil }))
		var refused *card.NotAcceptedError
		err := open(t, c, card.Options{State: st, Roots: sod.BuiltinRoots()}).Verify(ctx, card.PIN, cardtest.DefaultPIN())
		if !errors.As(err, &refused) {
			t.Errorf("%v", err)
		}
	}
}

func TestDamagedRecordGivesNoConsent(t *testing.T) {
	c := newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{Issuer: stranger()}})
	dir := filepath.Join(t.TempDir(), "cie")
	st := state.Dir(dir)
	if _, err := open(t, c, card.Options{State: st}).Accept(ctx); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, state.ID(c.NIS())+".json")
	must(t, os.WriteFile(file, []byte("{"), 0o600))
	wantNoCode(t, c, card.Options{State: st})
	if _, err := open(t, c, card.Options{State: st}).Accept(ctx); !errors.Is(err, state.ErrDamaged) {
		t.Errorf("accepted: %v", err)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "{" {
		t.Errorf("the record was replaced: %q, %v", data, err)
	}
}

// A card known under a root that the user has removed is not known.
func TestKnownByARemovedRootNeedsConsent(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	st := state.Memory()
	must(t, open(t, c, card.Options{State: st}).Verify(ctx, card.PIN, cardtest.DefaultPIN()))
	s := open(t, c, card.Options{State: st, Roots: sod.BuiltinRoots()})
	if a, err := s.Authenticity(ctx); err != nil || a.Level != card.VirtualCard {
		t.Errorf("%+v, %v", a, err)
	}
	wantNoCode(t, c, card.Options{State: st, Roots: sod.BuiltinRoots()})
}

// A replayed card does not change the record of the genuine one.
func TestReplayDoesNotChangeTheRecord(t *testing.T) {
	const nis = "999900000126"
	st := state.Memory()
	must(t, open(t, newCard(t, cardtest.Profile{NIS: nis}), card.Options{State: st}).Verify(ctx, card.PIN, cardtest.DefaultPIN()))
	before, err := st.Get(nis)
	must(t, err)
	if before.Genuine == nil || before.PIN != (state.Counter{Left: 3, Known: true}) {
		t.Fatalf("%+v", before)
	}
	for _, forgery := range []cardtest.Forgery{
		{InternalAuthentication: true, AntiClone: true}, {Issuer: stranger()}, {SOD: cardtest.SODGarbage}, {IntKey: true},
	} {
		s := open(t, newCard(t, cardtest.Profile{NIS: nis, Forgery: forgery}), card.Options{State: st, Store: memStore{}})
		_ = s.Verify(ctx, card.PIN, []byte("40404041"))
		_, _ = s.Tries(ctx, card.PUK)
		after, err := st.Get(nis)
		if err != nil || *after.Genuine != *before.Genuine || after.PIN != before.PIN || after.Mark != before.Mark {
			t.Errorf("%+v: %+v, %v", forgery, after, err)
		}
	}
}

func TestVirtualKeysAreThoseOfCardtest(t *testing.T) {
	var want []string
	for _, k := range cardtest.PublicKeys() {
		want = append(want, card.VirtualHash(k))
	}
	if missing := card.MissingVirtualKeys(want); len(missing) > 0 {
		t.Errorf("virtual.go is not up to date: %q", missing)
	}
}
