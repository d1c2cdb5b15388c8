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

	id *identity.Identity
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
	return &holderJSON{
		Holder:         personJSON{Surname: id.Surname, GivenName: id.GivenName, FiscalCode: id.FiscalCode},
		DocumentNumber: number,
		NotBefore:      id.NotBefore.Format(time.DateOnly),
		NotAfter:       id.NotAfter.Format(time.DateOnly),
		GraceUntil:     id.GraceUntil.Format(time.DateOnly),
		Validity:       validity(id, a.now()),
		id:             id,
	}, nil
}

// validity is where t lies in the life of a card.
func validity(id *identity.Identity, t time.Time) string {
	switch {
	case t.Before(id.NotBefore):
		return "not-yet-valid"
	case !id.Expired(t):
		return "valid"
	case id.InGrace(t):
		return "grace"
	}
	return "expired"
}

func (a *app) date(t time.Time) string { return t.Format(a.text(msg.DateFormat)) }

// printHolder shows what a card tells after the PIN.
func (a *app) printHolder(h *holderJSON, field func(label i18n.Text, value string)) {
	field(msg.LabelHolder, a.style.Bold(strings.TrimSpace(h.Holder.Surname+" "+h.Holder.GivenName)))
	field(msg.LabelFiscalCode, h.Holder.FiscalCode)
	field(msg.LabelDocument, h.DocumentNumber)
	end, grace := a.date(h.id.NotAfter), a.date(h.id.GraceUntil)
	switch h.Validity {
	case "valid":
		field(msg.LabelExpiry, end)
		field(msg.LabelGrace, a.text(msg.GraceUntil, grace))
	case "not-yet-valid":
		field(msg.LabelExpiry, a.style.Amber(a.text(msg.ExpiryNotYet, end, a.date(h.id.NotBefore))))
	case "grace":
		field(msg.LabelExpiry, a.style.Amber(a.text(msg.ExpiryGone, end)))
		field(msg.LabelGrace, a.style.Amber(a.text(msg.GraceNow, grace)))
	default:
		field(msg.LabelExpiry, a.style.Red(a.text(msg.ExpiryGone, end)))
		field(msg.LabelGrace, a.style.Red(a.text(msg.GraceOver, grace)))
	}
}

// renewWithin is how long before the expiry a new card may be asked for: six
// months, in days.
const renewWithin = 180

// holderHints says when it is time for a new card.
func (a *app) holderHints(h *holderJSON) {
	switch h.Validity {
	case "grace", "expired":
		a.note(a.text(msg.RenewNow))
	case "valid":
		switch days := int(h.id.NotAfter.Sub(a.now()).Hours() / 24); {
		case days == 0:
			a.note(a.text(msg.RenewToday))
		case days <= renewWithin:
			a.note(a.text(msg.RenewSoon.For(days), days))
		}
	}
}
