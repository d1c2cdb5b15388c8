package cardtest

import (
	"fmt"
	"io"
	"strings"
)

// tracer writes the exchanged APDUs.
type tracer struct {
	w     io.Writer
	codes bool // show PINs and PUKs
}

// Trace makes the card write commands and responses in hexadecimal, one line each:
//
//	> 00A4040C06A00000000039     a command
//	< 9000                       its answer
//	# > 00200081 08 ********     the plain text of a command under secure messaging
//	# < 9000                     and of its answer
//	# reset, ATR 3B8E...         what else happened
//
// Codes in VERIFY, CHANGE REFERENCE DATA and RESET RETRY COUNTER are replaced by stars. A
// nil writer ends the trace. The card is locked during writes, so w must not call it.
func (c *Card) Trace(w io.Writer) { c.setTrace(tracer{w: w}) }

// TraceCodes is like [Card.Trace] but writes PINs and PUKs.
func (c *Card) TraceCodes(w io.Writer) { c.setTrace(tracer{w: w, codes: true}) }

func (c *Card) setTrace(t tracer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trace = t
}

func (t tracer) note(format string, args ...any) {
	if t.w != nil {
		fmt.Fprintf(t.w, "# "+format+"\n", args...)
	}
}

// carriesCode reports whether the data of a command is a PIN or PUK.
func carriesCode(ins byte) bool { return ins == 0x20 || ins == 0x24 || ins == 0x2C }

func (t tracer) command(b []byte) {
	if t.w == nil {
		return
	}
	text := fmt.Sprintf("%X", b)
	// A code sent in the clear by mistake is hidden too.
	if len(b) > 5 && carriesCode(b[1]) && b[0]&0x0C == 0 && !t.codes {
		text = fmt.Sprintf("%X%s", b[:5], strings.Repeat("**", len(b)-5))
	}
	fmt.Fprintf(t.w, "> %s\n", text)
}

func (t tracer) answer(b []byte) {
	if t.w != nil {
		fmt.Fprintf(t.w, "< %X\n", b)
	}
}

func (t tracer) plainCommand(c command) {
	if t.w == nil {
		return
	}
	text := fmt.Sprintf("%02X%02X%02X%02X", c.cla, c.ins, c.p1, c.p2)
	if len(c.data) > 0 {
		data := fmt.Sprintf("%X", c.data)
		if carriesCode(c.ins) && !t.codes {
			data = strings.Repeat("*", len(c.data))
		}
		text += fmt.Sprintf(" %02X %s", len(c.data), data)
	}
	if c.le > 0 {
		text += fmt.Sprintf(" %02X", byte(c.le))
	}
	fmt.Fprintf(t.w, "# > %s\n", text)
}

func (t tracer) plainAnswer(a answer) {
	if t.w == nil {
		return
	}
	if len(a.data) > 0 {
		fmt.Fprintf(t.w, "# < %X %04X\n", a.data, a.sw)
		return
	}
	fmt.Fprintf(t.w, "# < %04X\n", a.sw)
}
