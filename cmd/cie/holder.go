package main

import (
	"context"
	"strings"
	"time"

	"cie/card/identity"
)

// personJSON is the holder of a card.
type personJSON struct {
	Surname    string `json:"surname"`
	GivenName  string `json:"given_name"`
	FiscalCode string `json:"fiscal_code"`
}

// holderJSON is what a card shows after the PIN. Dates are YYYY-MM-DD.
type holderJSON struct {
	Holder         personJSON `json:"holder"`
	DocumentNumber string     `json:"document_number"`
	NotBefore      string     `json:"not_before"`
	NotAfter       string     `json:"not_after"`
	GraceUntil     string     `json:"grace_until"`
	Validity       string     `json:"validity"`

	id       *identity.Identity
	validity identity.Validity
}

// readHolder reads certificate and document number; the PIN is verified.
func (a *app) readHolder(ctx context.Context, u *inUse) (*holderJSON, error) {
	var der []byte
	var number string
	err := a.onCard(func() (err error) {
		if der, err = u.session.Certificate(ctx); err != nil {
			return err
		}
		number, err = u.session.DocumentNumber(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	id, err := identity.Parse(der)
	if err != nil {
		return nil, err
	}
	u.session.NoteHolder(id.Name())
	v := id.ValidityAt(a.now())
	return &holderJSON{
		Holder:         personJSON{Surname: id.Surname, GivenName: id.GivenName, FiscalCode: id.FiscalCode},
		DocumentNumber: number,
		NotBefore:      id.NotBefore.Format(time.DateOnly),
		NotAfter:       id.NotAfter.Format(time.DateOnly),
		GraceUntil:     id.GraceUntil.Format(time.DateOnly),
		Validity:       validityNames[v],
		id:             id,
		validity:       v,
	}, nil
}

// validityNames are the values of validity in JSON.
var validityNames = map[identity.Validity]string{
	identity.NotYetValid: "not-yet-valid",
	identity.Valid:       "valid",
	identity.ExpiresSoon: "valid",
	identity.InGrace:     "grace",
	identity.Expired:     "expired",
}

func (a *app) date(t time.Time) string { return a.plain(a.texts.Date(t)) }

// printHolder prints what a card shows after the PIN.
func (a *app) printHolder(h *holderJSON, field func(label string, value string)) {
	field("label.holder", a.style.Bold(strings.TrimSpace(h.Holder.Surname+" "+h.Holder.GivenName)))
	field("label.fiscal-code", h.Holder.FiscalCode)
	field("label.document", h.DocumentNumber)
	end, grace := a.date(h.id.NotAfter), a.date(h.id.GraceUntil)
	switch h.validity {
	case identity.Valid, identity.ExpiresSoon:
		field("label.expiry", end)
		field("label.grace", a.text("expiry.grace-until", grace))
	case identity.NotYetValid:
		field("label.expiry", a.style.Amber(a.text("expiry.not-yet", end, a.date(h.id.NotBefore))))
	case identity.InGrace:
		field("label.expiry", a.style.Amber(a.text("expiry.gone", end)))
		field("label.grace", a.style.Amber(a.text("expiry.grace-now", grace)))
	default:
		field("label.expiry", a.style.Red(a.text("expiry.gone", end)))
		field("label.grace", a.style.Red(a.text("expiry.grace-over", grace)))
	}
}

// holderHints returns the hint that it is time for a new card.
func (a *app) holderHints(h *holderJSON) {
	switch h.validity {
	case identity.InGrace, identity.Expired:
		a.note(a.text("expiry.now"))
	case identity.ExpiresSoon:
		if days := int(h.id.NotAfter.Sub(a.now()).Hours() / 24); days > 0 {
			a.note(a.count("expiry.soon", days))
		} else {
			a.note(a.text("expiry.today"))
		}
	}
}
