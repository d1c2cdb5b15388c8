package card

import "fmt"

// Stake is what a wrong code can cost, and why the user has to confirm before a
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

// Stakes returns every Stake that needs a confirmation, so that tests can check
// that each has a text.
func Stakes() []Stake {
	var all []Stake
	for s := StakeNone + 1; s < stakes; s++ {
		all = append(all, s)
	}
	return all
}

// fewPUK is the number of tries of the PUK below which it is sent only with
// consent: the last one blocks the chip permanently.
const fewPUK = 4

// Stake returns why a code may only be sent after the user confirmed it. The PUK
// unblocks a PIN, so an unknown counter of the PIN needs no confirmation, nor does
// one that was 0 when it was last seen: a blocked chip refuses without spending a
// try. For the PUK the chip has to report the counter; a pending one counts as it was
// seen, because it is judged again.
func (t Tries) Stake(ref PINRef) Stake {
	switch {
	case ref != PUK && t.Left == 1:
		return StakeLastPIN
	case ref != PUK:
		return StakeNone
	case !t.Reported && !t.Pending:
		return StakeUnknownPUK
	case t.Left < fewPUK:
		return StakeFewPUK
	}
	return StakeNone
}

// NeedsConsent reports whether a code may only be sent after the user confirmed
// that it may be one of the last.
func (t Tries) NeedsConsent(ref PINRef) bool { return t.Stake(ref) != StakeNone }

// Blocked reports whether the chip reports that no try is left. A counter that was
// seen earlier may be out of date: another device can have unblocked the code.
func (t Tries) Blocked() bool { return t.Left == 0 && t.Reported }

// LastTryError withholds a code because few tries are left, or may be, and the
// caller did not pass AllowLastTry: see Tries.NeedsConsent. Nothing was sent.
type LastTryError struct {
	Ref   PINRef
	Tries Tries
}

func (e *LastTryError) Error() string {
	if e.Tries.Left < 0 || !e.Tries.Reported {
		return fmt.Sprintf("the card does not report the tries left for %v", e.Ref)
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

// Lock is what the counters of PIN and PUK together mean for the card.
type Lock int

// The locks.
const (
	LockNone Lock = iota // no code is blocked
	LockPIN              // the PIN is blocked, and the PUK unblocks it
	LockPUK              // the PUK is blocked: the PIN works until it is blocked too
	LockBoth             // the PIN is blocked, and nothing unblocks it
	locks
)

// Locks returns every Lock of a code, for tests that each has its words.
func Locks() []Lock {
	var all []Lock
	for l := LockNone + 1; l < locks; l++ {
		all = append(all, l)
	}
	return all
}

// LockOf returns what both counters mean for the card.
func LockOf(pin, puk Tries) Lock {
	switch {
	case pin.Blocked() && puk.Blocked():
		return LockBoth
	case pin.Blocked():
		return LockPIN
	case puk.Blocked():
		return LockPUK
	}
	return LockNone
}
