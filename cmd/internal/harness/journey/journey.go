// Package journey does what users do with a card, from the first contact to the
// end, on a virtual card in this process or in the reader of a real PC/SC
// service, and checks what it cost the card. Unlike package faultinjection it injects
// no faults: the cards differ in what they accept.
package journey

import (
	"bytes"
	"cie/apdu/readers"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/sod"
	"cie/card/state"
	"cie/cmd/internal/harness/p11host"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Patience limits one contact: many times the duration of the slowest one on a busy
// machine.
const Patience = 2 * time.Minute

// newPIN is what the PIN is changed to.
var newPIN = []byte("28281414")

// Journey is what a user does in one contact with a card.
type Journey struct {
	Name string
	// Blocked: the PIN is blocked before.
	Blocked bool
	// session is the journey with a program that uses package card, module with
	// one that uses the PKCS#11 module; one of them is set.
	session func(ctx context.Context, s *card.Session, pin []byte) error
	module  func(h *p11host.Host, pin []byte) error
	// unknown and known are the most commands that a card never seen and a known
	// one may get; 0: no bound.
	unknown, known bound
}

// bound is the most commands on a card that accepts every form, and on one that
// refuses what no client sends.
type bound struct{ accepting, strict int }

func (b bound) check(strict cardtest.Strict, commands int) error {
	most := b.accepting
	if strict != 0 {
		most = b.strict
	}
	if most != 0 && commands > most {
		return fmt.Errorf("%d commands, at most %d", commands, most)
	}
	return nil
}

// Journeys returns all of them. Each begins with the recognition of the card.
func Journeys() []Journey {
	return []Journey{
		{Name: "status", unknown: bound{70, 100},
			session: func(ctx context.Context, s *card.Session, _ []byte) error { return status(ctx, s) }},
		{Name: "verify", session: func(ctx context.Context, s *card.Session, pin []byte) error {
			return s.Verify(ctx, card.PIN, pin)
		}},
		{Name: "certificate", session: certificate},
		{Name: "signature", session: signature},
		{Name: "change", known: bound{24, 28}, session: func(ctx context.Context, s *card.Session, pin []byte) error {
			return s.ChangePIN(ctx, pin, other(pin))
		}},
		{Name: "unblock", Blocked: true, known: bound{24, 28}, session: func(ctx context.Context, s *card.Session, pin []byte) error {
			// Strict chips do not report the tries of the PUK.
			return s.Unblock(ctx, cardtest.DefaultPUK(), other(pin), card.AllowLastTry())
		}},
		{Name: "module", unknown: bound{85, 115}, known: bound{26, 30}, module: loginCertificateAndSign},
	}
}

// other returns the PIN that pin is changed to.
func other(pin []byte) []byte {
	if bytes.Equal(pin, newPIN) {
		return cardtest.DefaultPIN()
	}
	return newPIN
}

// status reads what "cie status" reads.
func status(ctx context.Context, s *card.Session) error {
	a, err := s.Authenticity(ctx)
	if err != nil {
		return err
	}
	if a.Level != card.Genuine {
		return fmt.Errorf("level %v: %w", a.Level, a.Reason)
	}
	for _, ref := range []card.PINRef{card.PIN, card.PUK} {
		tries, err := s.Tries(ctx, ref)
		if err != nil {
			return fmt.Errorf("tries of the %v: %w", ref, err)
		}
		if tries.Left >= 0 && tries.Left != ref.MaxTries() {
			return fmt.Errorf("the %v has %v tries", ref, tries)
		}
	}
	return nil
}

func certificate(ctx context.Context, s *card.Session, pin []byte) error {
	if err := s.Verify(ctx, card.PIN, pin); err != nil {
		return err
	}
	der, err := s.Certificate(ctx)
	if err != nil {
		return err
	}
	if !bytes.Equal(der, holder().Raw) {
		return errors.New("the certificate is not the holder's")
	}
	number, err := s.DocumentNumber(ctx)
	if err != nil {
		return err
	}
	if number != "ZZ00000ZZ" {
		return fmt.Errorf("document number %q", number)
	}
	return nil
}

func signature(ctx context.Context, s *card.Session, pin []byte) error {
	if err := s.Verify(ctx, card.PIN, pin); err != nil {
		return err
	}
	for i := range 2 {
		digest := sha256.Sum256([]byte{byte(i)})
		info, err := card.DigestInfo(crypto.SHA256, digest[:])
		if err != nil {
			return err
		}
		sig, err := s.Sign(ctx, info)
		if err != nil {
			return err
		}
		if err := checkSignature(digest[:], sig); err != nil {
			return err
		}
	}
	return nil
}

func checkSignature(digest, sig []byte) error {
	return rsa.VerifyPKCS1v15(holder().PublicKey.(*rsa.PublicKey), crypto.SHA256, digest, sig)
}

// holder is the certificate of the card that every default profile makes, read
// once from one that accepts every form.
var holder = sync.OnceValue(func() *x509.Certificate {
	der, err := readHolder()
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return cert
})

func readHolder() ([]byte, error) {
	c, err := cardtest.New(cardtest.Profile{})
	if err != nil {
		return nil, err
	}
	r := c.Reader()
	defer r.Close()
	ctx := context.Background()
	s, err := card.Open(ctx, r, card.Options{Roots: roots()})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); err != nil {
		return nil, err
	}
	return s.Certificate(ctx)
}

// roots are the trust anchors of the virtual cards.
var roots = sync.OnceValue(func() *sod.Roots {
	r := sod.BuiltinRoots().Clone()
	if err := r.AddPEM(cardtest.CSCAPEM()); err != nil {
		panic(err) // a constant
	}
	return r
})

// Place is a card and its reader.
type Place struct {
	Card *cardtest.Card
	// Service has the one reader with the card.
	Service readers.Service
	Reader  string
	// Store and State are what is known of the card.
	Store card.Store
	State *state.Store

	loose bool // without bounds on the commands
}

func (p Place) options() card.Options {
	return card.Options{Store: p.Store, State: p.State, Roots: roots()}
}

// Contact does the journey once and returns what it cost the card. It returns
// an error if the journey fails, if a try was spent, or if the card does not
// have the PIN and the counters that it should have then.
func (j Journey) Contact(p Place) (cost cardtest.Stats, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if j.Blocked {
		p.Card.SetTries(0, cardtest.MaxPUKTries)
	}
	pin := p.Card.PIN()
	before := p.Card.Stats()
	if j.module != nil {
		err = j.withModule(p, pin)
	} else {
		err = j.withSession(ctx, p, pin)
	}
	cost = p.Card.Stats().Sub(before)
	if err != nil {
		return cost, err
	}
	want := pin
	if cost.Changes+cost.Unblocks > 0 {
		want = other(pin)
	}
	switch left, puk := p.Card.Tries(); {
	case cost.TriesSpent != 0:
		return cost, fmt.Errorf("%d tries spent", cost.TriesSpent)
	case left != cardtest.MaxPINTries || puk != cardtest.MaxPUKTries:
		return cost, fmt.Errorf("the card has %d and %d tries left", left, puk)
	case !bytes.Equal(p.Card.PIN(), want):
		return cost, errors.New("the card has the wrong PIN")
	}
	return cost, nil
}

func (j Journey) withSession(ctx context.Context, p Place, pin []byte) error {
	conn, err := p.Service.Connect(p.Reader)
	if err != nil {
		return err
	}
	defer conn.Close()
	s, err := card.Open(ctx, conn, p.options())
	if err != nil {
		return err
	}
	defer s.Close()
	return j.session(ctx, s, pin)
}

// Twice does the journey on a card never seen, and then on the card that is
// known from it. The second contact must lose no channel: at most one device
// authentication, and no form that the card has refused before. Both keep to the
// bounds of the journey.
func (j Journey) Twice(p Place) (first, second cardtest.Stats, err error) {
	p.Store, p.State = &memory{}, state.Memory()
	if first, err = j.Contact(p); err != nil {
		return first, second, fmt.Errorf("%s, card never seen: %w", j.Name, err)
	}
	p.Card.Reset()
	if second, err = j.Contact(p); err != nil {
		return first, second, fmt.Errorf("%s, known card: %w", j.Name, err)
	}
	strict := p.Card.Strict()
	if err := errors.Join(j.unknown.check(strict, first.APDUs), j.known.check(strict, second.APDUs)); err != nil && !p.loose {
		return first, second, fmt.Errorf("%s: %w", j.Name, err)
	}
	switch {
	case second.ChannelsLost != 0:
		err = fmt.Errorf("%d channels lost", second.ChannelsLost)
	case second.Refusals > 1:
		// A counter that was refused once is asked for once more.
		err = fmt.Errorf("%d forms refused again", second.Refusals)
	case second.KeyAgreements > 1 || second.DeviceAuthentications != second.KeyAgreements,
		second.Verifies > 0 && second.DeviceAuthentications == 0:
		// A contact without a code needs none if the card reports no counters.
		err = fmt.Errorf("%d key agreements and %d device authentications, not 1", second.KeyAgreements, second.DeviceAuthentications)
	}
	if err != nil {
		err = fmt.Errorf("%s, known card: %w", j.Name, err)
	}
	return first, second, err
}

// memory is a card.Store.
type memory struct {
	mu      sync.Mutex
	entries map[string][]byte
}

func (m *memory) Load(key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if data, ok := m.entries[key]; ok {
		return bytes.Clone(data), nil
	}
	return nil, card.ErrNotStored
}

func (m *memory) Save(key string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries == nil {
		m.entries = map[string][]byte{}
	}
	m.entries[key] = bytes.Clone(data)
	return nil
}

func (m *memory) Delete(key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, key)
	return nil
}
