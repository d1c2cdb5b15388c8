package cardtest

import (
	"crypto/rsa"
	"crypto/x509"
	"math/big"
)

// Lies are the ways a card can be dishonest or a clone. The zero value is an
// honest card.
type Lies struct {
	// PublicKey makes the Diffie-Hellman public key of the chip one of the
	// values a client must refuse. All else fits, signature included: a client
	// that does not look gets a working channel whose keys everybody knows.
	PublicKey PublicKeyLie

	// InternalAuthentication makes the signature of the device authentication
	// wrong: the chip does not have the key that EF.Int.Kpub names.
	InternalAuthentication bool

	// AntiClone makes signatures with Servizi_Int.Kpriv wrong.
	AntiClone bool

	// IntKey gives the chip a device authentication key of its own, with an
	// EF.Int.Kpub that matches it, under the SOD of the honest card: a man in
	// the middle or a clone.
	IntKey bool

	// DHObject makes GET DATA return domain parameters that differ from
	// EF.DH, and the chip use them.
	DHObject bool

	// Issuer gives the card a SOD and keys of an issuer of its own, as anybody
	// can make them. All fits together.
	Issuer *Issuer

	// SOD makes EF.SOD wrong or strange.
	SOD SODLie

	// RefuseTries is the status that GET DATA of PIN and PUK answers instead
	// of the counters, for instance 0x6A88; zero is an honest answer.
	RefuseTries uint16

	// WrongPIN6300 makes a wrong PIN or PUK answer 6300 without a count, as
	// seen in the field; the counter goes down all the same.
	WrongPIN6300 bool
}

// PublicKeyLie is a choice of PuK.ICC.
type PublicKeyLie int

// Values of the chip's Diffie-Hellman public key.
const (
	PublicKeyHonest    PublicKeyLie = iota
	PublicKeyZero                   // 0
	PublicKeyOne                    // 1
	PublicKeyPMinusOne              // p-1
	PublicKeyP                      // p
)

// value returns the false public key, or nil for an honest one.
func (l PublicKeyLie) value() *big.Int {
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

// session is the one that a client which does not look at the public key would
// derive: the shared secret of 0 and p is 0, of 1 it is 1, and of p-1 it is 1
// or p-1. Such a client notices nothing.
func (l PublicKeyLie) session(size int) *session {
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

// SODLie is a kind of EF.SOD that is not an honest one.
type SODLie int

// The kinds of EF.SOD.
const (
	SODHonest SODLie = iota
	// SODTamperedHash: the hash of EF.Int.Kpub was changed after signing.
	SODTamperedHash
	// SODTamperedSignature: the signature has one wrong bit.
	SODTamperedSignature
	// SODForeignSigner: well signed, by a document signer whose CA only bears
	// the name of the true one.
	SODForeignSigner
	// SODUnknownForm: well signed by the true signer, but the content is of a
	// type and version that no reader knows yet.
	SODUnknownForm
	// SODGarbage: 77 L and bytes that are no ASN.1.
	SODGarbage
	// SODEmpty: no file at all.
	SODEmpty
)

// sod makes EF.SOD over the given contents, honest or not.
func (l Lies) sod(p *Profile, content map[uint16][]byte) ([]byte, error) {
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

// indexOf returns where part stands in b; the caller knows that it does.
func indexOf(b, part []byte) int {
	for i := range b {
		if i+len(part) <= len(b) && string(b[i:i+len(part)]) == string(part) {
			return i
		}
	}
	panic("not found")
}

// keys replaces keys of the chip.
func (l Lies) keys(p *Profile, keys keySet) keySet {
	if l.IntKey {
		keys.internal = l.foreignKey(p)
	}
	return keys
}

// files changes contents that the SOD was made over.
func (l Lies) files(p *Profile, content map[uint16][]byte) {
	if l.IntKey {
		content[fidIntKey] = x509.MarshalPKCS1PublicKey(&l.foreignKey(p).PublicKey)
	}
}

// foreignKey is the device authentication key of another card.
func (l Lies) foreignKey(p *Profile) *rsa.PrivateKey {
	other := *p
	other.KeySet = p.KeySet%KeySets + 1
	return other.keys().internal
}

// generator is the generator that the K_DH object and the key agreement use.
func (l Lies) generator() *big.Int {
	if l.DHObject {
		return new(big.Int).Exp(dhG, big.NewInt(2), dhP)
	}
	return dhG
}
