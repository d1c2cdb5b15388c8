package cardtest

// GET DATA of security data objects (IAS ECC 9.8.1, 3.4).

// condition is an access condition of GET DATA (CIE annex A).
type condition int

const (
	always   condition = iota
	deviceOK           // SM and external authentication (SE DAPP)
	never
)

// sdo is a security data object: its control and its usage parameters.
type sdo struct {
	get      condition
	docp     func(c *Card) []byte // A0
	usageTag uint32
	usage    func(c *Card) []byte // value of usageTag
}

// controls makes DOCP (IAS ECC 3.4.5): name, more, object length, access
// conditions of the contactless interface.
func controls(name string, more []byte, length int, access ...byte) []byte {
	return object(0xA0,
		object(0x84, []byte(name)),
		more,
		object(0x80, []byte{byte(length >> 8), byte(length)}),
		object(0xA1, object(0x9C, access)))
}

// codeControls makes DOCP of PIN or PUK.
func (c *Card) codeControls(name string, tries []byte, access ...byte) []byte {
	rules := object(0x8C, []byte{0xF3, 0x00, 0x00, 0x73, 0x43, 0x00})
	rules = append(rules, object(0x9C, []byte{0xF3, 0x00, 0x00, 0x73, 0x43, 0x00})...)
	switch c.profile.DOCP {
	case DOCPNested:
		return object(0xA0, tries, object(0xA1, rules))
	case DOCPInside:
		return object(0xA0, object(0xA1, tries, rules))
	}
	return controls(name, tries, codeLength, access...)
}

// tries makes the two counters of a code.
func tries(maximum, left int) []byte {
	return append(object(0x9A, []byte{byte(maximum)}), object(0x9B, []byte{byte(left)})...)
}

// codeSize returns the usage template of PIN and PUK (IAS ECC 3.4.6.1).
func codeSize(*Card) []byte {
	return append(object(0x80, []byte{codeLength}), object(0x81, []byte{codeLength})...)
}

// Security condition bytes (IAS ECC 4.2.3): SM and the given condition, in the given
// environment.
const (
	scbPIN  = 0xD0 | sePIN
	scbPUK  = 0xD0 | sePUK
	scbDAPP = 0xE0 | seDAPP
)

// sdos returns the security data objects of DF_CIE.
func sdos() map[uint32]sdo {
	return map[uint32]sdo{
		0xBF8101: {
			get: deviceOK,
			docp: func(c *Card) []byte {
				return c.codeControls("PIN", tries(MaxPINTries, c.memory.pinTries()),
					0xF1, scbPIN, scbDAPP, scbPUK, scbDAPP)
			},
			usageTag: 0x7F41, usage: codeSize,
		},
		0xBF8102: {
			get: deviceOK,
			docp: func(c *Card) []byte {
				return c.codeControls("PUK", tries(MaxPUKTries, c.memory.pukTries()),
					0xA1, scbDAPP, scbDAPP)
			},
			usageTag: 0x7F41, usage: codeSize,
		},
		0xBF9001: {get: never},
		0xBF9002: {get: never},
		0xBF9003: {get: never},
		0xBFA101: {
			docp:     func(*Card) []byte { return controls("DH.PrK", nil, 256, 0x81, 0x00) },
			usageTag: 0xA3,
			usage: func(c *Card) []byte {
				return append(append(c.dhParameter(0x97), c.dhParameter(0x98)...), c.dhParameter(0x99)...)
			},
		},
		0xBFA004: {
			docp:     func(*Card) []byte { return controls("ExtAu.PuK", nil, 256, 0xC1, 0x00, 0x00) },
			usageTag: 0x7F49,
			usage: func(c *Card) []byte {
				root := c.keys.root
				var b []byte
				b = append(b, object(0x81, root.n.FillBytes(make([]byte, root.size())))...)
				b = append(b, object(0x82, root.e.Bytes())...)
				b = append(b, object(0x5F20, rootCHR)...)
				return append(b, object(0x5F4C, rootCHA())...)
			},
		},
		0xBFFB01: {
			docp: func(*Card) []byte { return controls("SE.Sign", nil, 1, 0x81, 0x00) }, usageTag: 0x7B,
			usage: func(*Card) []byte {
				return object(0xA4, object(0x80, []byte{algClientServer}), object(0x84, []byte{refAuthKey}))
			},
		},
		0xBFFB02: {get: never},
		0xBFFB03: {get: never},
		0xBFFB04: {get: never},
	}
}

// dhParameter returns one domain parameter as an object.
func (c *Card) dhParameter(tag uint32) []byte {
	switch tag {
	case 0x97:
		return object(tag, c.profile.Forgery.generator().FillBytes(make([]byte, len(dhP.Bytes()))))
	case 0x98:
		return object(tag, dhP.Bytes())
	default:
		return object(tag, dhQ.Bytes())
	}
}

// getData executes GET DATA (IAS ECC 9.8.1): an extended header list that names a whole
// constructed object (length 80), or one domain parameter (length 00).
func (c *Card) getData(cmd command) answer {
	if cmd.p1 != 0x3F || cmd.p2 != 0xFF {
		return status(swWrongP1P2)
	}
	list, rest, ok := nextTLV(cmd.data)
	if !ok || list.tag != 0x4D || len(rest) != 0 || len(list.value) == 0 {
		return status(swWrongData)
	}
	if string(list.value) == "\xA6\x02\x91\x00" {
		return c.agreeKey(cmd)
	}
	template, rest, ok := nextTLV(list.value)
	if !ok || template.tag != 0x70 || len(rest) != 0 {
		return status(swWrongData)
	}
	wanted, rest, ok := nextTLV(template.value)
	if !ok || len(rest) != 0 {
		return status(swWrongData)
	}
	o, known := sdos()[wanted.tag]
	if !known || c.directory != c.fs.cie {
		return status(swRefNotFound)
	}
	switch o.get {
	case never:
		return status(swDenied)
	case deviceOK:
		if !c.authenticated(cmd) {
			return status(swDenied)
		}
		if sw := c.profile.Forgery.RefuseTries; sw != 0 {
			return status(sw)
		}
	}
	content, sw := c.objectPart(wanted.tag, o, wanted.value)
	if sw != 0 {
		return status(sw)
	}
	return done(object(0x70, object(wanted.tag, content)))
}

// objectPart returns the part of an object that a header list asks for.
func (c *Card) objectPart(id uint32, o sdo, header []byte) ([]byte, uint16) {
	tag, n := headerTag(header)
	atOnce := traits[c.profile.Family].dhAtOnce
	switch {
	case n == 0:
		return nil, swWrongData
	case tag == 0xA0 && string(header[n:]) == "\x80":
		return o.docp(c), 0
	case tag == o.usageTag && string(header[n:]) == "\x80":
		if id == 0xBFA101 && !atOnce {
			return nil, swWrongData // IAS ECC 9.8.1.1: one by one
		}
		return object(tag, o.usage(c)), 0
	case id == 0xBFA101 && tag == 0xA3:
		if t, rest, ok := nextTLV(header); ok && len(rest) == 0 && len(t.value) == 2 && t.value[1] == 0 &&
			t.value[0] >= 0x97 && t.value[0] <= 0x99 && !atOnce {
			return object(0xA3, c.dhParameter(uint32(t.value[0]))), 0
		}
	case tag == 0xA0 || tag == o.usageTag:
	default:
		return nil, swRefNotFound
	}
	return nil, swWrongData
}

// headerTag returns the tag at the start of b and its length, 0 if there is none.
func headerTag(b []byte) (tag uint32, n int) {
	for n < len(b) && n < 3 {
		tag = tag<<8 | uint32(b[n])
		n++
		if n == 1 && b[0]&0x1F != 0x1F || n > 1 && b[n-1]&0x80 == 0 {
			return tag, n
		}
	}
	return 0, 0
}
