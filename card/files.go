package card

import (
	"bytes"
	"errors"
	"fmt"

	"cie/apdu"
)

// file is a transparent EF (CIE Annex A).
type file struct {
	fid uint16
	sfi byte // 0: none
	// size is the length of the content, 0 if a BER header has it.
	size int
}

// selection returns SELECT by identifier in the current DF. Clients send P2=04 and
// no Le, in the clear and under secure messaging.
func (f file) selection() apdu.Command {
	return apdu.Command{INS: insSelect, P1: 0x02, P2: 0x04, Data: []byte{byte(f.fid >> 8), byte(f.fid)}}
}

var (
	fileNIS      = file{0x1001, 0x01, nisLength}    // EF.ID_Servizi
	fileSerial   = file{0x1002, 0x02, serialLength} // EF.Seriale
	fileCert     = file{0x1003, 0x03, 0}            // EF.Cert_CIE
	fileIntKpub  = file{0x1004, 0x04, 0}            // EF.Int.Kpub
	fileServKpub = file{0x1005, 0x05, 0}            // EF.Servizi_Int.Kpub
	fileSOD      = file{0x1006, 0x06, 0}            // EF.SOD
	fileSN       = file{0xD003, 0, 0}               // EF.SN.ICC, under the root
	fileDH       = file{0xD004, 0x1B, 0}            // EF.DH, under the root
)

const (
	nisLength    = 12
	serialLength = 9
	// maxRead is the maximum of plain bytes in one READ BINARY (IAS ECC 8.6.3).
	maxRead = 0xE7
	// provenRead is the block size of desktop clients, under secure messaging
	// too. With secure messaging it fits the smallest buffers seen in an EF.ATR
	// (E6 bytes), so that EF.ATR need not be read.
	provenRead = 0x80
	// maxFile limits the size of a file; real files are below 4 kB.
	maxFile = 16 << 10
)

// readFromRoot reads a file under the root. It selects the root by each way in
// turn: on some chips one of them leads to another application, in which the file
// is not found.
func (t *transaction) readFromRoot(f file) (content []byte, err error) {
	refused := true // the chip refused every way before this one
	for i, root := range t.roots() {
		// A file that is not found is read twice: another program can have
		// selected something in between.
		for range 2 {
			var r apdu.Response
			if r, err = t.selectByName(root.command()); err != nil {
				return nil, err
			}
			if r.SW != apdu.SWOK {
				refused = refused && refusal(r.SW)
				err = t.fail(&apdu.Error{INS: insSelect, SW: r.SW})
				break
			}
			if content, err = t.readFile(f); err == nil {
				t.place = placeRoot
				t.rootWorked(root, i > 0 && refused)
				return content, nil
			}
			var status *apdu.Error
			if !errors.As(err, &status) {
				return nil, err
			}
			refused = refused && refusal(status.SW)
		}
	}
	return nil, err
}

// readSerialICC reads EF.SN.ICC and returns its value without the 5A header.
func (t *transaction) readSerialICC() ([]byte, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	content, err := t.readFromRoot(fileSN)
	if err != nil {
		return nil, err
	}
	v, err := apdu.FindTLV(content, 0x5A)
	if err != nil {
		return nil, t.fail(err)
	}
	return bytes.Clone(v), nil
}

// readDHFile reads EF.DH and selects DF_CIE again. It returns nil for a card on
// which EF.DH cannot be read.
func (t *transaction) readDHFile() ([]byte, error) {
	content, err := t.readFromRoot(fileDH)
	if err != nil {
		if linkLoss(err) > LossNone || t.check() != nil {
			return nil, err
		}
		t.trace("EF.DH: %v", err)
		content = nil
	}
	// If the last way tried leads to another application, DF_CIE may not be found
	// from there.
	t.place = placeRoot
	return content, t.ready()
}

// readFile reads a file in the current DF and returns its content without
// padding. An empty file is an error.
//
// Under secure messaging the file is selected by its identifier and read in
// blocks of 80. In the clear it is read by its short identifier first, in
// blocks of E7.
func (t *transaction) readFile(f file) ([]byte, error) {
	var content []byte
	bySFI := func() (err error) {
		content, err = t.readCurrent(f, true)
		return err
	}
	byFID := func() (err error) {
		if _, err := t.sendOK(f.selection()); err != nil {
			return err
		}
		content, err = t.readCurrent(f, false)
		return err
	}
	refused := &t.dialect.NoSFI
	if f == fileDH {
		refused = &t.dialect.NoSFIDH
	}
	var err error
	if t.channel != nil || f.sfi == 0 {
		err = byFID()
	} else {
		err = t.form(refused, bySFI, byFID)
	}
	return content, err
}

// readCurrent reads the current file, or the one with the short identifier of
// f. A card may return less than Ne.
func (t *transaction) readCurrent(f file, bySFI bool) ([]byte, error) {
	size := f.size
	var content []byte
	for ended := false; !ended && (size == 0 || len(content) < size); {
		offset := len(content)
		// IAS ECC 9.7, table 28: with b8 of P1 set the rest is a short
		// identifier, which also makes the file current for the next reads.
		c := apdu.Command{INS: insReadBinary, P1: byte(offset >> 8), P2: byte(offset), Ne: maxRead}
		if offset == 0 && bySFI {
			c.P1 = 0x80 | f.sfi
		}
		if size > 0 {
			c.Ne = min(c.Ne, size-offset)
		}
		r, err := t.readBlock(c)
		if err != nil {
			return nil, err
		}
		switch {
		case r.SW == apdu.SWOK, r.SW == apdu.SWWarnEOF:
			ended = r.SW == apdu.SWWarnEOF || len(r.Data) == 0
		case r.SW == apdu.SWWrongOffset && offset > 0:
			ended = true
		default:
			return nil, t.fail(&apdu.Error{INS: c.INS, SW: r.SW})
		}
		content = append(content, r.Data...)
		if size == 0 {
			size, err = objectSize(content)
			if errors.Is(err, apdu.ErrTLVTruncated) && !ended && offset < maxHeader {
				continue
			}
			if err != nil {
				return nil, t.fail(err)
			}
		}
	}
	if len(content) < size || size == 0 {
		return nil, t.fail(fmt.Errorf("%w: file %04X ends after %d of %d bytes", apdu.ErrTLVTruncated, f.fid, len(content), size))
	}
	return content[:size], nil
}

// maxHeader limits the BER header of a file.
const maxHeader = 8

// readBlock sends one READ BINARY. Under secure messaging Ne is 80, as clients send
// it, even near the end of the file. In the clear it is 80 after a chip refused
// more.
func (t *transaction) readBlock(c apdu.Command) (apdu.Response, error) {
	var r apdu.Response
	most := c.Ne
	read := func(ne int) func() error {
		return func() (err error) {
			c.Ne = ne
			if r, err = t.send(c); err != nil {
				return err
			}
			// In the clear the Client sends the command again after 6Cxx.
			if xx, ok := r.SW.ExactLength(); ok && xx != ne && t.channel != nil {
				c.Ne = xx
				if r, err = t.send(c); err != nil {
					return err
				}
			}
			if len(r.Data) > max(c.Ne, ne) {
				return t.fail(errors.New("the card returned more than Ne bytes"))
			}
			if r.SW == apdu.SWWrongLength {
				return t.fail(&apdu.Error{INS: c.INS, SW: r.SW})
			}
			return nil
		}
	}
	var err error
	switch {
	case t.channel != nil:
		err = read(provenRead)()
	case most > provenRead:
		err = t.form(&t.dialect.SmallBlocks, read(most), read(provenRead))
	default:
		err = read(most)()
	}
	return r, err
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
