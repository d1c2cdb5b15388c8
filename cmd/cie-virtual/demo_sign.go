package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"cie/card/ades"
	"cie/card/ades/cms"
	"cie/card/ades/tsp"
	"cie/card/cardtest"
)

// stepSign signs a document with a time stamp and verifies it. The authority
// that stamps and answers for revocation is part of the program.
func (d *demo) stepSign(ctx context.Context) error {
	if _, err := d.wantAccepted(ctx); err != nil {
		return err
	}
	cert, err := d.session.Certificate(ctx)
	if err != nil {
		return err
	}
	key, err := d.session.Signer(ctx)
	if err != nil {
		return err
	}
	authority := &cardtest.Authority{Now: time.Now}
	document := []byte(d.text("demo.sign.document") + "\n")
	sum := sha256.Sum256(document)
	m, err := cms.Sign(cms.Signer{Key: key, Certificate: cert}, sum[:], cms.Options{
		Time: time.Now(),
		Timestamp: func(signature []byte) ([]byte, error) {
			sum := sha256.Sum256(signature)
			q, err := tsp.NewRequest(sum[:])
			if err != nil {
				return nil, err
			}
			answer, err := authority.Timestamp(q.Marshal())
			if err != nil {
				return nil, err
			}
			token, _, err := q.Token(answer)
			return token, err
		},
	})
	if err != nil {
		return err
	}
	var signed bytes.Buffer
	if err := m.Write(&signed, bytes.NewReader(document), int64(len(document)), sum[:]); err != nil {
		return err
	}
	d.shown("demo.sign.done", signed.Len())

	trusted := ades.BuiltinAnchors()
	if err := trusted.Add(cardtest.IssuingCAPEM()); err != nil {
		return err
	}
	altered := bytes.Replace(signed.Bytes(), document[:4], bytes.ToUpper(document[:4]), 1)
	for _, c := range []struct {
		v      ades.Verifier
		p7m    []byte
		state  ades.State
		reason ades.Reason
	}{
		{ades.Verifier{}, signed.Bytes(), ades.Unknown, ades.UnknownIssuer},
		{ades.Verifier{Anchors: trusted}, signed.Bytes(), ades.Unknown, ades.NotAsked},
		{ades.Verifier{Anchors: trusted, Fetcher: authority}, signed.Bytes(), ades.Valid, ""},
		{ades.Verifier{Anchors: trusted, Fetcher: authority}, altered, ades.Invalid, ades.Altered},
	} {
		c.v.Now = time.Now()
		report, err := c.v.File(ctx, bytes.NewReader(c.p7m), int64(len(c.p7m)), nil)
		if err != nil {
			return err
		}
		r := report.Results[0]
		if r.State != c.state || c.reason != "" && !slices.Contains(r.Reasons, c.reason) {
			return unexpected("signature", []any{r.State, r.Reasons})
		}
		if c.state == ades.Valid {
			d.shown("demo.sign.valid", r.Signer.Name)
			d.fact("signer", r.Signer.Name)
			d.fact("level", r.Level)
		}
	}
	d.shown("demo.sign.unknown")
	d.shown("demo.sign.altered")
	d.fact("verified", ades.Valid.String())
	d.fact("without_test_authority", ades.Unknown.String())
	d.fact("altered", ades.Invalid.String())
	return nil
}
