package card

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cie/card/sod"
	"cie/card/state"
)

// A code goes to a card that is genuine or that a person accepted. What a card
// was found to be, and what the person decided, is in package state. One
// function judges it, mayReceiveCode, for every command that carries a code.

// NeedsConsent reports whether a card of this level takes a code only after a
// person accepted it.
func (l Level) NeedsConsent() bool {
	return l == IssuerUnknown || l == TestCard || l == VirtualCard
}

// AcceptUnknownIssuer lets a code be sent to a card of a level that needs
// consent, and records nothing. A program says so only after a person decided
// it for this card, now.
func AcceptUnknownIssuer() CodeOption { return func(o *codeOptions) { o.accept = true } }

// Accept records that the person accepts this card: codes go to the chip that
// owns this EF.Int.Kpub although its level is below Genuine. A virtual card,
// whose keys everybody has, is accepted for the life of this process only:
// then recorded is false. A card that is not genuine cannot be accepted, and
// a genuine one needs no consent. No code is sent.
func (s *Session) Accept(ctx context.Context) (recorded bool, err error) {
	auth, err := s.Authenticity(ctx)
	if err != nil {
		return false, err
	}
	if auth.Level == NotGenuine {
		return false, auth.Reason
	}
	err = s.run(ctx, s.factSteps(), func(t *operation) error {
		if err := t.repeatable(t.needFacts); err != nil {
			return err
		}
		key := state.KeyOf(s.facts.IntKpub)
		switch level := s.facts.checked.Level; {
		case level == VirtualCard:
			s.opts.State.AcceptHere(key)
			return nil
		case !level.NeedsConsent():
			return nil
		}
		recorded = true
		return s.opts.State.Update(s.chip.nis, func(r *state.Record) error {
			if !r.Accepts(key) {
				r.Consent = &state.Consent{Key: key, At: time.Now()}
			}
			return nil
		})
	})
	return recorded && err == nil, err
}

// accepted reports whether a person accepted the card with these constants.
func (s *Session) accepted(f *facts) bool {
	if f == nil || f.checked == nil || !f.checked.Level.NeedsConsent() {
		return false
	}
	key := state.KeyOf(f.IntKpub)
	if f.checked.Level == VirtualCard {
		return s.opts.State.AcceptedHere(key)
	}
	// A record that cannot be read is no consent.
	r, err := s.opts.State.Get(s.chip.nis)
	return err == nil && r.Accepts(key)
}

// NotAcceptedError refuses to send a code to a card below genuine that no
// person accepted. Nothing was sent.
type NotAcceptedError struct {
	Level  Level
	Reason error // why the card is below genuine; nil when it was not checked
}

func (e *NotAcceptedError) Error() string {
	if e.Reason == nil {
		return fmt.Sprintf("the card was not accepted (%s)", e.Level)
	}
	return fmt.Sprintf("the card was not accepted (%s): %v", e.Level, e.Reason)
}

// Unwrap returns the reason.
func (e *NotAcceptedError) Unwrap() error { return e.Reason }

// mayReceiveCode refuses a code for a card below genuine that was not accepted.
// The channel stands: the chip has proved to own EF.Int.Kpub.
func (t *operation) mayReceiveCode(o codeOptions) error {
	f := t.s.facts
	if f == nil || f.checked == nil || t.channel == nil {
		return &NotAcceptedError{Level: Unchecked}
	}
	switch level := f.checked.Level; {
	case level == Genuine:
		return nil
	case level == NotGenuine:
		return f.checked.Reason
	case level.NeedsConsent() && (o.accept || t.s.accepted(f)):
		return nil
	default:
		return &NotAcceptedError{Level: level, Reason: f.checked.Reason}
	}
}

// keptLocked reports whether the state may have a record of this card: of a genuine
// or an accepted one. Of others nothing is recorded.
func (s *Session) keptLocked() bool {
	if s.facts == nil || s.facts.checked == nil {
		return false
	}
	if level := s.facts.checked.Level; level == Genuine {
		return true
	} else if level == VirtualCard {
		return false
	}
	return s.accepted(s.facts)
}

// noteLocked changes the record of a card that is kept. Failing to is reported to the
// trace only: what depends on the record treats it as unknown then.
func (s *Session) noteLocked(f func(*state.Record)) {
	if s.opts.State == nil || !s.keptLocked() {
		return
	}
	err := s.opts.State.Update(s.chip.nis, func(r *state.Record) error { f(r); return nil })
	if err != nil {
		s.trace("state: %v", err)
		s.noteFailed = true
	}
}

// noteGenuineLocked records that the card was found genuine, once the chip has proved
// to own the keys that the SOD vouches for.
func (s *Session) noteGenuineLocked() {
	f := s.facts
	if s.genuineNoted || f == nil || f.checked == nil || f.checked.Level != Genuine {
		return
	}
	s.genuineNoted = true
	key := state.KeyOf(f.IntKpub)
	s.noteLocked(func(r *state.Record) {
		r.Genuine = &state.Genuine{Key: key, Root: f.checked.Issuer}
	})
}

// NoteHolder records the name of the holder, to tell cards apart in listings.
func (s *Session) NoteHolder(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noteLocked(func(r *state.Record) { r.Holder = name })
}

// knownLocked refuses constants below genuine for a card that was found genuine: it
// does not become one of an unknown issuer, and no other has its NIS.
func (s *Session) knownLocked(f *facts) error {
	if f.checked.Level == Genuine || !s.wasGenuineLocked() {
		return nil
	}
	return f.checked.refuse("known-card", fmt.Errorf("known as genuine, and now: %w", f.checked.Reason))
}

// wasGenuineLocked reports whether cache or state know the card as genuine. A root
// that the user has removed since vouches for nothing any more.
func (s *Session) wasGenuineLocked() bool {
	if s.storedGenuine {
		return true
	}
	r, err := s.opts.State.Get(s.chip.nis)
	if err != nil && !errors.Is(err, state.ErrDisabled) {
		s.trace("state: %v", err)
	}
	return err == nil && r.Genuine != nil && slices.Contains(s.roots().Names(), r.Genuine.Root)
}

// loadTries takes the counters last known from the state.
func (s *Session) loadTries() {
	r, err := s.opts.State.Get(s.chip.nis)
	if err != nil {
		if !errors.Is(err, state.ErrDisabled) {
			s.trace("state: %v", err)
		}
		return
	}
	s.info.Lock()
	defer s.info.Unlock()
	for ref, c := range map[PINRef]state.Counter{PIN: r.PIN, PUK: r.PUK} {
		if c.Known && c.Left <= ref.MaxTries() {
			s.tries[ref] = Tries{Left: c.Left, Max: ref.MaxTries()}
		}
	}
}

// reloadTriesLocked takes the counters from the state again, where a session of
// another program can have left newer ones: each session notes what it sees.
func (s *Session) reloadTriesLocked() {
	if s.keptLocked() && !s.noteFailed {
		s.loadTries()
	}
}

// counter returns where a record has the counter of a code.
func counter(r *state.Record, ref PINRef) *state.Counter {
	if ref == PUK {
		return &r.PUK
	}
	return &r.PIN
}

// testSuffix ends the names of the country signers of test cards.
const testSuffix = " - TEST"

// classify names the kind of card below genuine. A root for test cards makes no
// card genuine, even where the user trusts it.
func (a *Authenticity) classify(f *facts, result sod.Result) {
	if a.Level == Genuine && strings.HasSuffix(result.IssuerName, testSuffix) {
		a.lower(fmt.Errorf("%s signs test cards", result.IssuerName))
	}
	switch {
	case a.Level != IssuerUnknown:
	case isVirtual(f, result):
		a.Level = VirtualCard
	case strings.HasSuffix(result.IssuerName, testSuffix):
		a.Level = TestCard
	}
}

// isVirtual reports whether a card has a key whose private half is published
// with this project's virtual card.
func isVirtual(f *facts, result sod.Result) bool {
	keys := []crypto.PublicKey{result.SignerKey}
	for _, der := range [][]byte{f.IntKpub, f.ServKpub} {
		if key, err := x509.ParsePKCS1PublicKey(der); err == nil {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		if k, ok := key.(*rsa.PublicKey); ok && virtualKeys[virtualHash(k)] {
			return true
		}
	}
	return false
}

// virtualHash is the first half of the SHA-256 of a modulus.
func virtualHash(k *rsa.PublicKey) string {
	sum := sha256.Sum256(k.N.Bytes())
	return hex.EncodeToString(sum[:16])
}
