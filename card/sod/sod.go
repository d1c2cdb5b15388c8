// Package sod implements passive authentication. It parses EF.SOD, the signed
// list of hashes of a card's files (CIE 6.10.5, ICAO Doc 9303 part 10, 4.6.2),
// verifies its signature and its issuer, and checks files against it. It does
// not access a card.
//
// There are three kinds of failure. A wrong signature or hash is a *[VerifyError]:
// the card or the communication with it is forged. An unknown form is
// [ErrUnsupported], and an issuer without a known root gives a [Result] that is
// not trusted: neither proves that the card is genuine or forged.
package sod

import (
	"bytes"
	"crypto"
	"crypto/subtle"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"cie/apdu"
	"cie/card/internal/rawcert"
)

var (
	// ErrMalformed reports that the bytes are not a complete EF.SOD.
	ErrMalformed = errors.New("malformed EF.SOD")
	// ErrUnsupported reports a form or an algorithm that this package does not implement.
	ErrUnsupported = errors.New("unsupported form of EF.SOD")
)

// Check names a check that failed with a *VerifyError.
type Check string

// The checks, in the order in which they are made.
const (
	CheckContentType Check = "content-type"   // the signed content has another type
	CheckDigest      Check = "message-digest" // the hash of the list of hashes differs
	CheckSigner      Check = "signer"         // no certificate of the signer, or no signed attributes
	CheckSignature   Check = "signature"      // the signer's signature is wrong
	CheckChain       Check = "chain"          // the certificate is not signed by the root that it names
	CheckHash        Check = "file-hash"      // a file differs from the signed one
)

// VerifyError reports a wrong signature or hash. The content of the SOD cannot
// be trusted.
type VerifyError struct {
	Check Check
	FID   uint16 // the file, for CheckHash
	Err   error  // the cause, nil if there is none
}

// Error returns a text with the check and the file.
func (e *VerifyError) Error() string {
	s := "EF.SOD: " + string(e.Check) + " is wrong"
	if e.Check == CheckHash {
		s = fmt.Sprintf("EF.SOD: file %04X is not the signed one", e.FID)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *VerifyError) Unwrap() error { return e.Err }

// The files that a SOD covers (CIE 6.10.5, Annex A).
const (
	FileNIS         uint16 = 0x1001 // EF.ID_Servizi
	FileSerial      uint16 = 0x1002 // EF.Seriale
	FileCertificate uint16 = 0x1003 // EF.Cert_CIE
	FileIntKey      uint16 = 0x1004 // EF.Int.Kpub
	FileServicesKey uint16 = 0x1005 // EF.Servizi_Int.Kpub
	FileDH          uint16 = 0xD004 // EF.DH
)

// groups maps data group numbers to files. Real cards encode numbers above 7F in
// one byte, which makes them negative INTEGERs.
var groups = map[byte]uint16{
	0xA1: FileNIS, 0xA2: FileSerial, 0xA3: FileCertificate, 0xA4: FileIntKey, 0xA5: FileServicesKey, 0x1B: FileDH,
}

// fixedSize lists the files that contain text of a fixed size. The length of all
// others is that of their DER (interop).
var fixedSize = map[uint16]int{FileNIS: 12, FileSerial: 9}

// SOD is a parsed EF.SOD. Its content is not verified until VerifySignature or
// Verify succeeds. Its methods do not change it, so goroutines may share it.
type SOD struct {
	hash    crypto.Hash
	digests map[byte][]byte

	contentType asn1.ObjectIdentifier
	content     []byte // eContent: the LDS security object
	certs       []*rawcert.Certificate
	signer      signerInfo
}

type signerInfo struct {
	issuer     rawcert.Name // nil if keyID identifies the signer
	serial     []byte
	keyID      []byte
	digest     crypto.Hash
	algorithm  []byte // AlgorithmIdentifier of the signature
	signature  []byte
	attributes []byte // content of signedAttrs, nil if absent

	// The values of the signed attributes.
	contentType   asn1.ObjectIdentifier
	messageDigest []byte
	signingTime   time.Time // zero if absent
}

// Object identifiers of CMS and of the LDS (RFC 5652, 11 and 12; ICAO Doc 9303 part 10, 4.6.2.3).
var (
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningTime   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	oidLDSObject     = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 1}
)

const (
	tagEFSOD = cbasn1.Tag(0x77)
	maxSOD   = 1 << 16
	// maxCerts limits the work of finding a chain.
	maxCerts = 8
)

var (
	tag0    = cbasn1.Tag(0).ContextSpecific().Constructed()
	tag1    = cbasn1.Tag(1).ContextSpecific().Constructed()
	tag0Key = cbasn1.Tag(0).ContextSpecific()
)

func malformed(what string) error   { return fmt.Errorf("%w: %s", ErrMalformed, what) }
func unsupported(what string) error { return fmt.Errorf("%w: %s", ErrUnsupported, what) }

// Parse parses the content of EF.SOD: a CMS SignedData inside tag 77, in DER,
// optionally followed by zero bytes. It verifies nothing. Errors match
// ErrMalformed or ErrUnsupported. The SOD keeps no reference to der.
func Parse(der []byte) (*SOD, error) {
	if len(der) > maxSOD {
		return nil, malformed("too long")
	}
	input := cryptobyte.String(bytes.Clone(der))
	var file, info, data cryptobyte.String
	if !input.ReadASN1(&file, tagEFSOD) {
		return nil, malformed("tag 77")
	}
	if len(bytes.TrimLeft(input, "\x00")) != 0 {
		return nil, malformed("data after the object")
	}
	if bytes.HasPrefix(file, []byte{0x30, 0x80}) {
		return nil, unsupported("indefinite length")
	}
	// RFC 5652, 3: ContentInfo.
	var id asn1.ObjectIdentifier
	if !file.ReadASN1(&info, cbasn1.SEQUENCE) || !file.Empty() || !info.ReadASN1ObjectIdentifier(&id) {
		return nil, malformed("content info")
	}
	if !id.Equal(oidSignedData) {
		return nil, unsupported("content " + id.String())
	}
	var signed cryptobyte.String
	if !info.ReadASN1(&data, tag0) || !info.Empty() || !data.ReadASN1(&signed, cbasn1.SEQUENCE) || !data.Empty() {
		return nil, malformed("content info")
	}
	s := &SOD{}
	if err := s.readSignedData(signed); err != nil {
		return nil, err
	}
	if err := s.readLDS(); err != nil {
		return nil, err
	}
	return s, nil
}

// readSignedData parses SignedData (RFC 5652, 5.1).
func (s *SOD) readSignedData(b cryptobyte.String) error {
	var version int
	var algorithms, encap, certs, signers, one cryptobyte.String
	if !b.ReadASN1Integer(&version) {
		return malformed("version")
	}
	if version != 1 && version != 3 && version != 4 && version != 5 {
		return unsupported(fmt.Sprintf("version %d of signed data", version))
	}
	if !b.ReadASN1(&algorithms, cbasn1.SET) || !b.ReadASN1(&encap, cbasn1.SEQUENCE) {
		return malformed("signed data")
	}
	if err := s.readContent(encap); err != nil {
		return err
	}
	var present bool
	if !b.ReadOptionalASN1(&certs, &present, tag0) || !b.SkipOptionalASN1(tag1) ||
		!b.ReadASN1(&signers, cbasn1.SET) || !b.Empty() {
		return malformed("signed data")
	}
	for !certs.Empty() {
		var der cryptobyte.String
		var tag cbasn1.Tag
		if !certs.ReadAnyASN1Element(&der, &tag) {
			return malformed("certificates")
		}
		if tag != cbasn1.SEQUENCE {
			continue // not an X.509 certificate (RFC 5652, 10.2.2)
		}
		if len(s.certs) == maxCerts {
			return unsupported("more certificates than a chain can have")
		}
		c, err := rawcert.Parse(der)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		s.certs = append(s.certs, c)
	}
	if !signers.ReadASN1(&one, cbasn1.SEQUENCE) {
		return malformed("no signer")
	}
	if !signers.Empty() {
		return unsupported("more than one signer")
	}
	if err := s.signer.read(one); err != nil {
		return err
	}
	for !algorithms.Empty() {
		hash, err := readHash(&algorithms)
		if err != nil && !errors.Is(err, ErrUnsupported) {
			return err
		}
		if err == nil && hash == s.signer.digest {
			return nil
		}
	}
	return malformed("the signer's digest algorithm is not announced")
}

// readContent parses EncapsulatedContentInfo (RFC 5652, 5.2).
func (s *SOD) readContent(b cryptobyte.String) error {
	var wrapped, content cryptobyte.String
	if !b.ReadASN1ObjectIdentifier(&s.contentType) {
		return malformed("content type")
	}
	if !s.contentType.Equal(oidLDSObject) {
		return unsupported("content type " + s.contentType.String())
	}
	if !b.ReadASN1(&wrapped, tag0) || !b.Empty() {
		return malformed("content")
	}
	if wrapped.PeekASN1Tag(cbasn1.OCTET_STRING.Constructed()) {
		return unsupported("content in pieces")
	}
	if !wrapped.ReadASN1(&content, cbasn1.OCTET_STRING) || !wrapped.Empty() {
		return malformed("content")
	}
	s.content = content
	return nil
}

// read parses SignerInfo (RFC 5652, 5.3).
func (s *signerInfo) read(b cryptobyte.String) error {
	var version int
	if !b.ReadASN1Integer(&version) {
		return malformed("version of the signer")
	}
	if version != 1 && version != 3 {
		return unsupported(fmt.Sprintf("version %d of the signer", version))
	}
	var sid, issuer, serial cryptobyte.String
	var err error
	switch {
	case b.PeekASN1Tag(tag0Key):
		if !b.ReadASN1(&sid, tag0Key) {
			return malformed("identifier of the signer")
		}
		s.keyID = sid
	case b.ReadASN1(&sid, cbasn1.SEQUENCE) && sid.ReadASN1Element(&issuer, cbasn1.SEQUENCE) &&
		sid.ReadASN1(&serial, cbasn1.INTEGER) && sid.Empty():
		if s.issuer, err = rawcert.ParseName(issuer); err != nil {
			return fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		s.serial = serial
	default:
		return malformed("identifier of the signer")
	}
	if s.digest, err = readHash(&b); err != nil {
		return err
	}
	var attributes, algorithm, signature cryptobyte.String
	var present bool
	if !b.ReadOptionalASN1(&attributes, &present, tag0) ||
		!b.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) ||
		!b.ReadASN1(&signature, cbasn1.OCTET_STRING) ||
		!b.SkipOptionalASN1(tag1) || !b.Empty() {
		return malformed("signer")
	}
	s.algorithm, s.signature = algorithm, signature
	if !present {
		return nil
	}
	s.attributes = attributes
	return s.readAttributes(attributes)
}

// readAttributes parses the signed attributes (RFC 5652, 5.3 and 11). Each
// attribute in use must occur once and have one value.
func (s *signerInfo) readAttributes(b cryptobyte.String) error {
	seen := make(map[string]bool)
	for !b.Empty() {
		var attribute, values cryptobyte.String
		var id asn1.ObjectIdentifier
		if !b.ReadASN1(&attribute, cbasn1.SEQUENCE) || !attribute.ReadASN1ObjectIdentifier(&id) ||
			!attribute.ReadASN1(&values, cbasn1.SET) || !attribute.Empty() {
			return malformed("signed attribute")
		}
		if seen[id.String()] {
			return malformed("signed attribute " + id.String() + " twice")
		}
		seen[id.String()] = true
		ok := true
		switch {
		case id.Equal(oidContentType):
			ok = values.ReadASN1ObjectIdentifier(&s.contentType) && values.Empty()
		case id.Equal(oidMessageDigest):
			var digest cryptobyte.String
			ok = values.ReadASN1(&digest, cbasn1.OCTET_STRING) && values.Empty()
			s.messageDigest = digest
		case id.Equal(oidSigningTime):
			s.signingTime, ok = rawcert.ReadTime(&values)
			ok = ok && values.Empty()
		}
		if !ok {
			return malformed("signed attribute " + id.String())
		}
	}
	return nil
}

// readLDS parses the list of hashes (ICAO Doc 9303 part 10, 4.6.2.3).
func (s *SOD) readLDS() error {
	input := cryptobyte.String(s.content)
	var lds, list cryptobyte.String
	var version int
	if !input.ReadASN1(&lds, cbasn1.SEQUENCE) || !input.Empty() || !lds.ReadASN1Integer(&version) {
		return malformed("list of hashes")
	}
	if version != 0 && version != 1 {
		return unsupported(fmt.Sprintf("version %d of the list of hashes", version))
	}
	var err error
	if s.hash, err = readHash(&lds); err != nil {
		return err
	}
	if !lds.ReadASN1(&list, cbasn1.SEQUENCE) {
		return malformed("list of hashes")
	}
	s.digests = make(map[byte][]byte)
	for !list.Empty() {
		var entry, number, digest cryptobyte.String
		if !list.ReadASN1(&entry, cbasn1.SEQUENCE) || !entry.ReadASN1(&number, cbasn1.INTEGER) ||
			!entry.ReadASN1(&digest, cbasn1.OCTET_STRING) || !entry.Empty() {
			return malformed("hash of a file")
		}
		if len(digest) != s.hash.Size() {
			return malformed("size of a hash")
		}
		// Accept the one byte of real cards and the correct positive form.
		if len(number) == 2 && number[0] == 0 && number[1] >= 0x80 {
			number = number[1:]
		}
		if len(number) != 1 {
			return malformed("number of a file")
		}
		if _, twice := s.digests[number[0]]; twice {
			return malformed("a file twice")
		}
		s.digests[number[0]] = digest
	}
	// Version 1 adds LDSVersionInfo, which this package does not use.
	if version == 1 && !lds.SkipOptionalASN1(cbasn1.SEQUENCE) || !lds.Empty() {
		return malformed("list of hashes")
	}
	return nil
}

// Digest returns the signed hash of a file, one of the File constants. ok is
// false if the SOD does not list the file.
func (s *SOD) Digest(fid uint16) (hash crypto.Hash, digest []byte, ok bool) {
	for number, f := range groups {
		if f == fid {
			digest, ok = s.digests[number]
			return s.hash, bytes.Clone(digest), ok
		}
	}
	return 0, nil, false
}

// CheckFile compares the hash of a file's content with the signed one. It ignores
// padding: the NIS has 12 bytes, the serial number 9, the length of the others
// is that of their DER. It returns a *VerifyError if the hash differs, if the SOD
// does not list the file or if the content is too short. CheckFile does not
// verify the signature of the list: see Verify.
func (s *SOD) CheckFile(fid uint16, content []byte) error {
	wrong := func(err error) error { return &VerifyError{Check: CheckHash, FID: fid, Err: err} }
	hash, want, ok := s.Digest(fid)
	if !ok {
		return wrong(errors.New("the SOD lists no hash for this file"))
	}
	size, fixed := fixedSize[fid]
	if !fixed {
		_, header, value, err := apdu.HeaderTLV(content)
		if err != nil {
			return wrong(err)
		}
		size = header + value
	}
	if len(content) < size {
		return wrong(fmt.Errorf("%d of %d bytes", len(content), size))
	}
	h := hash.New()
	h.Write(content[:size])
	if subtle.ConstantTimeCompare(h.Sum(nil), want) != 1 {
		return wrong(nil)
	}
	return nil
}

// Files returns the files that the SOD lists, in ascending order.
func (s *SOD) Files() []uint16 {
	var fids []uint16
	for number := range s.digests {
		if fid, ok := groups[number]; ok {
			fids = append(fids, fid)
		}
	}
	slices.Sort(fids)
	return fids
}
