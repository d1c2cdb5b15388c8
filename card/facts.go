package card

import (
	"context"
	"errors"
	"fmt"

	"cie/card/domain"
	"cie/card/sod"
)

// facts are the public constants of a card: the values that device authentication
// needs, and the SOD that signs them. They are kept in the Store and checked
// against the SOD each time they are loaded, which costs no APDU, so the Store
// need not be trusted.
type facts struct {
	Version int
	SOD     []byte // EF.SOD
	DHFile  []byte // EF.DH
	deviceKeys
	ServKpub []byte `json:",omitempty"` // EF.Servizi_Int.Kpub, once it was needed

	fromStore bool
	checked   *Authenticity
	// unsigned is why G, P and Q cannot be compared with EF.DH, whose hash is in
	// the SOD: EF.DH cannot be read, or its form is not known. A device
	// authentication sets signed. If unsigned is not nil, the level in checked
	// is valid only when signed is true:
	//
	// At the end of the device authentication the chip signs G, P and Q as the
	// host used them, with both public keys, under Int.Kpriv (IAS ECC 5.2.3.5,
	// CIE 6.10.4), and the hash of EF.Int.Kpub is in the SOD. No other chip can
	// make that signature. So the values are those that the genuine chip used in
	// this key agreement, which is what EF.DH would show. Whether they form a
	// group is checked separately.
	unsigned error
	signed   bool
}

const factsVersion = 1

// loadFacts reads the constants of the card from the Store. After any failure they
// are read from the card.
func (s *Session) loadFacts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &facts{fromStore: true}
	if !s.load(s.chip.nis, f) {
		return
	}
	if f.Version != factsVersion {
		s.trace("card store: constants of version %d", f.Version)
		return
	}
	if err := s.checkFacts(f); err != nil {
		s.trace("card store: %v", err)
		return
	}
	if err := s.knownLocked(f); err != nil {
		s.trace("card store: %v", err)
		return
	}
	s.facts, s.storedGenuine = f, f.checked.Level == Genuine
}

// saveFactsLocked keeps the constants.
func (s *Session) saveFactsLocked() {
	if s.facts != nil {
		s.facts.Version = factsVersion
		s.save(s.chip.nis, s.facts)
	}
}

// dropFactsLocked forgets constants with which no channel can be built, in the
// Store too.
func (s *Session) dropFactsLocked() {
	s.facts = nil
	s.unstore(s.chip.nis)
}

// needFacts reads and checks the constants if the session has none. It returns a
// *NotGenuineError for a SOD that is wrong or does not match the files of the card,
// and for an unknown issuer or form of SOD if the card was genuine before.
func (t *operation) needFacts() error {
	if t.s.facts != nil {
		return nil
	}
	t.next(StepReadPublic)
	f, err := t.readFacts()
	if err != nil {
		return err
	}
	t.next(StepCheckSOD)
	if err := t.s.checkFacts(f); err != nil {
		return err
	}
	if err := t.s.knownLocked(f); err != nil {
		return err
	}
	t.s.facts = f
	t.s.saveFactsLocked()
	return nil
}

// readFacts reads the constants from the card in the clear. EF.DH is under the
// root, the others are in DF_CIE.
func (t *operation) readFacts() (*facts, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	f := &facts{}
	var err error
	if f.DHFile, err = t.readDHFile(); err != nil {
		return nil, err
	}
	if err := t.readDHValues(&f.deviceKeys); err != nil {
		return nil, err
	}
	if f.SOD, err = t.readFile(fileSOD); err != nil {
		return nil, err
	}
	if f.IntKpub, err = t.readFile(fileIntKpub); err != nil {
		return nil, err
	}
	return f, t.readExtKey(&f.deviceKeys)
}

// checkFacts checks the constants against the SOD and keeps the outcome in
// f.checked (CIE 6.10.5). It returns a *NotGenuineError for a SOD that is wrong or
// does not match the values.
func (s *Session) checkFacts(f *facts) error {
	a := &Authenticity{Level: Genuine}
	var result sod.Result
	defer func() {
		a.classify(f, result)
		f.checked = a
	}()
	params := &domain.Params{P: f.P, G: f.G, Q: f.Q}
	// Values that form no group would disclose the session keys (SP 800-56A, 5.5).
	if err := params.Validate(); err != nil {
		return a.refuse("dh-parameters", err)
	}
	doc, err := sod.Parse(f.SOD)
	if errors.Is(err, sod.ErrUnsupported) {
		a.lower(err)
		return nil
	}
	if err != nil {
		return a.refuse("sod-format", err)
	}
	result, err = doc.Verify(s.roots())
	if errors.Is(err, sod.ErrUnsupported) {
		a.lower(err)
	} else if err != nil {
		return a.refuse("sod-signature", err)
	} else if !result.Trusted {
		a.lower(result.Reason)
	}
	a.SignedAt, a.Issuer = result.SignedAt, result.RootName
	for _, file := range []struct {
		file
		content []byte
	}{{fileNIS, []byte(s.chip.nis)}, {fileIntKpub, f.IntKpub}, {fileDH, f.DHFile}, {fileServKpub, f.ServKpub}} {
		if file.content == nil {
			continue
		}
		if err := doc.CheckFile(file.fid, file.content); err != nil {
			return a.refuse("sod-hash", err)
		}
	}
	signed, err := domain.Parse(f.DHFile)
	if err != nil {
		f.unsigned = fmt.Errorf("EF.DH: %w", err)
		return nil
	}
	if !signed.Equal(params) {
		return a.refuse("dh-parameters", errors.New("the values in use are not the signed ones"))
	}
	return nil
}

// checkFile checks a protected file against the SOD. With a form of SOD that is
// not supported it checks nothing: the level is IssuerUnknown then.
func (f *facts) checkFile(fid uint16, content []byte) error {
	doc, err := sod.Parse(f.SOD)
	if errors.Is(err, sod.ErrUnsupported) {
		return nil
	}
	if err == nil {
		err = doc.CheckFile(fid, content)
	}
	if err != nil {
		return &NotGenuineError{Check: "sod-hash", Err: err}
	}
	return nil
}

// roots returns the trust anchors in use.
func (s *Session) roots() *sod.Roots {
	if s.opts.Roots != nil {
		return s.opts.Roots
	}
	return sod.BuiltinRoots()
}

// SerialICC reads EF.SN.ICC (D003 under the root) and returns its value
// without the 5A header, the card's serial number in BCD. Reading it ends a
// secure channel.
func (s *Session) SerialICC(ctx context.Context) ([]byte, error) {
	var sn []byte
	err := s.run(ctx, func(t *operation) error {
		t.next(StepReadFile)
		return t.repeatable(func() (err error) {
			sn, err = t.readSerialICC()
			return err
		})
	})
	return sn, err
}
