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

// A code is sent to a card that is genuine or that the user accepted. Package
// state records both. mayReceiveCode decides for every command with a code.

// NeedsConsent reports whether a card of this level receives a code only after
// the user accepted it.
func (l Level) NeedsConsent() bool {
	return l == IssuerUnknown || l == TestCard || l == VirtualCard
}

// AcceptUnknownIssuer lets a code be sent to a card of a level that needs
// consent, and records nothing. A program passes it only after the user
// consented for this card, now.
func AcceptUnknownIssuer() CodeOption { return func(o *codeOptions) { o.accept = true } }

// Accept records that the user accepts this card: codes are sent to the chip
// that owns this EF.Int.Kpub although its level is below Genuine. A virtual card,
// whose keys are published, is accepted until this process ends: then recorded is
// false. A card that is not genuine cannot be accepted, and a genuine one needs no
// consent. Accept sends no code.
func (s *Session) Accept(ctx context.Context) (recorded bool, err error) {
	auth, err := s.Authenticity(ctx)
	if err != nil {
		return false, err
	}
	if auth.Level == NotGenuine {
		return false, auth.Reason
	}
	err = s.run(ctx, func(t *operation) error {
		t.total = t.factSteps()
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

// accepted reports whether the user accepted the card with these constants.
func (s *Session) accepted(f *facts) bool {
	if f == nil || f.checked == nil || !f.checked.Level.NeedsConsent() {
		return false
	}
	key := state.KeyOf(f.IntKpub)
	if f.checked.Level == VirtualCard {
		return s.opts.State.AcceptedHere(key)
	}
	// A record that cannot be read contains no consent.
	r, err := s.opts.State.Get(s.chip.nis)
	return err == nil && r.Accepts(key)
}

// NotAcceptedError withholds a code from a card below genuine that the user has
// not accepted. Nothing was sent.
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

// mayReceiveCode withholds a code from a card below genuine that was not
// accepted. It needs a channel, in which the chip has proved to own EF.Int.Kpub.
func (t *operation) mayReceiveCode(o codeOptions) error {
	if t.channel == nil {
		return &NotAcceptedError{Level: Unchecked}
	}
	return t.s.acceptableLocked(o)
}

// acceptableLocked returns an error unless the card is genuine or accepted, as far as
// its constants show.
func (s *Session) acceptableLocked(o codeOptions) error {
	f := s.facts
	if f == nil || f.checked == nil {
		return &NotAcceptedError{Level: Unchecked}
	}
	switch level := f.checked.Level; {
	case level == Genuine:
		return nil
	case level == NotGenuine:
		return f.checked.Reason
	case level.NeedsConsent() && (o.accept || s.accepted(f)):
		return nil
	default:
		return &NotAcceptedError{Level: level, Reason: f.checked.Reason}
	}
}

// keptLocked reports whether the state may have a record of this card: the card
// is genuine or accepted.
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

// noteLocked changes the record of a card that may have one. A failure is traced
// only; readers of the record treat it as unknown then.
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

// noteGenuineLocked records that the card is genuine, after the chip has proved
// to own the keys that the SOD lists.
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

// NoteHolder records the name of the holder, for lists of cards.
func (s *Session) NoteHolder(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noteLocked(func(r *state.Record) { r.Holder = name })
}

// knownLocked refuses constants below genuine for a card that was genuine before:
// a card keeps its issuer, and no other card has its NIS.
func (s *Session) knownLocked(f *facts) error {
	if f.checked.Level == Genuine || !s.wasGenuineLocked() {
		return nil
	}
	return f.checked.refuse("known-card", fmt.Errorf("known as genuine, and now: %w", f.checked.Reason))
}

// wasGenuineLocked reports whether cache or state record the card as genuine,
// under a root that is still trusted.
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

// loadTries reads the counters last seen from the state.
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

// reloadTriesLocked reads the counters from the state again, because a session of
// another program may have recorded newer ones.
func (s *Session) reloadTriesLocked() {
	if s.keptLocked() && !s.noteFailed {
		s.loadTries()
	}
}

// counter returns the counter of a code in a record.
func counter(r *state.Record, ref PINRef) *state.Counter {
	if ref == PUK {
		return &r.PUK
	}
	return &r.PIN
}

// testSuffix ends the names of the country signers of test cards.
const testSuffix = " - TEST"

// classify sets the level of a card below genuine. A root for test cards makes
// no card genuine, even if the user trusts it.
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

// isVirtual reports whether a card has a key whose private key is published with
// this project's virtual card.
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

// virtualHash returns the first half of the SHA-256 of a modulus.
func virtualHash(k *rsa.PublicKey) string {
	sum := sha256.Sum256(k.N.Bytes())
	return hex.EncodeToString(sum[:16])
}
