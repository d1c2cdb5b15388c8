package cardtest

import (
	"crypto/rsa"
	"crypto/x509"
	"math/big"
)

// Forgery describes how a card deviates from a genuine one. The zero value is a genuine card.
type Forgery struct {
	// PublicKey sets the Diffie-Hellman public key of the chip to a value that a client
	// must refuse. Everything else is consistent, including the signature: a client
	// without this check gets a working channel whose keys are not secret.
	PublicKey PublicKeyForgery

	// InternalAuthentication makes the signature of the device authentication
	// wrong: the chip does not have the key that EF.Int.Kpub names.
	InternalAuthentication bool

	// AntiClone makes signatures with Servizi_Int.Kpriv wrong.
	AntiClone bool

	// IntKey gives the chip another device authentication key, with a matching EF.Int.Kpub,
	// under the SOD of the genuine card: a man in the middle or a clone.
	IntKey bool

	// DHObject makes GET DATA return domain parameters that differ from
	// EF.DH, and the chip use them.
	DHObject bool

	// Issuer gives the card a SOD and keys of another issuer, as any attacker can create
	// them. They are consistent.
	Issuer *Issuer

	// SOD makes EF.SOD wrong or strange.
	SOD SODForgery

	// RefuseTries is the status of GET DATA of PIN and PUK in place of the counters, for
	// instance 0x6A88; zero returns the counters.
	RefuseTries uint16

	// WrongPIN6300 returns 6300 without a count for a wrong PIN or PUK, as seen in the
	// field; the counter is decremented nevertheless.
	WrongPIN6300 bool
}

// PublicKeyForgery is a choice of PuK.ICC.
type PublicKeyForgery int

// Values of the chip's Diffie-Hellman public key.
const (
	PublicKeyGenuine   PublicKeyForgery = iota
	PublicKeyZero                       // 0
	PublicKeyOne                        // 1
	PublicKeyPMinusOne                  // p-1
	PublicKeyP                          // p
)

// value returns the forged public key, or nil for a genuine card.
func (l PublicKeyForgery) value() *big.Int {
	switch l {
	case PublicKeyZero:
		return new(big.Int)
	case PublicKeyOne:
		return big.NewInt(1)
	case PublicKeyPMinusOne:
		return new(big.Int).Sub(dhP, big.NewInt(1))
	case PublicKeyP:
		return dhP
	}
	return nil
}

// session returns the one that a client without a check of the public key derives: the
// shared secret of 0 and p is 0, of 1 it is 1, and of p-1 it is 1 or p-1. Such a client
// works normally.
func (l PublicKeyForgery) session(size int) *session {
	of := func(zz *big.Int) *session { return newSession(zz.FillBytes(make([]byte, size))) }
	switch l {
	case PublicKeyOne:
		return of(big.NewInt(1))
	case PublicKeyPMinusOne:
		s := of(big.NewInt(1))
		s.other = of(l.value())
		return s
	}
	return of(new(big.Int))
}

// SODForgery is a kind of forged EF.SOD.
type SODForgery int

// The kinds of EF.SOD.
const (
	SODGenuine SODForgery = iota
	// SODTamperedHash has a hash of EF.Int.Kpub that was changed after signing.
	SODTamperedHash
	// SODTamperedSignature has a signature with one wrong bit.
	SODTamperedSignature
	// SODForeignSigner is correctly signed by a document signer whose CA only has the name
	// of the genuine one.
	SODForeignSigner
	// SODUnknownForm is correctly signed by the genuine signer, but the content has a type
	// and version that no reader implements.
	SODUnknownForm
	// SODGarbage is 77 L and bytes that are not ASN.1.
	SODGarbage
	// SODEmpty is no file at all.
	SODEmpty
)

// sod returns EF.SOD over the given contents, genuine or forged.
func (l Forgery) sod(p *Profile, content map[uint16][]byte) ([]byte, error) {
	form, err := sodGeneration(p.SODGeneration)
	if err != nil {
		return nil, err
	}
	signer := "ds-2"
	if p.SODGeneration == 1 {
		signer = "ds-1"
	}
	switch l.SOD {
	case SODForeignSigner:
		signer = "rogue-" + signer
	case SODUnknownForm:
		form.contentType = oidNobodys
		form.ldsVersion = 9
	case SODGarbage:
		return object(0x77, []byte("this is not a signed object, and was never meant to be one")), nil
	case SODEmpty:
		return nil, nil
	}
	by := poolSigner(signer)
	if l.Issuer != nil {
		by = l.Issuer.signer
	}
	sod, err := buildSOD(form, by, content)
	if err != nil {
		return nil, err
	}
	switch l.SOD {
	case SODTamperedSignature:
		sod[len(sod)-100] ^= 0x01
	case SODTamperedHash:
		h := form.newHash()
		h.Write(content[fidIntKey])
		sod[indexOf(sod, h.Sum(nil))] ^= 0x01
	}
	return sod, nil
}

// indexOf returns the position of part in b, which must contain it.
func indexOf(b, part []byte) int {
	for i := range b {
		if i+len(part) <= len(b) && string(b[i:i+len(part)]) == string(part) {
			return i
		}
	}
	panic("not found")
}

// keys replaces keys of the chip.
func (l Forgery) keys(p *Profile, keys keySet) keySet {
	if l.IntKey {
		keys.internal = l.foreignKey(p)
	}
	return keys
}

// files changes contents that the SOD was made over.
func (l Forgery) files(p *Profile, content map[uint16][]byte) {
	if l.IntKey {
		content[fidIntKey] = x509.MarshalPKCS1PublicKey(&l.foreignKey(p).PublicKey)
	}
}

// foreignKey returns the device authentication key of another card.
func (l Forgery) foreignKey(p *Profile) *rsa.PrivateKey {
	other := *p
	other.KeySet = p.KeySet%KeySets + 1
	return other.keys().internal
}

// generator returns the generator for the K_DH object and the key agreement.
func (l Forgery) generator() *big.Int {
	if l.DHObject {
		return new(big.Int).Exp(dhG, big.NewInt(2), dhP)
	}
	return dhG
}
