package card

import "fmt"

// Stake is what a wrong code can cost: why a person has to confirm before a
// code is sent.
type Stake int

// The stakes.
const (
	StakeNone       Stake = iota // no confirmation is needed
	StakeLastPIN                 // a wrong PIN blocks the PIN
	StakeFewPUK                  // few tries of the PUK are left
	StakeUnknownPUK              // the chip does not report the tries of the PUK
	stakes
)

// Stakes returns every Stake that needs a confirmation, for tests that each has
// its words.
func Stakes() []Stake {
	var all []Stake
	for s := StakeNone + 1; s < stakes; s++ {
		all = append(all, s)
	}
	return all
}

// fewPUK is the number of tries of the PUK below which it is sent only with
// consent: what is lost with the last one is lost for ever.
const fewPUK = 4

// Stake returns why a code may only be sent after a person confirmed it. A
// wrong PIN can be mended with the PUK, so an unknown counter is no reason, nor
// is one that was 0 when it was last seen: a blocked chip refuses without
// spending anything. For the PUK the chip itself has to report the counter.
func (t Tries) Stake(ref PINRef) Stake {
	switch {
	case ref != PUK && t.Left == 1:
		return StakeLastPIN
	case ref != PUK:
		return StakeNone
	case !t.Reported:
		return StakeUnknownPUK
	case t.Left < fewPUK:
		return StakeFewPUK
	}
	return StakeNone
}

// NeedsConsent reports whether a code may only be sent after a person confirmed
// that it may be one of the last.
func (t Tries) NeedsConsent(ref PINRef) bool { return t.Stake(ref) != StakeNone }

// Blocked reports whether the chip itself reports that no try is left. A counter
// that was only seen earlier may be out of date: another device can have
// unblocked the code.
func (t Tries) Blocked() bool { return t.Left == 0 && t.Reported }

// LastTryError refuses to send a code because few tries are left, or may be,
// and the caller did not say AllowLastTry: see Tries.NeedsConsent. Nothing was
// sent.
type LastTryError struct {
	Ref   PINRef
	Tries Tries
}

func (e *LastTryError) Error() string {
	if e.Tries.Left < 0 || !e.Tries.Reported {
		return fmt.Sprintf("the card does not say how many tries are left for %v", e.Ref)
	}
	return fmt.Sprintf("few tries are left for %v", e.Ref)
}

// Check returns the error that withholds a code: *PINError when it is blocked,
// *LastTryError when it needs consent and allowed is false.
func (t Tries) Check(ref PINRef, allowed bool) error {
	switch {
	case t.Blocked():
		return &PINError{Ref: ref, Tries: 0}
	case t.NeedsConsent(ref) && !allowed:
		return &LastTryError{Ref: ref, Tries: t}
	}
	return nil
}
