package card

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"time"
)

// Level is the outcome of the checks of a card.
type Level string

// The levels of authenticity.
const (
	// Genuine: the SOD is signed by an issuer that chains to a known root, it
	// lists the keys that the card presents, and the chip proved to own them.
	Genuine Level = "genuine"
	// IssuerUnknown: all checks pass, but the issuer is not known or the form
	// of the SOD is not supported.
	IssuerUnknown Level = "issuer-unknown"
	// TestCard: as IssuerUnknown, and the name of the issuer is one of test cards.
	TestCard Level = "test-card"
	// VirtualCard: as IssuerUnknown, with keys that are published with this
	// project's virtual card, so that any program can imitate such a card.
	VirtualCard Level = "virtual-card"
	// NotGenuine: a signature, a hash or the proof of the chip is wrong. Such a
	// card never receives a code.
	NotGenuine Level = "not-genuine"
	// Unchecked: no check was done.
	Unchecked Level = "unchecked"
)

// Authenticity is the outcome of the checks (CIE 6.10.5 and 6.6).
type Authenticity struct {
	Level Level
	// Reason is why the level is not Genuine; nil when it is.
	Reason error
	// Issuer is the name of the root that the SOD chains to, "" if none.
	Issuer string
	// SignedAt is the time of the signature in the SOD, zero if it has none.
	SignedAt time.Time
	// Accepted: the user accepted this card, whose level needs consent.
	Accepted bool
}

// TakesCodes reports whether codes may be sent to the card without asking the
// user for consent.
func (a Authenticity) TakesCodes() bool { return a.Level == Genuine || a.Accepted }

func (a *Authenticity) refuse(check string, err error) error {
	a.Level = NotGenuine
	a.Reason = &NotGenuineError{Check: check, Err: err}
	return a.Reason
}

func (a *Authenticity) lower(reason error) {
	if a.Level == Genuine {
		a.Level, a.Reason = IssuerUnknown, reason
	}
}

// Authenticity checks the card without a code: the signature of the SOD and its
// chain to the Italian CSCA, the hashes of the public files, and the answer of the
// chip to a challenge to its service key (CIE 6.6, anti-cloning). Where EF.DH
// cannot be read, it does a device authentication, too. A card that fails has
// Level NotGenuine and a Reason; Authenticity returns an error only when the
// checks could not be done. The session keeps the outcome.
func (s *Session) Authenticity(ctx context.Context) (Authenticity, error) {
	var out Authenticity
	err := s.run(ctx, func(t *operation) error {
		t.total = t.factSteps() + 1
		if s.auth != nil {
			out = *s.auth
			out.Accepted = s.accepted(s.facts)
			return nil
		}
		err := t.prove()
		if errors.Is(err, ErrNotGenuine) && s.facts != nil && s.facts.fromStore {
			// The Store may have those of another card with this NIS.
			s.trace("stored constants do not match the card (%v), reading them again", err)
			s.facts = nil
			err = t.prove()
		}
		var wrong *NotGenuineError
		if errors.As(err, &wrong) {
			out = Authenticity{Level: NotGenuine, Reason: wrong}
		} else if err != nil {
			return err
		} else {
			out = *s.facts.checked
			s.noteGenuineLocked()
		}
		found := out
		s.auth = &found
		out.Accepted = out.Level != NotGenuine && s.accepted(s.facts)
		return nil
	})
	return out, err
}

// prove reads and checks the constants and verifies the proofs of the chip.
func (t *operation) prove() error {
	if err := t.repeatable(t.needFacts); err != nil {
		return err
	}
	t.next(StepAntiClone)
	if err := t.repeatable(t.proveServiceKey); err != nil {
		return err
	}
	if f := t.s.facts; f.unsigned != nil && !f.signed {
		return t.repeatable(t.needChannel)
	}
	return nil
}

// CheckIssuer checks the SOD alone: its signature, its chain and the hashes of
// the public files. The chip proves nothing, so Genuine means that the data are
// those of a genuine card. It sends no command for a card that is in the Store.
// Errors are those of Authenticity.
func (s *Session) CheckIssuer(ctx context.Context) (Authenticity, error) {
	var out Authenticity
	err := s.run(ctx, func(t *operation) error {
		t.total = t.factSteps()
		err := t.repeatable(t.needFacts)
		var wrong *NotGenuineError
		switch {
		case errors.As(err, &wrong):
			out = Authenticity{Level: NotGenuine, Reason: wrong}
		case err != nil:
			return err
		default:
			out = *s.facts.checked
			out.Accepted = s.accepted(s.facts)
		}
		return nil
	})
	return out, err
}

// factSteps returns the number of steps of the next needFacts.
func (t *operation) factSteps() int {
	if t.s.facts != nil {
		return 0
	}
	return 2
}

// proveServiceKey lets the chip sign a random challenge with
// Servizi_Int.Kpriv and verifies it with the key that the SOD lists.
func (t *operation) proveServiceKey() error {
	f := t.s.facts
	if err := t.ready(); err != nil {
		return err
	}
	if f.ServKpub == nil {
		content, err := t.readFile(fileServKpub)
		if err != nil {
			return err
		}
		f.ServKpub = content
		if err := t.s.checkFacts(f); err != nil {
			f.ServKpub = nil
			return err
		}
		t.s.saveFactsLocked()
	}
	key, err := x509.ParsePKCS1PublicKey(f.ServKpub)
	if err != nil {
		return &NotGenuineError{Check: "service-key", Err: err}
	}
	challenge := make([]byte, 32)
	rand.Read(challenge)
	signature, err := t.internalAuthenticate(keyServices, challenge)
	if err != nil {
		return err
	}
	if err := rsa.VerifyPKCS1v15(key, 0, challenge, signature); err != nil {
		return &NotGenuineError{Check: "service-signature", Err: err}
	}
	return nil
}

// AntiCloneSign lets the chip sign message, 1 to 102 bytes, with
// Servizi_Int.Kpriv: PKCS#1 v1.5 type 1 padding, deterministic, no code
// needed (CIE Annex A). The result has the size of the modulus, 256 bytes.
func (s *Session) AntiCloneSign(ctx context.Context, message []byte) ([]byte, error) {
	if err := CheckSign(message); err != nil {
		return nil, err
	}
	var signature []byte
	err := s.run(ctx, func(t *operation) error {
		t.next(StepAntiClone)
		return t.repeatable(func() error {
			err := t.ready()
			if err == nil {
				signature, err = t.internalAuthenticate(keyServices, message)
			}
			return err
		})
	})
	return signature, err
}
