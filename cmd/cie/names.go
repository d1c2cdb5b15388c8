package main

import (
	"context"

	clean "cie/apdu/printable"
	"cie/apdu/readers"
	"cie/card"
	"cie/card/identity"
	"cie/pkcs11mod"
)

// maxShown limits a line from the files of this computer, in bytes.
const maxShown = 4096

// printable makes a text from the files of this computer, such as a path, fit for a
// terminal. Package card cleans the names of readers and the data of a card.
func printable(s string) string { return clean.Text(s, maxShown) }

// knownHolder returns the name of the holder where the module keeps the
// certificate of this card, "" elsewhere. It costs the card one signature and
// needs no PIN. A card that is not genuine is not asked.
func (a *app) knownHolder(ctx context.Context, u *inUse, level card.Level) (string, error) {
	if level == card.NotGenuine || u.store == nil {
		return "", nil
	}
	der, err := pkcs11mod.KnownCertificate(ctx, u.session, u.store)
	if err != nil || der == nil {
		return "", err
	}
	id, err := identity.Parse(der)
	if err != nil {
		return "", nil // the card counts, not what is kept of it
	}
	return id.Name(), nil
}

// described returns the name of a reader and what distinguishes the card in it from
// others: the holder if known, else the label that browsers show.
func (a *app) described(ctx context.Context, s readers.Service, r readers.State) string {
	u, err := a.open(ctx, s, r)
	if err != nil {
		return r.Name // the choice is of readers
	}
	defer u.Close()
	nis := u.session.NIS()
	name := "CIE " + nis[len(nis)-4:]
	_ = a.onCard(func() error {
		holder, err := a.knownHolder(ctx, u, card.Unchecked)
		if holder != "" {
			name = holder
		}
		return err
	})
	return r.Name + " (" + name + ")"
}
