package cardtest

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"maps"
	"math/big"
	"sync"
)

// File identifiers (CIE annex A; EF.DIR: IAS ECC 10.4.1.3).
const (
	fidDIR      = 0x2F00
	fidATR      = 0x2F01
	fidSerial   = 0xD003 // EF.SN.ICC
	fidDH       = 0xD004
	fidNIS      = 0x1001 // EF.ID_Servizi
	fidDocument = 0x1002 // EF.Seriale
	fidCert     = 0x1003 // EF.Cert_CIE
	fidIntKey   = 0x1004 // EF.Int.Kpub
	fidServices = 0x1005 // EF.Servizi_Int.Kpub
	fidSOD      = 0x1006
	fidAuthKey  = 0x1007 // EF.CIE.Kpub
)

// sfiDH is the short identifier of EF.DH (CIE annex A).
const sfiDH = 0x1B

// Application identifiers.
var (
	aidIAS  = []byte{0xA0, 0x00, 0x00, 0x00, 0x30, 0x80, 0x00, 0x00, 0x00, 0x09, 0x81, 0x60, 0x01}
	aidCIE  = []byte{0xA0, 0x00, 0x00, 0x00, 0x00, 0x39}
	aidMRTD = []byte{0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01}

	aidOther = []byte{0xF0, 0x00, 0x00, 0x00, 0x01} // of no application
)

// file is a transparent EF.
type file struct {
	fid       uint16
	sfi       byte // 0: none
	protected bool // READ BINARY: SM and PIN (SE PIN); otherwise always
	content   []byte
}

// directory is the root or an application.
type directory struct {
	aid   []byte
	fid   uint16
	files []*file
}

func (d *directory) byFID(fid uint16) *file {
	for _, f := range d.files {
		if f.fid == fid {
			return f
		}
	}
	return nil
}

func (d *directory) bySFI(sfi byte) *file {
	for _, f := range d.files {
		if f.sfi == sfi && sfi != 0 {
			return f
		}
	}
	return nil
}

// fileSystem contains everything that can be read from a card.
type fileSystem struct {
	root, cie, mrtd *directory
	elsewhere       *directory // what SELECT MF selects with StrictMFElsewhere
	serial          []byte     // SN.ICC, 8 bytes (IAS ECC 5.2.3.5.1)
}

// contents returns the contents of a card's files, without padding and before
// Profile.Files.
func contents(p *Profile) (map[uint16][]byte, error) {
	keys := p.keys()
	cert, err := holderCertificate(p, &keys.auth.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("authentication certificate: %w", err)
	}
	serial, err := serialNumber(p.NIS)
	if err != nil {
		return nil, err
	}
	dh, err := dhFile(p.DH)
	if err != nil {
		return nil, fmt.Errorf("EF.DH: %w", err)
	}
	content := map[uint16][]byte{
		fidDIR:      object(0x61, object(0x4F, aidCIE)),
		fidATR:      atrFile(p.Extended, p.Strict.has(StrictShortSM)),
		fidSerial:   serial,
		fidDH:       dh,
		fidNIS:      []byte(p.NIS),
		fidDocument: []byte(p.DocumentNumber),
		fidCert:     cert,
		fidIntKey:   x509.MarshalPKCS1PublicKey(&keys.internal.PublicKey),
		fidServices: x509.MarshalPKCS1PublicKey(&keys.services.PublicKey),
	}
	if p.OnBoardKey {
		content[fidAuthKey] = x509.MarshalPKCS1PublicKey(&keys.auth.PublicKey)
	}
	if content[fidSOD], err = p.Forgery.sod(p, content); err != nil {
		return nil, fmt.Errorf("EF.SOD: %w", err)
	}
	p.Forgery.files(p, content)
	return content, nil
}

// issued caches the contents of created cards. Their signatures take most of the time of
// New, and a test that tries a fault at every position creates the same card hundreds of
// times.
var issued struct {
	sync.Mutex
	cards map[issuedKey]map[uint16][]byte
}

// issuedKey consists of everything that affects the contents of a card. It holds the
// issuer itself: an address printed in profile could be that of the next issuer, once the
// garbage collector has freed this one.
type issuedKey struct {
	profile string
	issuer  *Issuer
}

// maxIssued limits the size of issued.cards.
const maxIssued = 32

// issue returns contents through the cache. The caller must not change the result.
func issue(p *Profile) (map[uint16][]byte, error) {
	q := *p
	q.Family, q.PIN, q.PUK, q.Padding, q.Files, q.Rand = 0, nil, nil, nil, nil, nil
	q.NoLeStatus, q.OuterStatus, q.LastTry63C0, q.KeepVerified = false, false, false, false
	q.DOCP = DOCPNamed
	q.Strict &= StrictShortSM // EF.ATR contains the limit
	key := issuedKey{issuer: q.Forgery.Issuer}
	q.Forgery.Issuer = nil
	key.profile = fmt.Sprintf("%#v", q)

	issued.Lock()
	defer issued.Unlock()
	if content, ok := issued.cards[key]; ok {
		return maps.Clone(content), nil
	}
	content, err := contents(p)
	if err != nil {
		return nil, err
	}
	if len(issued.cards) >= maxIssued || issued.cards == nil {
		issued.cards = make(map[issuedKey]map[uint16][]byte)
	}
	issued.cards[key] = content
	return maps.Clone(content), nil
}

func buildFiles(p *Profile) (*fileSystem, error) {
	content, err := issue(p)
	if err != nil {
		return nil, err
	}
	maps.Copy(content, p.Files)

	directoryOf := func(aid []byte, fid uint16, files ...file) *directory {
		d := &directory{aid: aid, fid: fid}
		for _, f := range files {
			b := content[f.fid]
			if len(b) == 0 {
				continue
			}
			f.content = append(append([]byte(nil), b...), make([]byte, p.Padding[f.fid])...)
			d.files = append(d.files, &f)
		}
		return d
	}
	return &fileSystem{
		root: directoryOf(aidIAS, 0x3F00,
			file{fid: fidDIR, sfi: 0x1E},
			file{fid: fidATR, sfi: 0x1D},
			file{fid: fidSerial},
			file{fid: fidDH, sfi: sfiDH}),
		cie: directoryOf(aidCIE, 0,
			file{fid: fidNIS, sfi: 1},
			file{fid: fidDocument, sfi: 2, protected: true},
			file{fid: fidCert, sfi: 3, protected: true},
			file{fid: fidIntKey, sfi: 4},
			file{fid: fidServices, sfi: 5},
			file{fid: fidSOD, sfi: 6},
			file{fid: fidAuthKey, sfi: 7, protected: true}),
		// The travel document can be selected, but everything in it requires BAC or PACE,
		// which this card does not implement.
		mrtd:      &directory{aid: aidMRTD},
		elsewhere: &directory{aid: aidOther, fid: 0x3F00},
		serial:    lastBytes(content[fidSerial], 8),
	}, nil
}

// lastBytes returns the last n bytes: SN.ICC of the device authentication is the 8 least
// significant bytes of the serial number (IAS ECC 5.2.3.5.1).
func lastBytes(b []byte, n int) []byte {
	out := make([]byte, n)
	if len(b) >= n {
		copy(out, b[len(b)-n:])
	}
	return out
}

// serialNumber makes EF.SN.ICC: 5A, a PAN in BCD of issuer (80 25 00), unique
// identifier (the NIS) and Luhn digit, padded with F (IAS ECC 10.4.3.1). The
// NIS is the digits of bytes 5 to 10.
func serialNumber(nis string) ([]byte, error) {
	digits := "802500" + nis
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	bcd, err := hex.DecodeString(fmt.Sprintf("802500%s%df", nis, (10-sum%10)%10))
	if err != nil {
		return nil, err
	}
	return object(0x5A, bcd), nil
}

// dhFile makes EF.DH.
func dhFile(layout DHLayout) ([]byte, error) {
	switch layout {
	case DHDomainParameters:
		return asn1.Marshal(struct{ P, G, Q *big.Int }{dhP, dhG, dhQ})
	case DHTemplate:
		return object(0x7F49, object(0x7F49,
			object(0x81, dhP.Bytes()),
			object(0x82, dhQ.Bytes()),
			object(0x83, dhG.Bytes()))), nil
	}
	return nil, fmt.Errorf("no layout %d", int(layout))
}

// Buffer sizes of a chip with support for extended length.
const (
	extendedIn  = 1024
	extendedOut = 2048
)

// atrFile makes EF.ATR (IAS ECC 2.3.2).
func atrFile(extended, shortSM bool) []byte {
	capabilities := byte(0x80) // command chaining
	size := func(n int) []byte { return object(0x02, []byte{byte(n >> 8), byte(n)}) }
	in, out := size(0xFF), size(0x100)
	if extended {
		capabilities |= 0x40
		in, out = size(extendedIn), size(extendedOut)
	}
	inSM, outSM := in, out
	if shortSM {
		inSM, outSM = size(0xE6), size(0xE6)
	}
	var b []byte
	b = append(b, object(0x43, []byte{0xB8})...)
	b = append(b, object(0x46, []byte{0x04, 0x00, 0x11, 0x10})...)
	b = append(b, object(0x47, []byte{0x94, 0x01, capabilities})...)
	b = append(b, object(0xE0, in, inSM, out, outSM)...)
	b = append(b, object(0x78, []byte{0x06, 0x06, 0x2B, 0x81, 0x22, 0xF8, 0x78, 0x02})...)
	return append(b, object(0x82, []byte{0x90, 0x00})...)
}

// controlParameters returns the FCP template of a file or directory (IAS ECC 3.3.4.1).
func (f *file) controlParameters() []byte {
	sfi := []byte{}
	if f.sfi != 0 {
		sfi = []byte{f.sfi << 3}
	}
	// Access mode: READ BINARY only; nothing else is permitted. Condition: none, or SM and
	// PIN in the security environment "PIN" (IAS ECC 4.2.3).
	condition := byte(0x00)
	if f.protected {
		condition = 0xD0 | sePIN
	}
	return object(0x62,
		object(0x80, []byte{byte(len(f.content) >> 8), byte(len(f.content))}),
		object(0x82, []byte{0x01}),
		object(0x83, []byte{byte(f.fid >> 8), byte(f.fid)}),
		object(0x88, sfi),
		object(0x8A, []byte{0x05}),
		object(0xA1, object(0x9C, []byte{0x01, condition})))
}

func (d *directory) controlParameters() []byte {
	name := object(0x84, d.aid)
	if d.fid != 0 {
		name = append(object(0x83, []byte{byte(d.fid >> 8), byte(d.fid)}), name...)
	}
	return object(0x62,
		object(0x82, []byte{0x38}),
		name,
		object(0x8A, []byte{0x05}),
		object(0xA1, object(0x9C, []byte{0x00})))
}

// Identifiers of the security environments (CIE annex A).
const (
	seKey  = 1
	sePIN  = 2
	sePUK  = 3
	seDAPP = 4
)
