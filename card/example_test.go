package card_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"cie/card"
	"cie/card/cardtest"
	"cie/card/identity"
	"cie/card/sod"
)

// virtualCard returns a virtual card and trust anchors that make it genuine. A
// program connects to a real card with package apdu/pcsc and leaves the anchors
// at their default.
func virtualCard() (*cardtest.Card, *sod.Roots) {
	c, err := cardtest.New(cardtest.Profile{})
	if err != nil {
		log.Fatal(err)
	}
	roots := sod.BuiltinRoots().Clone()
	if err := roots.AddPEM(cardtest.CSCAPEM()); err != nil {
		log.Fatal(err)
	}
	return c, roots
}

// What a card shows without a PIN.
func ExampleOpen() {
	ctx := context.Background()
	c, roots := virtualCard()
	s, err := card.Open(ctx, c.Reader(), card.Options{Roots: roots})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	auth, err := s.Authenticity(ctx)
	if err != nil {
		log.Fatal(err)
	}
	tries, err := s.Tries(ctx, card.PIN)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("NIS", s.NIS())
	fmt.Println("level", auth.Level)
	fmt.Println("tries of the PIN", tries)
	// Output:
	// NIS 999900000001
	// level genuine
	// tries of the PIN 3 of 3
}

// Each outcome of a verification needs its own answer. The code is sent
// once: the user decides what to do next.
func ExampleSession_Verify() {
	ctx := context.Background()
	c, roots := virtualCard()
	s, err := card.Open(ctx, c.Reader(), card.Options{Roots: roots})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	verify := func(pin string, opts ...card.CodeOption) {
		code := []byte(pin)
		defer clear(code)
		err := s.Verify(ctx, card.PIN, code, opts...)
		var refused *card.PINError
		switch kind := card.Classify(err); kind {
		case card.KindNone:
			fmt.Println("verified")
		case card.KindFormat:
			fmt.Println("nothing sent: not 8 digits")
		case card.KindPINWrong:
			errors.As(err, &refused)
			fmt.Println("wrong, tries left:", refused.Tries)
		case card.KindPINBlocked:
			fmt.Println("blocked: unblock it with the PUK")
		case card.KindLastTry:
			fmt.Println("nothing sent: the user has to confirm the last try")
		case card.KindNotAccepted, card.KindNotGenuine:
			fmt.Println("nothing sent: the card is not known as genuine")
		case card.KindUncertain:
			fmt.Println("sent, and a try may be spent")
		default:
			fmt.Println("try again when the card is in the reader:", err)
		}
	}
	verify("1234")
	verify("11112222")
	verify("11112222")
	verify(string(cardtest.DefaultPIN()))
	// The user confirmed.
	verify(string(cardtest.DefaultPIN()), card.AllowLastTry())
	// Output:
	// nothing sent: not 8 digits
	// wrong, tries left: 2
	// wrong, tries left: 1
	// nothing sent: the user has to confirm the last try
	// verified
}

// A TLS client that authenticates with the card. The key has no PSS, which TLS
// 1.3 requires, so the connection is limited to TLS 1.2.
func ExampleSession_Signer() {
	ctx := context.Background()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		holder, err := identity.Parse(r.TLS.PeerCertificates[0].Raw)
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, "Welcome, %s %s", holder.GivenName, holder.Surname)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	defer server.Close()

	c, roots := virtualCard()
	s, err := card.Open(ctx, c.Reader(), card.Options{Roots: roots})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); err != nil {
		log.Fatal(err)
	}
	certificate, err := s.Certificate(ctx)
	if err != nil {
		log.Fatal(err)
	}
	key, err := s.Signer(ctx)
	if err != nil {
		log.Fatal(err)
	}
	client := server.Client()
	config := client.Transport.(*http.Transport).TLSClientConfig
	config.MaxVersion = tls.VersionTLS12
	config.Certificates = []tls.Certificate{{
		Certificate:                  [][]byte{certificate},
		PrivateKey:                   key,
		SupportedSignatureAlgorithms: []tls.SignatureScheme{tls.PKCS1WithSHA256, tls.PKCS1WithSHA384, tls.PKCS1WithSHA512},
	}}
	response, err := client.Get(server.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Status)
	fmt.Println(string(body))
	// Output:
	// 200 OK
	// Welcome, MARIA PROVA
}
