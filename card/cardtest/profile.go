package cardtest

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"strconv"
	"time"
)

// Profile describes a card. The zero value is a typical card of a synthetic holder; every
// zero field gets the default in its comment. The same profile always gives the same card,
// byte for byte.
type Profile struct {
	Family Family // NXP

	// The holder and the document.
	Surname        string // "PROVA"
	GivenName      string // "MARIA"
	NoGivenName    bool   // the holder has none; GivenName is ignored
	FiscalCode     string // "PRVMRA70A41Z999S", 16 characters
	Country        string // "IT"
	NIS            string // "999900000001", 12 digits
	DocumentNumber string // "ZZ00000ZZ", 9 characters
	NotBefore      time.Time
	NotAfter       time.Time

	PIN, PUK []byte // DefaultPIN(), DefaultPUK(); 8 bytes each

	// SODGeneration is 1 (SHA-256, RSASSA-PKCS1-v1_5, LDS version 0) or
	// 2 (SHA-512, RSASSA-PSS, LDS version 1); 2.
	SODGeneration int

	// KeySet chooses the keys of the card from the committed pool, 1 to
	// KeySets; 0 chooses by the NIS.
	KeySet int

	// DH is the layout of EF.DH; DHDomainParameters.
	DH DHLayout

	// Padding is the number of zero bytes after the content of a file, by
	// FID. A nil map pads EF.Cert_CIE and EF.SOD as some real cards do.
	Padding map[uint16]int

	// Files replaces the content of files, by FID, without any check of consistency;
	// Padding still applies. An empty content removes the file. The SOD covers the original
	// contents, so a difference is detected as a forgery.
	Files map[uint16][]byte

	// The variants of the certificate seen in the field.
	CommonNameSuffix  string // after the NIS, for instance ".abcd="
	BareSubjectSerial bool   // subject serialNumber without IDCIT-

	// OnBoardKey adds EF.CIE.Kpub (1007), present when the key of the
	// authentication certificate was made on board.
	OnBoardKey bool

	// Extended makes the chip support extended length APDUs and declare this in EF.ATR.
	Extended bool

	// NoLeStatus makes a command without Le answer 61xx and no data, as a
	// T=0 card does and as seen in the field (6100 for 256 bytes or more).
	NoLeStatus bool

	// OuterStatus repeats the status of DO 99 outside of secure messaging
	// instead of 9000.
	OuterStatus bool

	// LastTry63C0 makes the verification that spends the last try answer
	// 63C0 instead of 6983.
	LastTry63C0 bool

	// KeepVerified keeps a verified PIN or PUK valid if the secure messaging session ends
	// without a reset.
	KeepVerified bool

	// Strict makes the chip refuse command forms that no client in the field is known to
	// send.
	Strict Strict

	// DOCP is the layout of the control parameters of PIN and PUK; DOCPNamed.
	DOCP DOCPLayout

	// Forgery makes the card a forged one.
	Forgery Forgery

	// Rand is the random source of the chip; crypto/rand.
	Rand io.Reader
}

// DHLayout is a layout of EF.DH.
type DHLayout int

// The two layouts that the documents describe.
const (
	// DHDomainParameters is SEQUENCE { p, g, q } (CIE annex A).
	DHDomainParameters DHLayout = iota
	// DHTemplate is 7F49 { 7F49 { 81 p, 82 q, 83 g } } (IAS ECC 10.4.3.2).
	DHTemplate
)

// DOCPLayout is a layout of the control parameters of PIN and PUK (A0), which
// have the maximum (9A) and the number left (9B) of tries.
type DOCPLayout int

// The layouts of DOCP.
const (
	// DOCPNamed starts with the name of the object (IAS ECC 3.4.5).
	DOCPNamed DOCPLayout = iota
	// DOCPNested is { 9A, 9B, A1 { 8C, 9C } }, as IAS ECC cards of IDEMIA answer.
	DOCPNested
	// DOCPInside has 9A and 9B inside of A1 only, where they are no counters.
	DOCPInside
)

// DefaultPIN returns a fresh copy of the PIN of a card made without one.
func DefaultPIN() []byte { return []byte("13572468") }

// DefaultPUK returns a fresh copy of the PUK of a card made without one.
func DefaultPUK() []byte { return []byte("86427531") }

// codeLength is the length of PIN and PUK (CIE annex A: minimum = maximum = 8).
const codeLength = 8

// Tries of a PIN and a PUK (CIE annex A).
const (
	MaxPINTries = 3
	MaxPUKTries = 10
)

// withDefaults returns a copy with all defaults, or an error for an invalid profile.
func (p Profile) withDefaults() (*Profile, error) {
	def := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	def(&p.Surname, "PROVA")
	if p.NoGivenName {
		p.GivenName = ""
	} else {
		def(&p.GivenName, "MARIA")
	}
	def(&p.FiscalCode, "PRVMRA70A41Z999S")
	def(&p.Country, "IT")
	def(&p.NIS, "999900000001")
	def(&p.DocumentNumber, "ZZ00000ZZ")
	if p.SODGeneration == 0 {
		p.SODGeneration = 2
	}
	if p.NotBefore.IsZero() {
		p.NotBefore = time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)
		if p.SODGeneration == 1 {
			p.NotBefore = time.Date(2018, 2, 1, 0, 0, 0, 0, time.UTC)
		}
	}
	if p.NotAfter.IsZero() {
		// Longer than any real document, so that demonstrations do not rot.
		p.NotAfter = time.Date(2045, 6, 30, 23, 59, 59, 0, time.UTC)
	}
	if p.PIN == nil {
		p.PIN = DefaultPIN()
	}
	if p.PUK == nil {
		p.PUK = DefaultPUK()
	}
	if p.Padding == nil {
		p.Padding = map[uint16]int{0x1003: 29, 0x1006: 12}
	}
	p.Padding = maps.Clone(p.Padding)
	p.Files = maps.Clone(p.Files)
	if p.Rand == nil {
		p.Rand = rand.Reader
	}
	if p.KeySet == 0 {
		h := fnv.New32a()
		io.WriteString(h, p.NIS)
		p.KeySet = int(h.Sum32()%KeySets) + 1
	}
	return &p, p.check()
}

func (p *Profile) check() error {
	if p.Family < 0 || p.Family >= families {
		return fmt.Errorf("no chip family %d", int(p.Family))
	}
	if _, err := strconv.ParseUint(p.NIS, 10, 64); err != nil || len(p.NIS) != 12 {
		return fmt.Errorf("NIS %q: need 12 digits", p.NIS)
	}
	if len(p.PIN) != codeLength || len(p.PUK) != codeLength {
		return fmt.Errorf("PIN and PUK need %d bytes", codeLength)
	}
	if p.KeySet < 1 || p.KeySet > KeySets {
		return fmt.Errorf("key set %d: there are %d", p.KeySet, KeySets)
	}
	if p.NotAfter.Before(p.NotBefore) {
		return errors.New("the document expires before it is issued")
	}
	if err := p.Strict.Check(); err != nil {
		return err
	}
	for fid, n := range p.Padding {
		if n < 0 || n > 1<<12 {
			return fmt.Errorf("padding of %04X: %d bytes", fid, n)
		}
	}
	_, err := sodGeneration(p.SODGeneration)
	return err
}

// keySet is the keys one card has.
type keySet struct {
	auth, internal, services *rsa.PrivateKey
	root                     publicKey
}

func (p *Profile) keys() keySet {
	pool, i := loadPool(), p.KeySet-1
	key := func(use string, i int) *rsa.PrivateKey { return pool.keys[fmt.Sprintf("%s-%d", use, i)] }
	keys := keySet{
		auth:     key("auth", i),
		internal: key("int", i),
		services: key("services", i),
		root:     pool.roots[fmt.Sprintf("root-%d", i)],
	}
	if own := p.Forgery.Issuer; own != nil {
		keys.internal, keys.services = own.internal, own.services
	}
	return keys
}
