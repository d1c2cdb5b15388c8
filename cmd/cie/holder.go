package main

import (
	"context"
	"strings"
	"time"

	"cie/card/identity"
	"cie/cmd/cie/internal/msg"
	"cie/cmd/internal/i18n"
)

// personJSON is the holder of a card.
type personJSON struct {
	Surname    string `json:"surname"`
	GivenName  string `json:"given_name"`
	FiscalCode string `json:"fiscal_code"`
}

// holderJSON is what a card tells after the PIN. Dates are YYYY-MM-DD.
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

func (a *app) date(t time.Time) string { return t.Format(a.text(msg.DateFormat)) }

// printHolder shows what a card tells after the PIN.
func (a *app) printHolder(h *holderJSON, field func(label i18n.Text, value string)) {
	field(msg.LabelHolder, a.style.Bold(strings.TrimSpace(h.Holder.Surname+" "+h.Holder.GivenName)))
	field(msg.LabelFiscalCode, h.Holder.FiscalCode)
	field(msg.LabelDocument, h.DocumentNumber)
	end, grace := a.date(h.id.NotAfter), a.date(h.id.GraceUntil)
	switch h.validity {
	case identity.Valid, identity.ExpiresSoon:
		field(msg.LabelExpiry, end)
		field(msg.LabelGrace, a.text(msg.GraceUntil, grace))
	case identity.NotYetValid:
		field(msg.LabelExpiry, a.style.Amber(a.text(msg.ExpiryNotYet, end, a.date(h.id.NotBefore))))
	case identity.InGrace:
		field(msg.LabelExpiry, a.style.Amber(a.text(msg.ExpiryGone, end)))
		field(msg.LabelGrace, a.style.Amber(a.text(msg.GraceNow, grace)))
	default:
		field(msg.LabelExpiry, a.style.Red(a.text(msg.ExpiryGone, end)))
		field(msg.LabelGrace, a.style.Red(a.text(msg.GraceOver, grace)))
	}
}

// holderHints says when it is time for a new card.
func (a *app) holderHints(h *holderJSON) {
	switch h.validity {
	case identity.InGrace, identity.Expired:
		a.note(a.text(msg.RenewNow))
	case identity.ExpiresSoon:
		if days := int(h.id.NotAfter.Sub(a.now()).Hours() / 24); days > 0 {
			a.note(a.text(msg.RenewSoon.For(days), days))
		} else {
			a.note(a.text(msg.RenewToday))
		}
	}
}
