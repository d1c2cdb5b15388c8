package cardtest

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// holderCertificate makes the authentication certificate (CIE 6.12).
func holderCertificate(p *Profile, key *rsa.PublicKey) ([]byte, error) {
	attribute := func(tag int, value string, arc ...int) pkix.RelativeDistinguishedNameSET {
		return pkix.RelativeDistinguishedNameSET{{
			Type:  asn1.ObjectIdentifier(append([]int{2, 5, 4}, arc...)),
			Value: asn1.RawValue{Tag: tag, Bytes: []byte(value)},
		}}
	}
	serial := "IDCIT-" + p.DocumentNumber
	if p.BareSubjectSerial {
		serial = p.DocumentNumber
	}
	names := pkix.RDNSequence{
		attribute(asn1.TagUTF8String, p.FiscalCode+"/"+p.NIS+p.CommonNameSuffix, 3),
		attribute(asn1.TagPrintableString, serial, 5),
		attribute(asn1.TagUTF8String, p.Surname, 4),
	}
	if !p.NoGivenName { // a DirectoryString is not empty (RFC 5280, appendix A)
		names = append(names, attribute(asn1.TagUTF8String, p.GivenName, 42))
	}
	subject, err := asn1.Marshal(append(names, attribute(asn1.TagPrintableString, p.Country, 6)))
	if err != nil {
		return nil, err
	}
	policies, err := certificatePolicies()
	if err != nil {
		return nil, err
	}
	keyID := sha1.Sum(x509.MarshalPKCS1PublicKey(key))
	// The serial number follows from the holder: the same profile is the same
	// card.
	number := sha256.Sum256([]byte(p.NIS + p.DocumentNumber))
	number[0] = number[0]&0x3F | 0x40
	template := &x509.Certificate{
		SerialNumber:       new(big.Int).SetBytes(number[:8]),
		RawSubject:         subject,
		SignatureAlgorithm: x509.SHA256WithRSA,
		NotBefore:          p.NotBefore,
		NotAfter:           p.NotAfter,
		SubjectKeyId:       keyID[:],
		KeyUsage:           x509.KeyUsageDigitalSignature,
		ExtKeyUsage:        []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		CRLDistributionPoints: []string{
			"http://crl.card.invalid/SUBCA000/synthetic.crl",
		},
		OCSPServer:      []string{"http://ocsp.card.invalid"},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 32}, Value: policies}},
	}
	return x509.CreateCertificate(nil, template, IssuingCA(), key, loadPool().keys["issuing"])
}

// certificatePolicies returns one policy with the CPS pointer and the user notice of CIE
// 6.12.2.
func certificatePolicies() ([]byte, error) {
	var b cryptobyte.Builder
	sequence := func(b *cryptobyte.Builder, f func(*cryptobyte.Builder)) { b.AddASN1(cbasn1.SEQUENCE, f) }
	sequence(&b, func(b *cryptobyte.Builder) {
		sequence(b, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 3, 76, 47, 4})
			sequence(b, func(b *cryptobyte.Builder) {
				sequence(b, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 2, 1})
					b.AddASN1(cbasn1.IA5String, func(b *cryptobyte.Builder) {
						b.AddBytes([]byte("http://policy.card.invalid/cps"))
					})
				})
				sequence(b, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 2, 2})
					sequence(b, func(b *cryptobyte.Builder) {
						b.AddASN1(cbasn1.UTF8String, func(b *cryptobyte.Builder) {
							b.AddBytes([]byte("X.509 authentication certificate issued by the Italian Ministry of Interior for the Electronic Identity Card (SYNTHETIC, NOT VALID)"))
						})
					})
				})
			})
		})
	})
	return b.Bytes()
}
