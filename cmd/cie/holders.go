package main

import (
	"context"
	"slices"

	"golang.org/x/term"

	"cie/card"
	"cie/cmd/internal/kspagent"
	"cie/installer/browsers/keystore"
	"cie/pkcs11mod"
)

// holders returns the certificates of the cards in the readers, for the list in which Chrome
// and Edge look. A certificate that the module has read before needs no PIN. For another one
// the PIN is asked for, if there is one card and a user who can answer; without cards, or for a
// card whose certificate stays unknown, holders returns no error: other browsers need none.
func (a *app) holders(ctx context.Context, f *codeFlags) ([]keystore.Entry, error) {
	s, err := a.service(false)
	if err != nil {
		return nil, nil
	}
	defer s.Close()
	list, err := s.Status()
	if err != nil {
		return nil, nil
	}
	var found []keystore.Entry
	unknown := 0
	for _, r := range withCard(list) {
		u, err := a.open(ctx, s, r)
		if err != nil {
			continue // not a card of this kind, or one that does not answer
		}
		der, err := pkcs11mod.KnownCertificate(ctx, u.session, u.store)
		if nis := u.session.NIS(); err == nil && der != nil {
			found = append(found, keystore.Entry{Container: kspagent.Container(nis), Certificate: der})
		} else {
			unknown++
		}
		u.Close()
	}
	if unknown != 1 || len(found) > 0 || !f.pin.set && !a.asks() {
		return found, nil
	}
	if !a.json && !f.pin.set {
		a.note(a.text("browsers.certificate-asked"))
	}
	err = a.withPIN(ctx, f, func(u *inUse) error {
		der, err := u.session.Certificate(ctx)
		if err == nil {
			found = append(found, keystore.Entry{Container: kspagent.Container(u.session.NIS()), Certificate: slices.Clone(der)})
		}
		return err
	})
	if card.Classify(err) == card.KindCanceled && ctx.Err() == nil {
		err = nil
	}
	return found, err
}

// asks reports whether a user can answer questions: not where the installer or the logon
// registers.
func (a *app) asks() bool {
	in, ok := a.stdin.(interface{ Fd() uintptr })
	return ok && !a.json && term.IsTerminal(int(in.Fd()))
}
