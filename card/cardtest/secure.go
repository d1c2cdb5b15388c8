package cardtest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
)

// session is a secure messaging session of the chip (IAS ECC 7.1).
type session struct {
	enc, mac [16]byte
	ssc      uint64
	// other is the other session that a false public key leaves possible; the
	// first command decides.
	other *session
}

// newSession derives the keys from the shared secret (IAS ECC 7.1.4, SHA-256).
// The counter starts at 1 (IAS ECC 5.2.3.1).
func newSession(zz []byte) *session {
	s := &session{ssc: 1}
	s.enc = sessionKey(zz, 1)
	s.mac = sessionKey(zz, 2)
	return s
}

// SessionKeys returns the keys of the secure messaging session, so that a test can look for
// them in the memory of a program; ok is false if there is no session.
func (c *Card) SessionKeys() (enc, mac []byte, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == nil {
		return nil, nil, false
	}
	enc = append(enc, c.session.enc[:]...)
	return enc, append(mac, c.session.mac[:]...), true
}

func sessionKey(zz []byte, n uint32) (key [16]byte) {
	sum := sha256.Sum256(binary.BigEndian.AppendUint32(append([]byte(nil), zz...), n))
	copy(key[:], sum[:16])
	return key
}

// checksum increments the counter and computes the cryptographic checksum
// over padded blocks (IAS ECC 7.1.12).
func (s *session) checksum(padded []byte) []byte {
	s.ssc++ // wraps around by itself (IAS ECC 7.1.5)
	return retailMAC(s.mac, append(binary.BigEndian.AppendUint64(nil, s.ssc), padded...))
}

// open verifies a protected command and returns the plain one (IAS ECC 7.1.7, 7.1.9).
func (s *session) open(c command) (plain command, sw uint16) {
	objects, ok := allTLVs(c.data)
	if !ok {
		return plain, swSMWrong
	}
	if len(objects) == 0 || objects[len(objects)-1].tag != 0x8E {
		for _, o := range objects {
			if o.tag == 0x8E {
				return plain, swSMWrong // there, but not last
			}
		}
		return plain, swSMMissing
	}
	mac := objects[len(objects)-1].value
	objects = objects[:len(objects)-1]

	protected := pad([]byte{c.cla, c.ins, c.p1, c.p2})
	var cryptogram, le []byte
	want := uint32(0x87) // IAS ECC 7.1.6: 85 for an odd INS
	if c.ins&1 != 0 {
		want = 0x85
	}
	for _, o := range objects {
		switch {
		case o.tag == want && cryptogram == nil && le == nil && len(o.value) > 0:
			cryptogram = o.value
		case o.tag == 0x97 && le == nil && (len(o.value) == 1 || len(o.value) == 2):
			le = o.value
		default:
			return plain, swSMWrong
		}
		protected = append(protected, o.raw...)
	}
	// For a command without objects the MAC covers only its padded header, without further
	// padding (IAS ECC 7.1.12, case 1).
	if len(objects) > 0 {
		protected = pad(protected)
	}
	sum := s.checksum(protected)
	if subtle.ConstantTimeCompare(sum, mac) != 1 {
		return plain, swSMWrong
	}

	plain = command{cla: c.cla &^ 0x0C, ins: c.ins, p1: c.p1, p2: c.p2, sm: true, extended: c.extended}
	if cryptogram != nil {
		if want == 0x87 {
			if cryptogram[0] != 0x01 {
				return plain, swSMWrong
			}
			cryptogram = cryptogram[1:]
		}
		if len(cryptogram) == 0 || len(cryptogram)%8 != 0 {
			return plain, swSMWrong
		}
		if plain.data, ok = unpad(tripleDES(s.enc, cryptogram, true)); !ok {
			return plain, swSMWrong
		}
	}
	switch len(le) {
	case 1:
		plain.le = shortLe(le[0])
	case 2:
		plain.le = extendedLe(le)
	}
	return plain, 0
}

// seal protects an answer (IAS ECC 7.1.10).
func (s *session) seal(ins byte, a answer) []byte {
	var out []byte
	if len(a.data) > 0 {
		cryptogram := tripleDES(s.enc, pad(a.data), false)
		if ins&1 != 0 {
			out = object(0x85, cryptogram)
		} else {
			out = object(0x87, []byte{0x01}, cryptogram)
		}
	}
	out = append(out, object(0x99, []byte{byte(a.sw >> 8), byte(a.sw)})...)
	return append(out, object(0x8E, s.checksum(pad(out)))...)
}

// executeSecure executes a command received under secure messaging.
func (c *Card) executeSecure(cmd command) []byte {
	s := c.session
	if s == nil {
		c.chain = nil
		return c.clear(cmd, status(swConditions)) // IAS ECC 7.1.7
	}
	plain, sw := s.open(cmd)
	if sw == swSMWrong && s.other != nil {
		s, c.session = s.other, s.other
		plain, sw = s.open(cmd)
	}
	s.other = nil
	if sw != 0 {
		c.chain = nil
		c.stats.SMFailures++
		c.stats.ChannelsLost++
		c.endSession("secure messaging check failed")
		return c.clear(cmd, status(sw))
	}
	c.trace.plainCommand(plain)
	a := c.assemble(plain)
	c.trace.plainAnswer(a)
	if a.inClear {
		c.stats.ChannelsLost++
		c.endSession("form refused")
		return c.clear(cmd, a)
	}
	sealed := s.seal(cmd.ins, a)
	if c.session == s && c.auth.nextSSC != nil {
		// The counter restarts after the internal authentication
		// (IAS ECC 5.2.3.5).
		s.ssc = *c.auth.nextSSC
		c.auth.nextSSC = nil
	}
	outer := uint16(swOK)
	if c.profile.OuterStatus {
		outer = a.sw
	}
	sealed = c.spoilMAC(sealed)
	return c.send(cmd, sealed, outer)
}

// startSession opens a session after the answer to GET DATA of K.ICC went out
// in the clear (IAS ECC 7.1.13).
func (c *Card) startSession(s *session) {
	c.session = s
	c.env = environment{}
	c.trace.note("secure messaging starts")
}

// endSession deletes the keys and all authentications of the session (IAS ECC 7.1.1).
func (c *Card) endSession(why string) {
	if c.session == nil {
		return
	}
	c.session = nil
	pin, puk := c.auth.pin, c.auth.puk
	c.auth = authentication{}
	c.env = environment{}
	if c.profile.KeepVerified {
		c.auth.pin, c.auth.puk = pin, puk
	}
	c.trace.note("secure messaging ends: %s", why)
}
