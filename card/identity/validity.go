package identity

import "time"

// Grace is the time after expiry in which services still accept a card for login.
const Grace = 90 * 24 * time.Hour

// RenewWithin is the time before expiry in which a card can be renewed: six months.
const RenewWithin = 180 * 24 * time.Hour

// Validity is the state of a card at a time. Later states are greater. From InGrace
// on the certificate has expired.
type Validity int

// The states.
const (
	NotYetValid Validity = iota
	Valid
	ExpiresSoon // valid, and can be renewed
	InGrace     // expired, still accepted for login unless a new card was issued
	Expired     // no longer accepted
	validities
)

// Validities returns every Validity, for tests that each has a text.
func Validities() []Validity {
	var all []Validity
	for v := NotYetValid; v < validities; v++ {
		all = append(all, v)
	}
	return all
}

// ForLogin reports whether services accept the card.
func (v Validity) ForLogin() bool { return v != NotYetValid && v != Expired }

// ValidityAt returns the state at t of a card with these dates, both included.
func ValidityAt(notBefore, notAfter, t time.Time) Validity {
	switch {
	case t.Before(notBefore):
		return NotYetValid
	case t.After(notAfter.Add(Grace)):
		return Expired
	case t.After(notAfter):
		return InGrace
	case notAfter.Sub(t) <= RenewWithin:
		return ExpiresSoon
	}
	return Valid
}

// ValidityAt returns the state of the card at t.
func (id *Identity) ValidityAt(t time.Time) Validity {
	return ValidityAt(id.NotBefore, id.NotAfter, t)
}
