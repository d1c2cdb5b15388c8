package sm

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"fmt"

	"cie/apdu"
)

// Data objects of secure messaging (IAS ECC 7.1.6).
const (
	tagTLV        apdu.Tag = 0x85 // cryptogram, odd INS
	tagCryptogram apdu.Tag = 0x87 // padding indicator and cryptogram, even INS
	tagMAC        apdu.Tag = 0x8E
	tagLe         apdu.Tag = 0x97
	tagStatus     apdu.Tag = 0x99
)

// paddingIndicator means that the plain data are padded with 80 00 ...
const paddingIndicator = 0x01

const macLen = 8

var zeroIV [blockSize]byte

// wrap protects one command and increments the counter (IAS ECC 7.1.9, 7.1.12).
// The result always has Le 00, so that no GET RESPONSE is needed for a response
// that fits in a short APDU.
func (c *Channel) wrap(cmd apdu.Command) apdu.Command {
	out := apdu.Command{CLA: cmd.CLA | claSM, INS: cmd.INS, P1: cmd.P1, P2: cmd.P2, Ne: apdu.MaxShortNe}
	var objects []byte
	if len(cmd.Data) > 0 {
		buf := make([]byte, 1, 1+len(cmd.Data)+blockSize)
		buf[0] = paddingIndicator
		buf = append(buf, cmd.Data...)
		buf = append(buf, padding[:blockSize-len(cmd.Data)%blockSize]...)
		// Encrypt in place, so that no copy of the plain data remains.
		cipher.NewCBCEncrypter(c.enc, zeroIV[:]).CryptBlocks(buf[1:], buf[1:])
		if cmd.INS&1 == 0 {
			objects = apdu.AppendTLV(objects, tagCryptogram, buf)
		} else {
			objects = apdu.AppendTLV(objects, tagTLV, buf[1:])
		}
	}
	if cmd.Ne > 0 {
		objects = apdu.AppendTLV(objects, tagLe, []byte{byte(cmd.Ne)}) // 256 is 00
	}

	c.ssc++
	mac := c.mac.start(c.ssc)
	mac.write([]byte{out.CLA, out.INS, out.P1, out.P2})
	mac.pad()
	if len(objects) > 0 {
		mac.write(objects)
		mac.pad()
	}
	sum := mac.sum()
	out.Data = apdu.AppendTLV(objects, tagMAC, sum[:])
	return out
}

// protectedResponse contains the parts of the data field of a response.
type protectedResponse struct {
	cryptogram []byte // nil if there are no data
	status     apdu.SW
	mac        []byte
	covered    []byte // the received bytes that the MAC covers
}

// parseProtected splits [85|87] 99 8E, in this order (IAS ECC 7.1.10). It accepts a
// cryptogram in either object for every INS, because the specification is
// inconsistent and the MAC covers the tag.
func parseProtected(b []byte) (p protectedResponse, err error) {
	var haveStatus bool
	for rest := b; len(rest) > 0; {
		before := len(b) - len(rest)
		var t apdu.TLV
		if t, rest, err = apdu.ParseTLV(rest); err != nil {
			return p, fmt.Errorf("%w: %w", ErrObject, err)
		}
		switch {
		case p.mac != nil:
			return p, fmt.Errorf("%w: %v after the MAC", ErrObject, t.Tag)
		case t.Tag == tagMAC:
			if !haveStatus {
				return p, ErrMissingObject
			}
			if len(t.Value) != macLen {
				return p, fmt.Errorf("%w: MAC of %d bytes", ErrObject, len(t.Value))
			}
			p.mac, p.covered = t.Value, b[:before]
		case haveStatus:
			return p, fmt.Errorf("%w: %v after the status", ErrObject, t.Tag)
		case t.Tag == tagStatus:
			if len(t.Value) != 2 {
				return p, fmt.Errorf("%w: status of %d bytes", ErrObject, len(t.Value))
			}
			p.status, haveStatus = apdu.SW(binary.BigEndian.Uint16(t.Value)), true
		case p.cryptogram != nil:
			return p, fmt.Errorf("%w: %v after the cryptogram", ErrObject, t.Tag)
		case t.Tag == tagCryptogram:
			if len(t.Value) == 0 || t.Value[0] != paddingIndicator {
				return p, fmt.Errorf("%w: padding indicator", ErrObject)
			}
			p.cryptogram = t.Value[1:]
		case t.Tag == tagTLV:
			p.cryptogram = t.Value
		default:
			return p, fmt.Errorf("%w: tag %v", ErrObject, t.Tag)
		}
		if p.cryptogram != nil && (len(p.cryptogram) == 0 || len(p.cryptogram)%blockSize != 0) {
			return p, fmt.Errorf("%w: cryptogram of %d bytes", ErrObject, len(p.cryptogram))
		}
	}
	if p.mac == nil {
		return p, ErrMissingObject
	}
	return p, nil
}

// open verifies and decrypts a protected response. It verifies the MAC before it
// uses or decrypts anything.
func (c *Channel) open(outer apdu.Response) (apdu.Response, error) {
	c.ssc++
	p, err := parseProtected(outer.Data)
	if err != nil {
		return apdu.Response{}, err
	}
	mac := c.mac.start(c.ssc)
	mac.write(p.covered)
	mac.pad()
	sum := mac.sum()
	if subtle.ConstantTimeCompare(sum[:], p.mac) != 1 {
		return apdu.Response{}, ErrMAC
	}

	status := p.status
	_, more := outer.SW.Remaining()
	_, tries := outer.SW.Tries()
	tries = tries || outer.SW == apdu.SWWarnChanged // wrong PIN, without the number of tries
	switch {
	case outer.SW == status, outer.SW == apdu.SWOK, more:
	case tries && status == apdu.SWOK:
		// Use the worse of the two: an attacker who can forge the unprotected
		// status can also cut the link.
		status = outer.SW
	case tries && status>>8 == outer.SW>>8:
	default:
		return apdu.Response{}, fmt.Errorf("%w: %04X inside", ErrStatus, uint16(status))
	}

	r := apdu.Response{SW: status}
	if p.cryptogram != nil {
		plain := make([]byte, len(p.cryptogram))
		cipher.NewCBCDecrypter(c.enc, zeroIV[:]).CryptBlocks(plain, p.cryptogram)
		n := unpad(plain)
		if n < 0 {
			clear(plain)
			return apdu.Response{}, ErrPadding
		}
		r.Data = plain[:n:n]
	}
	return r, nil
}
