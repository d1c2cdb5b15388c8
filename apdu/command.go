package apdu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Limits of the two forms of a command APDU (ISO/IEC 7816-4, 5.1).
const (
	// MaxShortData is the longest data field of a short command.
	MaxShortData = 255
	// MaxShortNe is the largest Ne of a short command.
	MaxShortNe = 256
	// MaxData is the longest data field of an extended command.
	MaxData = 65535
	// MaxNe is the largest Ne of an extended command.
	MaxNe = 65536
)

// ErrCommand is matched by every refusal to encode or decode a command APDU.
var ErrCommand = errors.New("malformed command APDU")

// ErrResponse is matched by every refusal to decode a response APDU.
var ErrResponse = errors.New("malformed response APDU")

// Command is a command APDU (ISO/IEC 7816-4, 5.1) before encoding.
type Command struct {
	CLA, INS, P1, P2 byte
	// Data is the command data field, 0 to 65535 bytes. It determines Lc.
	Data []byte
	// Ne is the maximum number of response bytes: 0 sends no Le, 256 sends Le 00
	// in short form, the maximum is 65536 in extended form.
	Ne int
	// Extended requests extended length fields even if short ones suffice.
	// ParseCommand sets it for such a command, so that encoding the result
	// gives the same bytes. Programs leave it false.
	Extended bool
}

// Encode encodes the APDU: in short form if Data and Ne fit and Extended is
// false, otherwise in extended form. Data over 65535 bytes and Ne outside 0 to
// 65536 give an error that matches ErrCommand.
func (c Command) Encode() ([]byte, error) {
	switch {
	case len(c.Data) > MaxData:
		return nil, fmt.Errorf("%w: %d data bytes", ErrCommand, len(c.Data))
	case c.Ne < 0 || c.Ne > MaxNe:
		return nil, fmt.Errorf("%w: Ne %d", ErrCommand, c.Ne)
	}
	extended := c.Extended || len(c.Data) > MaxShortData || c.Ne > MaxShortNe
	b := make([]byte, 4, 4+3+len(c.Data)+3)
	b[0], b[1], b[2], b[3] = c.CLA, c.INS, c.P1, c.P2

	// Le of 256 or 65536 is all zeros: the conversions below drop the high bit.
	if !extended {
		if len(c.Data) > 0 {
			b = append(b, byte(len(c.Data)))
			b = append(b, c.Data...)
		}
		if c.Ne > 0 {
			b = append(b, byte(c.Ne))
		}
		return b, nil
	}
	if len(c.Data) > 0 || c.Ne > 0 {
		b = append(b, 0)
	}
	if len(c.Data) > 0 {
		b = binary.BigEndian.AppendUint16(b, uint16(len(c.Data)))
		b = append(b, c.Data...)
	}
	if c.Ne > 0 {
		b = binary.BigEndian.AppendUint16(b, uint16(c.Ne))
	}
	return b, nil
}

// ParseCommand decodes a command APDU of any of the four cases, short or extended
// (ISO/IEC 7816-4, 5.1; ISO/IEC 7816-3, 12.1.3). The lengths must match the
// number of bytes, otherwise the error matches ErrCommand. Data refers to b.
// Encoding the result gives b.
func ParseCommand(b []byte) (Command, error) {
	if len(b) < 4 {
		return Command{}, fmt.Errorf("%w: %d bytes", ErrCommand, len(b))
	}
	c := Command{CLA: b[0], INS: b[1], P1: b[2], P2: b[3]}
	body := b[4:]
	switch {
	case len(body) == 0: // case 1
		return c, nil
	case len(body) == 1: // case 2, short
		c.Ne = shortNe(body[0])
		return c, nil
	case body[0] != 0: // case 3 or 4, short
		lc := int(body[0])
		switch len(body) - 1 - lc {
		case 0:
		case 1:
			c.Ne = shortNe(body[1+lc])
		default:
			return Command{}, fmt.Errorf("%w: Lc %d with %d bytes after it", ErrCommand, lc, len(body)-1)
		}
		c.Data = body[1 : 1+lc : 1+lc]
		return c, nil
	case len(body) == 2:
		return Command{}, fmt.Errorf("%w: extended length field cut off", ErrCommand)
	case len(body) == 3: // case 2, extended
		c.Ne = extendedNe(body[1:])
		c.Extended = c.Ne <= MaxShortNe
		return c, nil
	}
	// Case 3 or 4, extended.
	lc := int(binary.BigEndian.Uint16(body[1:]))
	if lc == 0 {
		return Command{}, fmt.Errorf("%w: extended Lc is zero", ErrCommand)
	}
	switch len(body) - 3 - lc {
	case 0:
	case 2:
		c.Ne = extendedNe(body[3+lc:])
	default:
		return Command{}, fmt.Errorf("%w: Lc %d with %d bytes after it", ErrCommand, lc, len(body)-3)
	}
	c.Data = body[3 : 3+lc : 3+lc]
	c.Extended = lc <= MaxShortData && c.Ne <= MaxShortNe
	return c, nil
}

func shortNe(le byte) int {
	if le == 0 {
		return MaxShortNe
	}
	return int(le)
}

func extendedNe(le []byte) int {
	if n := int(binary.BigEndian.Uint16(le)); n != 0 {
		return n
	}
	return MaxNe
}

// String returns the header and the lengths, never the data.
func (c Command) String() string {
	s := fmt.Sprintf("%02X%02X%02X%02X", c.CLA, c.INS, c.P1, c.P2)
	if len(c.Data) > 0 {
		s += fmt.Sprintf(" Lc=%d", len(c.Data))
	}
	if c.Ne > 0 {
		s += fmt.Sprintf(" Le=%d", c.Ne)
	}
	return s
}

// Format prints String for every verb, so that %+v or %x does not write a PIN in
// Data to a log.
func (c Command) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// Response is a response APDU: the data field and the status word.
type Response struct {
	Data []byte
	SW   SW
}

// ParseResponse decodes a response APDU. For fewer than two bytes the error
// matches ErrResponse. Data refers to b.
func ParseResponse(b []byte) (Response, error) {
	n := len(b) - 2
	if n < 0 {
		return Response{}, fmt.Errorf("%w: %d bytes", ErrResponse, len(b))
	}
	return Response{Data: b[:n:n], SW: SW(binary.BigEndian.Uint16(b[n:]))}, nil
}

// Encode encodes the response: data, SW1, SW2.
func (r Response) Encode() []byte {
	b := make([]byte, 0, len(r.Data)+2)
	b = append(b, r.Data...)
	return binary.BigEndian.AppendUint16(b, uint16(r.SW))
}

// Err returns nil for 9000 and an *Error for every other status. ins is the
// instruction byte of the command.
func (r Response) Err(ins byte) error {
	if r.SW == SWOK {
		return nil
	}
	return &Error{INS: ins, SW: r.SW}
}

// String returns the length of the data and the status word, never the data.
func (r Response) String() string { return fmt.Sprintf("%d bytes, %04X", len(r.Data), uint16(r.SW)) }

// Format prints String for every verb.
func (r Response) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }
