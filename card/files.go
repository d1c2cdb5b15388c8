package card

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"cie/apdu"
)

// Application identifiers (CIE Annex A).
var (
	aidIAS   = []byte{0xA0, 0x00, 0x00, 0x00, 0x30, 0x80, 0x00, 0x00, 0x00, 0x09, 0x81, 0x60, 0x01}
	aidDFCIE = []byte{0xA0, 0x00, 0x00, 0x00, 0x00, 0x39}
)

// Short identifiers (CIE Annex A) and identifiers of the files.
const (
	sfiNIS      = 0x01 // EF.ID_Servizi, 1001
	sfiSerial   = 0x02 // EF.Seriale, 1002
	sfiCert     = 0x03 // EF.Cert_CIE, 1003
	sfiIntKpub  = 0x04 // EF.Int.Kpub, 1004
	sfiServKpub = 0x05 // EF.Servizi_Int.Kpub, 1005
	sfiSOD      = 0x06 // EF.SOD, 1006
	sfiDH       = 0x1B // EF.DH, D004 under the root

	fidNIS      = 0x1001
	fidSerial   = 0x1002
	fidCert     = 0x1003
	fidIntKpub  = 0x1004
	fidServKpub = 0x1005
	fidDH       = 0xD004
)

const (
	nisLength    = 12
	serialLength = 9
	// maxRead is the most plain bytes one READ BINARY returns (IAS ECC 8.6.3).
	maxRead = 0xE7
	// maxFile bounds what a card can make us read; real files are below 4 kB.
	maxFile = 16 << 10
)

// selectRoot is the way to the root of the IAS application.
type selectRoot int

const (
	rootNone selectRoot = iota
	rootAID             // SELECT by the IAS AID
	rootMF              // SELECT MF
)

func selectAID(aid []byte) apdu.Command {
	// P2=0C: no FCI wanted (IAS ECC 9.7.1).
	return apdu.Command{INS: 0xA4, P1: 0x04, P2: 0x0C, Data: aid}
}

func (r selectRoot) command() apdu.Command {
	if r == rootMF {
		return apdu.Command{INS: 0xA4}
	}
	return selectAID(aidIAS)
}

// roots returns the order in which the ways in are tried.
func (f Family) roots() [2]selectRoot {
	if f.mfFirst() {
		return [2]selectRoot{rootMF, rootAID}
	}
	return [2]selectRoot{rootAID, rootMF}
}

// enter selects DF_CIE by one way or another and reads the NIS. A card on
// which no way leads there is not a CIE.
func (t *operation) enter() (nis string, err error) {
	s := t.s
	for _, root := range append(s.family.rootSlice(s.root), rootNone) {
		if root != rootNone {
			r, err := t.clear(root.command())
			if err != nil {
				return "", err
			}
			if r.SW != apdu.SWOK {
				continue
			}
		}
		r, err := t.clear(selectAID(aidDFCIE))
		if err != nil {
			return "", err
		}
		if r.SW != apdu.SWOK {
			continue
		}
		data, err := t.readFile(sfiNIS, nisLength)
		if err != nil {
			var status *apdu.Error
			if errors.As(err, &status) {
				continue
			}
			return "", err
		}
		if !isNIS(data) {
			continue
		}
		s.root, s.inDF, s.atRoot = root, true, false
		return string(data), nil
	}
	return "", ErrNotCIE
}

// rootSlice returns the ways in, the one that is known to work first.
func (f Family) rootSlice(known selectRoot) []selectRoot {
	r := f.roots()
	if known != rootNone && r[0] != known {
		r[0], r[1] = r[1], r[0]
	}
	return r[:]
}

func isNIS(b []byte) bool {
	if len(b) != nisLength {
		return false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// ready makes sure that DF_CIE is selected. Coming back after another program
// used the card, it also makes sure that it is still the same card.
func (t *operation) ready() error {
	if t.s.inDF {
		return nil
	}
	if t.s.atRoot {
		t.s.atRoot = false
		r, err := t.clear(selectAID(aidDFCIE))
		if err != nil {
			return err
		}
		if r.SW == apdu.SWOK {
			t.s.inDF = true
			return nil
		}
	}
	nis, err := t.enter()
	if err != nil {
		return err
	}
	if nis != t.s.nis {
		t.s.forget()
		return &StepError{Step: t.name, Err: fmt.Errorf("another card was put on the reader: %w", apdu.ErrRemoved)}
	}
	return nil
}

// readFile reads a file by its short identifier in the current DF, in the
// clear or, where a channel stands, under secure messaging. size is its fixed
// length, or 0 for the length its BER header gives; padding is not read
// beyond the block that holds the end. An empty file is an error.
func (t *operation) readFile(sfi byte, size int) ([]byte, error) {
	want := size
	if want == 0 {
		want = maxRead // enough for every header; most of it is wanted anyway
	}
	var content []byte
	for len(content) < want {
		offset := len(content)
		// IAS ECC 9.7, table 28: with b8 of P1 set the rest is a short
		// identifier, which also makes the file current for the next reads.
		c := apdu.Command{INS: 0xB0, P1: byte(offset >> 8), P2: byte(offset), Ne: min(want-offset, maxRead)}
		if offset == 0 {
			c.P1 = 0x80 | sfi
		}
		r, err := t.send(c)
		if err != nil {
			return nil, err
		}
		if r.SW != apdu.SWOK && r.SW != apdu.SWWarnEOF {
			return nil, &StepError{Step: t.name, Err: &apdu.Error{INS: c.INS, SW: r.SW}}
		}
		if len(r.Data) > c.Ne {
			return nil, &StepError{Step: t.name, Err: errors.New("the card returned more than was asked for")}
		}
		content = append(content, r.Data...)
		if offset == 0 && size == 0 {
			if want, err = objectSize(content); err != nil {
				return nil, &StepError{Step: t.name, Err: err}
			}
		}
		if r.SW == apdu.SWWarnEOF || len(r.Data) == 0 {
			break
		}
	}
	if len(content) < want {
		return nil, &StepError{Step: t.name, Err: fmt.Errorf("file %02X ends after %d of %d bytes", sfi, len(content), want)}
	}
	return content[:want], nil
}

// objectSize returns the length of the BER object that starts with head.
func objectSize(head []byte) (int, error) {
	_, header, value, err := apdu.HeaderTLV(head)
	if err != nil {
		return 0, err
	}
	if header+value > maxFile {
		return 0, fmt.Errorf("file of %d bytes is larger than any file of a CIE", header+value)
	}
	return header + value, nil
}

// send uses the channel when one stands and the clear otherwise.
func (t *operation) send(c apdu.Command) (apdu.Response, error) {
	if t.s.channel != nil {
		return t.secure(c)
	}
	return t.clear(c)
}

// SerialICC reads EF.SN.ICC (D003 under the root) and returns its value
// without the 5A header, the card's serial number in BCD. Reading it ends a
// secure channel.
func (s *Session) SerialICC(ctx context.Context) ([]byte, error) {
	var sn []byte
	err := s.run(ctx, 1, func(t *operation) error {
		t.begin(StepReadFile)
		return t.repeatable(func() error {
			if err := t.ready(); err != nil {
				return err
			}
			s.inDF, s.atRoot = false, true
			if s.root != rootNone {
				if _, err := t.clearOK(s.root.command()); err != nil {
					return err
				}
			}
			if _, err := t.clearOK(apdu.Command{INS: 0xA4, P1: 0x02, P2: 0x04, Data: []byte{0xD0, 0x03}}); err != nil {
				return err
			}
			r, err := t.clear(apdu.Command{INS: 0xB0, Ne: maxRead})
			if err != nil {
				return err
			}
			if r.SW != apdu.SWOK && r.SW != apdu.SWWarnEOF {
				return &StepError{Step: t.name, Err: &apdu.Error{INS: 0xB0, SW: r.SW}}
			}
			v, err := apdu.FindTLV(r.Data, 0x5A)
			if err != nil {
				return &StepError{Step: t.name, Err: err}
			}
			sn = bytes.Clone(v)
			return nil
		})
	})
	return sn, err
}
