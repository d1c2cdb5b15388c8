package card_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"testing"

	"cie/apdu"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/identity"
	"cie/card/sod"
)

var ctx = context.Background()

// testRoots returns the trust anchors of the virtual cards.
func testRoots(t testing.TB) *sod.Roots {
	t.Helper()
	roots := sod.BuiltinRoots().Clone()
	if err := roots.AddPEM(cardtest.CSCAPEM()); err != nil {
		t.Fatal(err)
	}
	return roots
}

// memStore is a Store in memory.
type memStore map[string][]byte

func (m memStore) Load(key string) ([]byte, error) {
	if data, ok := m[key]; ok {
		return data, nil
	}
	return nil, card.ErrNotStored
}
func (m memStore) Save(key string, data []byte) error { m[key] = bytes.Clone(data); return nil }
func (m memStore) Delete(key string) error            { delete(m, key); return nil }

func newCard(t testing.TB, p cardtest.Profile) *cardtest.Card {
	t.Helper()
	c, err := cardtest.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t testing.TB, c *cardtest.Card, opts card.Options) *card.Session {
	t.Helper()
	if opts.Roots == nil {
		opts.Roots = testRoots(t)
	}
	s, err := card.Open(ctx, c.Reader(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// families of the virtual card and of Session.Family.
var families = map[cardtest.Family]card.Family{
	cardtest.NXP: card.FamilyNXP, cardtest.Gemalto: card.FamilyGemalto, cardtest.Gemalto2: card.FamilyGemalto,
	cardtest.STM: card.FamilySTM, cardtest.STM2: card.FamilySTM, cardtest.Bare: card.FamilyUnknown,
	cardtest.Actalis1: card.FamilyActalis, cardtest.Actalis2: card.FamilyActalis, cardtest.Actalis3: card.FamilyActalis,
	cardtest.Bit4id1: card.FamilyBit4id, cardtest.Bit4id2: card.FamilyBit4id, cardtest.Bit4id3: card.FamilyBit4id,
	cardtest.Zero: card.FamilyUnknown, cardtest.Unknown: card.FamilyUnknown,
}

// For every family and both generations of SOD.
func TestPublicDataNeedsNoPIN(t *testing.T) {
	for family, want := range families {
		for generation := 1; generation <= 2; generation++ {
			t.Run(family.String()+"/"+string(rune('0'+generation)), func(t *testing.T) {
				c := newCard(t, cardtest.Profile{Family: family, SODGeneration: generation})
				s := open(t, c, card.Options{})
				if s.NIS() != c.NIS() || s.Family() != want || !bytes.Equal(s.ATR(), c.ATR()) {
					t.Errorf("NIS %s, family %s, ATR %X", s.NIS(), s.Family(), s.ATR())
				}
				a, err := s.Authenticity(ctx)
				if err != nil || a.Level != card.Genuine || a.Reason != nil {
					t.Errorf("authenticity %+v, %v", a, err)
				}
				for ref, want := range map[card.PINRef]int{card.PIN: 3, card.PUK: 10} {
					tries, err := s.Tries(ctx, ref)
					if err != nil || tries != (card.Tries{Left: want, Max: want, Reported: true}) {
						t.Errorf("%v: %v, %v", ref, tries, err)
					}
				}
				sn, err := s.SerialICC(ctx)
				if err != nil || !bytes.Contains(sn, unhexNIS(c.NIS())) {
					t.Errorf("SN.ICC %X, %v", sn, err)
				}
				if st := c.Stats(); st.Verifies != 0 || st.TriesSpent != 0 {
					t.Errorf("a try was spent: %+v", st)
				}
			})
		}
	}
}

// unhexNIS packs the 12 digits of a NIS in BCD.
func unhexNIS(nis string) []byte {
	out := make([]byte, 6)
	for i := range out {
		out[i] = (nis[2*i]-'0')<<4 | (nis[2*i+1] - '0')
	}
	return out
}

// The card is put into every state of its codes.
func TestCodesFollowTheirLifeCycle(t *testing.T) {
	for family := range families {
		t.Run(family.String(), func(t *testing.T) {
			c := newCard(t, cardtest.Profile{Family: family})
			s := open(t, c, card.Options{})
			pin, puk := cardtest.DefaultPIN(), cardtest.DefaultPUK()
			wrong, fresh := []byte("40404041"), []byte("28281414")

			must(t, s.Verify(ctx, card.PIN, pin))
			if !s.Verified(card.PIN) {
				t.Error("a right PIN is not verified")
			}
			wantPINError(t, s.Verify(ctx, card.PIN, wrong), card.PIN, 2)
			if s.Verified(card.PIN) {
				t.Error("a wrong PIN left the old one verified")
			}
			must(t, s.Verify(ctx, card.PIN, pin)) // resets the counter
			wantTries(t, s, card.PIN, 3)

			must(t, s.ChangePIN(ctx, pin, fresh))
			if s.Verified(card.PIN) {
				t.Error("the new PIN counts as verified")
			}
			if _, err := s.Certificate(ctx); !errors.Is(err, card.ErrPINRequired) {
				t.Errorf("certificate after a change of PIN: %v", err)
			}
			must(t, s.Verify(ctx, card.PIN, fresh))
			wantPINError(t, s.ChangePIN(ctx, pin, []byte("55554444")), card.PIN, 2)

			wantPINError(t, s.Verify(ctx, card.PIN, wrong), card.PIN, 1)
			var last *card.LastTryError
			if err := s.Verify(ctx, card.PIN, fresh); !errors.As(err, &last) || last.Ref != card.PIN {
				t.Fatalf("last try without consent: %v", err)
			}
			wantTries(t, s, card.PIN, 1)
			wantPINError(t, s.Verify(ctx, card.PIN, wrong, card.AllowLastTry()), card.PIN, 0)
			before := c.Stats()
			wantPINError(t, s.Verify(ctx, card.PIN, fresh, card.AllowLastTry()), card.PIN, 0)
			if d := c.Stats().Sub(before); d.Verifies != 0 {
				t.Error("a code was sent to a blocked PIN")
			}

			wantPINError(t, s.Unblock(ctx, wrong, fresh), card.PUK, 9)
			must(t, s.Unblock(ctx, puk, pin))
			wantTries(t, s, card.PIN, 3)
			wantTries(t, s, card.PUK, 10)
			must(t, s.Verify(ctx, card.PIN, pin))

			wantPINError(t, s.Verify(ctx, card.PIN, wrong), card.PIN, 2)
			must(t, s.ResetTries(ctx, puk))
			wantTries(t, s, card.PIN, 3)
			must(t, s.Verify(ctx, card.PIN, pin))

			for left := 9; left >= 3; left-- {
				wantPINError(t, s.Unblock(ctx, wrong, fresh), card.PUK, left)
			}
			if err := s.Unblock(ctx, wrong, fresh); !errors.As(err, &last) || last.Ref != card.PUK {
				t.Fatalf("PUK without consent at three tries: %v", err)
			}
			for left := 2; left >= 1; left-- {
				wantPINError(t, s.Unblock(ctx, wrong, fresh, card.AllowLastTry()), card.PUK, left)
			}
			if err := s.Unblock(ctx, puk, fresh); !errors.As(err, &last) || last.Ref != card.PUK {
				t.Fatalf("last PUK without consent: %v", err)
			}
			wantPINError(t, s.Unblock(ctx, wrong, fresh, card.AllowLastTry()), card.PUK, 0)
			before = c.Stats()
			wantPINError(t, s.ResetTries(ctx, puk, card.AllowLastTry()), card.PUK, 0)
			if d := c.Stats().Sub(before); d.Verifies != 0 {
				t.Error("a code was sent to a dead PUK")
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantPINError(t testing.TB, err error, ref card.PINRef, tries int) {
	t.Helper()
	var pin *card.PINError
	if !errors.As(err, &pin) || pin.Ref != ref || pin.Tries != tries || pin.Blocked() != (tries == 0) {
		t.Fatalf("got %v, want a wrong %v with %d tries left", err, ref, tries)
	}
}

func wantTries(t testing.TB, s *card.Session, ref card.PINRef, left int) {
	t.Helper()
	if tries, err := s.Tries(ctx, ref); err != nil || tries.Left != left {
		t.Fatalf("%v: %v tries left, %v; want %d", ref, tries, err, left)
	}
}

func TestInvalidInputSendsNoAPDU(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	s := open(t, c, card.Options{})
	pin, puk := cardtest.DefaultPIN(), cardtest.DefaultPUK()
	before := c.Stats()
	for _, bad := range []string{"", "1234", "1234567", "123456789", "12345a78", "1357246 "} {
		code := []byte(bad)
		for name, err := range map[string]error{
			"verify PIN":  s.Verify(ctx, card.PIN, code),
			"verify PUK":  s.Verify(ctx, card.PUK, code),
			"change old":  s.ChangePIN(ctx, code, []byte("28281414")),
			"change new":  s.ChangePIN(ctx, pin, code),
			"unblock PUK": s.Unblock(ctx, code, []byte("28281414")),
			"unblock PIN": s.Unblock(ctx, puk, code),
			"reset tries": s.ResetTries(ctx, code),
		} {
			var format *card.FormatError
			if !errors.As(err, &format) {
				t.Errorf("%s with %q: %v", name, bad, err)
			}
		}
	}
	for _, weak := range []string{"00000000", "12345678", "98765432", string(pin)} {
		var w *card.WeakPINError
		if err := s.ChangePIN(ctx, pin, []byte(weak)); !errors.As(err, &w) {
			t.Errorf("change to %s: %v", weak, err)
		}
	}
	if _, err := s.Sign(ctx, make([]byte, 103)); !errors.Is(err, card.ErrDataTooLong) {
		t.Errorf("103 bytes: %v", err)
	}
	if _, err := s.Sign(ctx, make([]byte, 32)); !errors.Is(err, card.ErrPINRequired) {
		t.Errorf("signature without PIN: %v", err)
	}
	if _, err := s.Certificate(ctx); !errors.Is(err, card.ErrPINRequired) {
		t.Errorf("certificate without PIN: %v", err)
	}
	if d := c.Stats().Sub(before); d.APDUs != 0 {
		t.Errorf("%d APDUs were sent", d.APDUs)
	}
}

// The protected files are read, and every hash is signed.
func TestPINUnlocksFilesAndKey(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	s := open(t, c, card.Options{})
	must(t, s.Verify(ctx, card.PIN, cardtest.DefaultPIN()))
	der, err := s.Certificate(ctx)
	must(t, err)
	id, err := identity.Parse(der)
	must(t, err)
	if id.Surname != "PROVA" || id.NIS != c.NIS() {
		t.Errorf("holder %+v", id)
	}
	number, err := s.DocumentNumber(ctx)
	if err != nil || number != id.DocumentNumber {
		t.Errorf("document number %q, %v; the certificate has %q", number, err, id.DocumentNumber)
	}
	signer, err := s.Signer(ctx)
	must(t, err)
	key := signer.Public().(*rsa.PublicKey)
	for _, h := range []crypto.Hash{crypto.SHA1, crypto.SHA224, crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.MD5SHA1, 0} {
		digest := bytes.Repeat([]byte{0x5A}, 102)
		if h != 0 {
			digest = digest[:h.Size()]
		}
		signature, err := signer.Sign(nil, digest, h)
		if err != nil {
			t.Errorf("%v: %v", h, err)
			continue
		}
		if err := rsa.VerifyPKCS1v15(key, h, digest, signature); err != nil {
			t.Errorf("%v: %v", h, err)
		}
	}
	if _, err := signer.Sign(nil, make([]byte, 32), &rsa.PSSOptions{Hash: crypto.SHA256}); !errors.Is(err, card.ErrUnsupported) {
		t.Errorf("PSS: %v", err)
	}
	if _, err := signer.Sign(nil, make([]byte, 31), crypto.SHA256); err == nil {
		t.Error("a digest of the wrong length was signed")
	}
	one, err := s.AntiCloneSign(ctx, []byte("the same message"))
	must(t, err)
	two, err := s.AntiCloneSign(ctx, []byte("the same message"))
	must(t, err)
	if !bytes.Equal(one, two) || len(one) != 256 {
		t.Error("the service signature is not deterministic")
	}
	if _, err := s.Sign(ctx, make([]byte, 32)); err != nil {
		t.Errorf("signing after the service key was used: %v", err)
	}
}

func TestCardNotGenuineGetsNoCode(t *testing.T) {
	for name, forgery := range map[string]cardtest.Forgery{
		"key agreement 0":     {PublicKey: cardtest.PublicKeyZero},
		"key agreement 1":     {PublicKey: cardtest.PublicKeyOne},
		"key agreement p-1":   {PublicKey: cardtest.PublicKeyPMinusOne},
		"key agreement p":     {PublicKey: cardtest.PublicKeyP},
		"chip signature":      {InternalAuthentication: true},
		"chip key":            {IntKey: true},
		"DH object":           {DHObject: true},
		"SOD hash":            {SOD: cardtest.SODTamperedHash},
		"SOD signature":       {SOD: cardtest.SODTamperedSignature},
		"SOD of no structure": {SOD: cardtest.SODGarbage},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCard(t, cardtest.Profile{Forgery: forgery})
			s := open(t, c, card.Options{Store: memStore{}})
			for what, err := range map[string]error{
				"verify":  s.Verify(ctx, card.PIN, cardtest.DefaultPIN()),
				"change":  s.ChangePIN(ctx, cardtest.DefaultPIN(), []byte("28281414")),
				"unblock": s.Unblock(ctx, cardtest.DefaultPUK(), []byte("28281414")),
			} {
				if !errors.Is(err, card.ErrNotGenuine) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if st := c.Stats(); st.Verifies != 0 || st.Changes != 0 {
				t.Error("a code was sent")
			}
		})
	}
	t.Run("anti-cloning", func(t *testing.T) {
		c := newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{AntiClone: true}})
		s := open(t, c, card.Options{})
		a, err := s.Authenticity(ctx)
		if err != nil || a.Level != card.NotGenuine || !errors.Is(a.Reason, card.ErrNotGenuine) {
			t.Errorf("%+v, %v", a, err)
		}
		if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); !errors.Is(err, card.ErrNotGenuine) {
			t.Errorf("verify: %v", err)
		}
		if c.Stats().Verifies != 0 {
			t.Error("a code was sent")
		}
	})
}

// A chip that returns no counter gets no VERIFY without data either.
func TestLastCounterReplacesRefusedOne(t *testing.T) {
	c := newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{RefuseTries: 0x6A88}})
	s := open(t, c, card.Options{})
	wantTries(t, s, card.PIN, -1)
	wantPINError(t, s.Verify(ctx, card.PIN, []byte("40404041")), card.PIN, 2)
	wantTries(t, s, card.PIN, 2)
	if st := c.Stats(); st.Verifies != 1 {
		t.Errorf("%d codes sent", st.Verifies)
	}
	wantPINError(t, s.Verify(ctx, card.PIN, []byte("40404041")), card.PIN, 1)
	var last *card.LastTryError
	if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); !errors.As(err, &last) {
		t.Errorf("last try: %v", err)
	}
	must(t, s.Verify(ctx, card.PIN, cardtest.DefaultPIN(), card.AllowLastTry()))
	wantTries(t, s, card.PIN, 3)
}

// 6300 is the status of a wrong code without a count.
func TestWrongCodeWithoutCountReadsCounter(t *testing.T) {
	c := newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{WrongPIN6300: true}})
	s := open(t, c, card.Options{})
	wantPINError(t, s.Verify(ctx, card.PIN, []byte("40404041")), card.PIN, 2)
	c = newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{WrongPIN6300: true, RefuseTries: 0x6A88}})
	s = open(t, c, card.Options{})
	wantPINError(t, s.Verify(ctx, card.PIN, []byte("40404041")), card.PIN, -1)
}

// Cards in the field differ in these forms.
func TestFieldVariantsWork(t *testing.T) {
	for name, p := range map[string]cardtest.Profile{
		"EF.DH as a template":  {DH: cardtest.DHTemplate},
		"no Le, 61xx":          {NoLeStatus: true},
		"status outside too":   {OuterStatus: true},
		"63C0 at the last try": {LastTry63C0: true},
		"suffix after the NIS": {CommonNameSuffix: ".abcd=", BareSubjectSerial: true},
		"key made on board":    {OnBoardKey: true},
		"no padding":           {Padding: map[uint16]int{}},
		"padded files":         {Padding: map[uint16]int{0x1001: 4, 0x1002: 7, 0x1003: 200, 0x1004: 50, 0x1005: 1, 0x1006: 300, 0xD004: 20}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCard(t, p)
			s := open(t, c, card.Options{})
			a, err := s.Authenticity(ctx)
			if err != nil || a.Level != card.Genuine {
				t.Errorf("%+v, %v", a, err)
			}
			must(t, s.Verify(ctx, card.PIN, cardtest.DefaultPIN()))
			der, err := s.Certificate(ctx)
			must(t, err)
			if _, err := identity.Parse(der); err != nil {
				t.Error(err)
			}
			if _, err := s.Sign(ctx, make([]byte, 51)); err != nil {
				t.Error(err)
			}
			for left := 2; left >= 0; left-- {
				wantPINError(t, s.Verify(ctx, card.PIN, []byte("40404041"), card.AllowLastTry()), card.PIN, left)
			}
			must(t, s.Unblock(ctx, cardtest.DefaultPUK(), []byte("28281414")))
		})
	}
}

// An empty reader is not reported as another card.
func TestOpenRefusesOtherCards(t *testing.T) {
	passport := newCard(t, cardtest.Profile{Files: map[uint16][]byte{0x1001: {}}})
	if _, err := card.Open(ctx, passport.Reader(), card.Options{}); !errors.Is(err, card.ErrNotCIE) {
		t.Errorf("no EF.ID_Servizi: %v", err)
	}
	other := newCard(t, cardtest.Profile{Files: map[uint16][]byte{0x1001: []byte("no number at")}})
	if _, err := card.Open(ctx, other.Reader(), card.Options{}); !errors.Is(err, card.ErrNotCIE) {
		t.Errorf("EF.ID_Servizi without digits: %v", err)
	}
	c := newCard(t, cardtest.Profile{})
	r := c.Reader()
	r.Remove()
	_, err := card.Open(ctx, r, card.Options{})
	if errors.Is(err, card.ErrNotCIE) || !errors.Is(err, apdu.ErrRemoved) && !errors.Is(err, apdu.ErrNoCard) {
		t.Errorf("no card: %v", err)
	}
}
