// Package domain parses and checks the Diffie-Hellman domain parameters of a
// card, the content of EF.DH.
package domain

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"

	"cie/apdu"
)

// ErrMalformed reports that the content of EF.DH has no known form.
var ErrMalformed = errors.New("malformed EF.DH")

// ErrWeak reports parameters that are not safe for a key agreement.
var ErrWeak = errors.New("unusable Diffie-Hellman parameters")

// Params contains the parameters of a Diffie-Hellman group, big-endian without
// the sign byte of DER: the prime P, the generator G and the order Q of the
// subgroup that G generates.
type Params struct {
	P, G, Q []byte
}

// maxField limits the length of a value. The longest accepted prime has 4096 bits.
const maxField = 1024

// tagSequence and the rest: ASN.1 DomainParameters (CIE Annex A; X9.42, RFC
// 3279 2.3.3), and the template of IAS ECC 10.4.3.2.
const (
	tagSequence apdu.Tag = 0x30
	tagInteger  apdu.Tag = 0x02
	tagTemplate apdu.Tag = 0x7F49
	tagP        apdu.Tag = 0x81
	tagQ        apdu.Tag = 0x82
	tagG        apdu.Tag = 0x83
)

// Parse parses EF.DH in either of the specified forms: SEQUENCE { p, g, q } (CIE
// Annex A), or 7F49 { 7F49 { 81 p, 82 q, 83 g } } (IAS ECC 10.4.3.2), of which it
// uses the first set. It ignores padding after the object and does not check the
// values, see [Params.Validate]. Errors match ErrMalformed.
func Parse(efDH []byte) (*Params, error) {
	t, _, err := apdu.ParseTLV(efDH)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	var p *Params
	switch t.Tag {
	case tagSequence:
		p, err = parseSequence(t.Value)
	case tagTemplate:
		p, err = parseTemplate(t.Value)
	default:
		err = fmt.Errorf("tag %v", t.Tag)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return p, nil
}

// parseSequence ignores the values (j, seed) that X9.42 allows after q.
func parseSequence(b []byte) (*Params, error) {
	p := &Params{}
	for _, to := range []*[]byte{&p.P, &p.G, &p.Q} {
		t, rest, err := apdu.ParseTLV(b)
		if err != nil {
			return nil, err
		}
		if t.Tag != tagInteger {
			return nil, fmt.Errorf("tag %v instead of a number", t.Tag)
		}
		if *to, err = number(t.Value); err != nil {
			return nil, err
		}
		b = rest
	}
	return p, nil
}

func parseTemplate(b []byte) (*Params, error) {
	t, _, err := apdu.ParseTLV(b)
	if err != nil {
		return nil, err
	}
	if t.Tag == tagTemplate {
		b = t.Value
	}
	fields, err := apdu.ParseTLVs(b)
	if err != nil {
		return nil, err
	}
	p := &Params{}
	for _, f := range fields {
		var to *[]byte
		switch f.Tag {
		case tagP:
			to = &p.P
		case tagQ:
			to = &p.Q
		case tagG:
			to = &p.G
		default:
			continue
		}
		if *to != nil {
			return nil, fmt.Errorf("%v twice", f.Tag)
		}
		if *to, err = number(f.Value); err != nil {
			return nil, err
		}
	}
	if p.P == nil || p.Q == nil || p.G == nil {
		return nil, errors.New("a value is missing")
	}
	return p, nil
}

// number copies a value and drops the sign byte. A missing sign byte is accepted,
// because values are never negative.
func number(b []byte) ([]byte, error) {
	if len(b) > 1 && b[0] == 0 && b[1] >= 0x80 {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > maxField {
		return nil, fmt.Errorf("a number of %d bytes", len(b))
	}
	return bytes.Clone(b), nil
}

// Equal reports whether both have the same values, regardless of leading zeros.
func (p *Params) Equal(o *Params) bool {
	if p == nil || o == nil {
		return p == o
	}
	same := func(a, b []byte) bool {
		return bytes.Equal(bytes.TrimLeft(a, "\x00"), bytes.TrimLeft(b, "\x00"))
	}
	return same(p.P, o.P) && same(p.G, o.G) && same(p.Q, o.Q)
}

// Limits on sizes, in bits. SP 800-56A (5.5.1.1) requires a subgroup of at least
// 224 bits for a prime of 2048 bits.
const (
	minPrimeBits = 2048
	maxPrimeBits = 4096
	minOrderBits = 224
)

// Validate checks that the sizes are safe, and limited so that the work is too,
// and that G generates a subgroup whose order divides Q: p is odd and has 2048 to
// 4096 bits, q has at least 224 bits and divides p-1, 1 < g < p-1, g^q = 1 (SP
// 800-56A, 5.5.2). It does not check that p and q are prime: the signature of the
// SOD covers them. Errors match ErrWeak.
func (p *Params) Validate() error {
	weak := func(why string) error { return fmt.Errorf("%w: %s", ErrWeak, why) }
	if p == nil || max(len(p.P), len(p.G), len(p.Q)) > maxField {
		return weak("size")
	}
	prime, g, q := new(big.Int).SetBytes(p.P), new(big.Int).SetBytes(p.G), new(big.Int).SetBytes(p.Q)
	one := big.NewInt(1)
	if n := prime.BitLen(); n < minPrimeBits || n > maxPrimeBits {
		return weak(fmt.Sprintf("p has %d bits", n))
	}
	if prime.Bit(0) == 0 {
		return weak("p is even")
	}
	last := new(big.Int).Sub(prime, one)
	if n := q.BitLen(); n < minOrderBits || q.Cmp(last) >= 0 {
		return weak(fmt.Sprintf("q has %d bits", n))
	}
	if new(big.Int).Rem(last, q).Sign() != 0 {
		return weak("q does not divide p-1")
	}
	if g.Cmp(one) <= 0 || g.Cmp(last) >= 0 {
		return weak("g out of range")
	}
	if new(big.Int).Exp(g, q, prime).Cmp(one) != 0 {
		return weak("g is not of order q")
	}
	return nil
}
