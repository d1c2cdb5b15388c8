package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"

	"cie/card/cardtest"
	"cie/cmd/internal/loopback"
)

func (d *demo) stepLogin(ctx context.Context) error {
	// As the public services do, this one takes only the authority that issues
	// the cards.
	issuers := x509.NewCertPool()
	issuers.AddCert(cardtest.IssuingCA())
	server, err := loopback.Start("cie-virtual demo", issuers)
	if err != nil {
		return err
	}
	defer server.Close()
	if _, err := server.Login(ctx); err == nil {
		return errors.New("the server accepted a client without a card")
	}
	d.shown("demo.login.refused")

	if _, err := d.wantAccepted(ctx); err != nil {
		return err
	}
	cert, err := loopback.ClientCertificate(ctx, d.session)
	if err != nil {
		return err
	}
	seen, err := server.Login(ctx, cert)
	if err != nil {
		return err
	}
	if seen.NIS != d.original.NIS() {
		return unexpected("the server saw", seen.NIS)
	}
	if seen.TLS != tls.VersionName(tls.VersionTLS12) {
		return unexpected("version of TLS", seen.TLS)
	}
	d.shown("demo.login.tls", seen.TLS, seen.Cipher)
	d.shown("demo.login.saw", seen.GivenName, seen.Surname, seen.FiscalCode, seen.NIS)
	d.fact("seen", seen)
	return nil
}
