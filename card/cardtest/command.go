package cardtest

// Instructions (IAS ECC 9.1).
const (
	insVerify               = 0x20
	insManageEnvironment    = 0x22
	insChangeReferenceData  = 0x24
	insSecurityOperation    = 0x2A
	insResetRetryCounter    = 0x2C
	insExternalAuthenticate = 0x82
	insGetChallenge         = 0x84
	insInternalAuthenticate = 0x88
	insSelect               = 0xA4
	insReadBinary           = 0xB0
	insReadBinaryOdd        = 0xB1
	insGetResponse          = 0xC0
	insGetData              = 0xCB
)

// command is one command without transport and secure messaging.
type command struct {
	cla, ins, p1, p2 byte
	data             []byte
	le               int  // expected bytes; 0 when the command has no Le
	extended         bool // extended length fields
	sm               bool // received under secure messaging
}

// parseCommand parses the four cases of ISO/IEC 7816-3, 12.1.3.
func parseCommand(b []byte) (c command, sw uint16) {
	if len(b) < 4 {
		return c, swWrongLength
	}
	c.cla, c.ins, c.p1, c.p2 = b[0], b[1], b[2], b[3]
	body := b[4:]
	switch {
	case len(body) == 0: // case 1
	case len(body) == 1: // case 2
		c.le = shortLe(body[0])
	case body[0] != 0: // cases 3 and 4, short
		lc := int(body[0])
		switch len(body) {
		case 1 + lc:
		case 2 + lc:
			c.le = shortLe(body[1+lc])
		default:
			return c, swWrongLength
		}
		c.data = body[1 : 1+lc]
	case len(body) == 3: // case 2, extended
		c.extended = true
		c.le = extendedLe(body[1:])
	case len(body) > 3: // cases 3 and 4, extended
		c.extended = true
		lc := int(body[1])<<8 | int(body[2])
		switch {
		case lc == 0:
			return c, swWrongLength
		case len(body) == 3+lc:
		case len(body) == 5+lc:
			c.le = extendedLe(body[3+lc:])
		default:
			return c, swWrongLength
		}
		c.data = body[3 : 3+lc]
	default:
		return c, swWrongLength
	}
	return c, 0
}

func shortLe(b byte) int {
	if b == 0 {
		return 256
	}
	return int(b)
}

func extendedLe(b []byte) int {
	if n := int(b[0])<<8 | int(b[1]); n != 0 {
		return n
	}
	return 1 << 16
}
