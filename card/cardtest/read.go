package cardtest

import "bytes"

// selectFile executes SELECT (IAS ECC 9.7.1). A failed selection changes nothing.
func (c *Card) selectFile(cmd command) answer {
	switch cmd.p2 {
	case 0x00, 0x04, 0x0C:
	default:
		return status(swWrongP1P2)
	}
	switch cmd.p1 {
	case 0x00: // root
		if len(cmd.data) != 0 && !bytes.Equal(cmd.data, []byte{0x3F, 0x00}) {
			return status(swNotFound)
		}
		mf := c.masterFile()
		if mf == nil {
			c.stats.Refusals++
			return status(swNotFound)
		}
		return c.enter(cmd, mf)
	case 0x02, 0x09: // EF under the current DF, by identifier or as a path of one
		if len(cmd.data) != 2 {
			return status(swLcP1P2)
		}
		f := c.directory.byFID(uint16(cmd.data[0])<<8 | uint16(cmd.data[1]))
		if f == nil {
			return status(swNotFound)
		}
		c.current = f
		return parameters(cmd, f.controlParameters())
	case 0x01, 0x03: // child DF, parent DF: do not exist
		return status(swNotFound)
	case 0x04:
		switch {
		case bytes.Equal(cmd.data, aidCIE):
			return c.enter(cmd, c.fs.cie)
		case bytes.Equal(cmd.data, aidIAS) && c.iasByName():
			return c.enter(cmd, c.fs.root)
		case bytes.Equal(cmd.data, aidIAS) && c.profile.Strict.has(StrictNoAID):
			c.stats.Refusals++
			return status(swNotFound)
		case bytes.Equal(cmd.data, aidMRTD):
			// Another application: the authentications to this one end.
			c.endSession("travel document selected")
			c.auth = authentication{}
			return c.enter(cmd, c.fs.mrtd)
		}
		return status(swNotFound)
	}
	return status(swWrongP1P2)
}

// enter makes d the current DF without a current EF. The current security environment and
// the imported key are lost (IAS ECC 7.2.6.5), authentications remain (IAS ECC 4.1.1).
func (c *Card) enter(cmd command, d *directory) answer {
	c.directory, c.current = d, nil
	c.env = environment{}
	c.auth.imported = nil
	return parameters(cmd, d.controlParameters())
}

// parameters returns the FCP if P2 requests it and Le has room for it. Clients in the field
// send P2=04 without Le and get none.
func parameters(cmd command, fcp []byte) answer {
	if cmd.p2 == 0x04 && cmd.le != 0 {
		return done(fcp)
	}
	return status(swOK)
}

// The most plain bytes one READ BINARY returns (IAS ECC 8.6.3).
const (
	maxRead    = 0xE7
	maxReadOdd = 0xE4
)

// readBinary executes READ BINARY with even INS (IAS ECC 9.7.2.1).
func (c *Card) readBinary(cmd command) answer {
	if len(cmd.data) != 0 {
		return status(swWrongLength)
	}
	f, offset := c.current, int(cmd.p1)<<8|int(cmd.p2)
	if cmd.p1&0x80 != 0 {
		if cmd.p1&0x60 != 0 {
			return status(swWrongP1P2)
		}
		offset = int(cmd.p2)
		if sfi := cmd.p1 & 0x1F; sfi != 0 {
			if f = c.directory.bySFI(sfi); f == nil {
				return status(swNotFound)
			}
		}
	}
	n := cmd.le
	if limit := c.readLimit(cmd); n == 0 || n > limit {
		n = limit
	}
	data, sw := c.read(cmd, f, offset, n)
	return answer{data: data, sw: sw}
}

// readBinaryOdd executes READ BINARY with odd INS (IAS ECC 9.7.2.2).
func (c *Card) readBinaryOdd(cmd command) answer {
	f := c.current
	switch reference := uint16(cmd.p1)<<8 | uint16(cmd.p2); {
	case reference == 0: // the current file
	case reference < 0x1F:
		if f = c.directory.bySFI(byte(reference)); f == nil {
			return status(swNotFound)
		}
	default:
		if f = c.directory.byFID(reference); f == nil {
			return status(swNotFound)
		}
	}
	offset, rest, ok := nextTLV(cmd.data)
	if !ok || offset.tag != 0x54 || len(offset.value) != 2 || len(rest) != 0 {
		return status(swWrongData)
	}
	if cmd.le == 1 {
		return status(swWrongLength)
	}
	// Le counts the header of DO 53, too.
	n := cmd.le
	if limit := c.readLimit(cmd); n == 0 || n > limit {
		n = limit
	}
	switch {
	case n-2 <= 0x7F:
		n -= 2
	default:
		n = min(n-3, maxReadOdd)
	}
	data, sw := c.read(cmd, f, int(offset.value[0])<<8|int(offset.value[1]), n)
	switch {
	case sw&0xFF00 == swWrongLe:
		return status(swWrongLe | uint16(len(object(0x53, make([]byte, byte(sw))))))
	case sw != swOK && sw != swEOF, len(data) == 0:
		return status(sw)
	}
	return answer{data: object(0x53, data), sw: sw}
}

// read returns n bytes of f at offset, and makes f the current EF when it can.
func (c *Card) read(cmd command, f *file, offset, n int) ([]byte, uint16) {
	if f == nil {
		return nil, swNoCurrentEF
	}
	if f.protected && !(c.authenticated(cmd) && c.auth.pin) {
		return nil, swDenied
	}
	rest := f.content[min(offset, len(f.content)):]
	if n > len(rest) {
		if len(rest) > 0 {
			c.current = f
		}
		return c.readEnd(rest)
	}
	c.current = f
	return rest[:n], swOK
}
