package card

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"cie/apdu"
	"cie/card/domain"
	"cie/card/sod"
)

// facts is everything about a card that never changes and that anybody can
// read from it: what device authentication needs, and the SOD that vouches
// for it. It is kept in the Store and checked against the SOD each time it is
// loaded, which costs no APDU, so the Store itself need not be trusted.
type facts struct {
	Version  int
	SOD      []byte // EF.SOD
	DHFile   []byte // EF.DH
	G, P, Q  []byte // Diffie-Hellman values as GET DATA returns them
	IntKpub  []byte // EF.Int.Kpub
	ServKpub []byte `json:",omitempty"` // EF.Servizi_Int.Kpub, once it was needed
	// Root key of the terminal certificates (SDO ExtCV.Kpub).
	ExtModulus, ExtCHR, ExtCHA []byte
	// Terminal is the certificate of this terminal under that root key, kept
	// because signing it anew costs as much as all the rest of a login.
	Terminal []byte `json:",omitempty"`

	fromStore bool
	checked   *Authenticity
	// unsigned is why EF.DH, which the SOD vouches for, says nothing about G, P
	// and Q: it cannot be read, or has a form that is not known. signed is set
	// by a device authentication. Where unsigned is not nil, the level in
	// checked counts once signed is true:
	//
	// At the end of the device authentication the chip signs G, P and Q as this
	// side used them, with both public keys, under Int.Kpriv (IAS ECC 5.2.3.5,
	// CIE 6.10.4), and the SOD vouches for EF.Int.Kpub. No other chip can make
	// that signature. So the values are the ones that the genuine chip used in
	// this key agreement, which is what EF.DH would show; that they make a
	// group is checked apart from that.
	unsigned error
	signed   bool
}

const factsVersion = 1

// tag numbers of GET DATA (IAS ECC 3.4.6, 9.8.1).
const (
	tagHeaderList apdu.Tag = 0x4D
	tagTemplate   apdu.Tag = 0x70
	tagDH         apdu.Tag = 0xBFA101
	tagDHValues   apdu.Tag = 0xA3
	tagExtKey     apdu.Tag = 0xBFA004
	tagPublicKey  apdu.Tag = 0x7F49
)

// loadFacts takes the constants of the card from the Store. Whatever is wrong
// with them, they are read from the card again instead.
func (s *Session) loadFacts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opts.Store == nil {
		return
	}
	data, err := s.opts.Store.Load(s.nis)
	if err != nil {
		if !errors.Is(err, ErrNotStored) {
			s.trace("card store: %v", err)
		}
		return
	}
	f := &facts{fromStore: true}
	if err := json.Unmarshal(data, f); err != nil || f.Version != factsVersion {
		s.trace("card store: not usable")
		return
	}
	if err := s.checkFacts(f); err != nil {
		s.trace("card store: %v", err)
		return
	}
	if err := s.known(f); err != nil {
		s.trace("card store: %v", err)
		return
	}
	s.facts, s.genuine = f, f.checked.Level == Genuine
}

// saveFacts keeps the constants. A Store that cannot be written costs speed only.
func (s *Session) saveFacts() {
	if s.opts.Store == nil || s.facts == nil {
		return
	}
	s.facts.Version = factsVersion
	data, err := json.Marshal(s.facts)
	if err == nil {
		err = s.opts.Store.Save(s.nis, data)
	}
	if err != nil {
		s.trace("card store: %v", err)
	}
}

// dropFacts forgets constants that did not serve, in the Store too.
func (s *Session) dropFacts() {
	s.facts = nil
	if s.opts.Store != nil {
		if err := s.opts.Store.Delete(s.nis); err != nil {
			s.trace("card store: %v", err)
		}
	}
}

// needFacts makes sure that the constants are known and were checked. A card
// whose SOD is wrong, or does not vouch for what the card shows, gives a
// *NotGenuineError; an issuer or form of SOD that is not known does not, unless the
// Store knows the card as genuine.
func (t *operation) needFacts() error {
	if t.s.facts != nil {
		return nil
	}
	t.begin(StepReadPublic)
	f, err := t.readFacts()
	if err != nil {
		return err
	}
	t.begin(StepCheckSOD)
	if err := t.s.checkFacts(f); err != nil {
		return err
	}
	if err := t.s.known(f); err != nil {
		return err
	}
	t.s.facts = f
	t.s.saveFacts()
	return nil
}

// readFacts reads the constants from the card in the clear. EF.DH stands
// under the root, all the rest in DF_CIE.
func (t *operation) readFacts() (*facts, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	f := &facts{}
	var err error
	if f.DHFile, err = t.readDHFile(); err != nil {
		return nil, err
	}
	if err := t.readDHValues(f); err != nil {
		return nil, err
	}
	if f.SOD, err = t.readFile(fileSOD); err != nil {
		return nil, err
	}
	if f.IntKpub, err = t.readFile(fileIntKpub); err != nil {
		return nil, err
	}
	key, err := t.getData(tagExtKey, []byte{0x7F, 0x49, 0x80}, tagPublicKey)
	if err != nil {
		return nil, err
	}
	for tag, to := range map[apdu.Tag]*[]byte{0x81: &f.ExtModulus, 0x5F20: &f.ExtCHR, 0x5F4C: &f.ExtCHA} {
		v, err := apdu.FindTLV(key, tag)
		if err != nil {
			return nil, &StepError{Step: t.name, Err: fmt.Errorf("ExtCV.Kpub: %w", err)}
		}
		*to = bytes.Clone(v)
	}
	return f, nil
}

// readDHFile reads EF.DH and comes back to DF_CIE. A card on which it cannot
// be read gives nil: facts.unsigned explains what that means.
func (t *operation) readDHFile() ([]byte, error) {
	content, err := t.readFromRoot(fileDH)
	if err != nil {
		if LossOf(err) > LossNone || t.check(t.ctx) != nil {
			return nil, err
		}
		t.s.trace("EF.DH: %v", err)
		content = nil
	}
	// Where the last way tried leads to another application, DF_CIE may not be
	// found from there.
	t.s.inDF, t.s.atRoot = false, true
	return content, t.ready()
}

// readDHValues reads g, p and q with GET DATA, one by one or together as the
// family does, and the other way when the card does not know the first.
func (t *operation) readDHValues(f *facts) error {
	ways := []func(*facts) error{t.readDHOneByOne, t.readDHTogether}
	if t.s.family.dhTogether() {
		ways[0], ways[1] = ways[1], ways[0]
	}
	err := ways[0](f)
	var status *apdu.Error
	if errors.As(err, &status) || malformed(err) {
		err = ways[1](f)
	}
	return err
}

// readDHOneByOne: IAS ECC 5.2.3.1.3, 9.8.1.
func (t *operation) readDHOneByOne(f *facts) error {
	for _, v := range []struct {
		tag apdu.Tag
		to  *[]byte
	}{{0x97, &f.G}, {0x98, &f.P}, {0x99, &f.Q}} {
		want := apdu.AppendTLV(nil, tagDHValues, apdu.AppendTLV(nil, v.tag, nil))
		value, err := t.getData(tagDH, want, tagDHValues, v.tag)
		if err != nil {
			return err
		}
		*v.to = value
	}
	return nil
}

func (t *operation) readDHTogether(f *facts) error {
	values, err := t.getData(tagDH, []byte{byte(tagDHValues), 0x80}, tagDHValues)
	if err != nil {
		return err
	}
	for tag, to := range map[apdu.Tag]*[]byte{0x97: &f.G, 0x98: &f.P, 0x99: &f.Q} {
		v, err := apdu.FindTLV(values, tag)
		if err != nil {
			return &StepError{Step: t.name, Err: err}
		}
		*to = bytes.Clone(v)
	}
	return nil
}

// getData reads a part of a security data object: want is the extended header
// list below the object, path leads to the value in the answer. In a header
// list 80 stands for the whole of a constructed object (IAS ECC 9.8.1.1, 10.2).
func (t *operation) getData(object apdu.Tag, want []byte, path ...apdu.Tag) ([]byte, error) {
	list := apdu.AppendTLV(nil, tagHeaderList, apdu.AppendTLV(nil, tagTemplate, apdu.AppendTLV(nil, object, want)))
	data, err := t.sendGetData(list)
	if err != nil {
		return nil, err
	}
	v, err := apdu.FindTLV(data, append([]apdu.Tag{tagTemplate, object}, path...)...)
	if err != nil {
		return nil, &StepError{Step: t.name, Err: fmt.Errorf("GET DATA %v: %w", object, err)}
	}
	return bytes.Clone(v), nil
}

// sendGetData sends GET DATA with Le under secure messaging, where it is proven
// on other IAS ECC cards for a counter, the one object asked for there. In the
// clear the proven form has no Le.
func (t *operation) sendGetData(list []byte) (data []byte, err error) {
	send := func(ne int) func() error {
		return func() (err error) {
			data, err = t.sendOK(apdu.Command{INS: 0xCB, P1: 0x3F, P2: 0xFF, Data: list, Ne: ne})
			if err == nil && len(data) == 0 {
				err = &StepError{Step: t.name, Err: fmt.Errorf("GET DATA: %w", apdu.ErrTLVTruncated)}
			}
			return err
		}
	}
	if t.s.channel != nil {
		err = send(256)()
	} else {
		err = t.form(&t.s.dialect.NoDataLe, send(256), send(0))
	}
	return data, err
}

func (t *operation) sendOK(c apdu.Command) ([]byte, error) {
	r, err := t.send(c)
	return t.expectOK(c.INS, r, err)
}

// checkFacts checks the constants against the SOD and keeps the outcome in
// f.checked (CIE 6.10.5). It returns a *NotGenuineError for a SOD that is wrong
// or does not vouch for the values.
func (s *Session) checkFacts(f *facts) error {
	a := &Authenticity{Level: Genuine}
	var result sod.Result
	defer func() {
		a.classify(f, result)
		f.checked = a
	}()
	params := &domain.Params{P: f.P, G: f.G, Q: f.Q}
	// A group that is no group would give the session keys away (SP 800-56A, 5.5).
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
	}{{fileNIS, []byte(s.nis)}, {fileIntKpub, f.IntKpub}, {fileDH, f.DHFile}, {fileServKpub, f.ServKpub}} {
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

// checkFile checks a protected file against the SOD, once it can be read. A
// form of SOD that is not understood checks nothing, as Authenticity says.
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
