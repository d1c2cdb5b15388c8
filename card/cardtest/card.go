package cardtest

import (
	"fmt"
	"io"
	"sync"

	"cie/apdu"
)

// Card is one virtual chip. Its methods are safe for concurrent use; commands
// are executed one after the other.
type Card struct {
	profile *Profile
	keys    keySet
	fs      *fileSystem
	atr     []byte

	mu    sync.Mutex
	slot  slot // the reader with the card, see reader.go
	power bool
	mute  bool // does not answer until the next reset

	memory memory // survives power-off

	// Lost at every reset.
	volatile

	faults Faults
	count  int  // commands since SetFaults
	spoil  bool // make the next MAC wrong
	cost   CostModel
	stats  Stats
	trace  tracer

	// recorded replaces the private keys when a trace of a card is replayed whose keys
	// are unknown.
	recorded func(reference byte, message []byte) []byte
}

// volatile is the state that a chip loses with its power.
type volatile struct {
	directory *directory
	current   *file // nil: no current EF
	env       environment
	auth      authentication
	session   *session // nil: no secure messaging
	chain     *chain   // commands of a chain so far
	pending   []byte   // rest of an answer, for GET RESPONSE
	pendingSM bool     // of a command under secure messaging
	askedLe   int      // xx of the 6Cxx for the preceding command, 0: none
}

// chain collects the data of chained commands (IAS ECC 8.5).
type chain struct {
	ins, p1, p2 byte
	sm          bool
	data        []byte
}

// maxChain limits the data of one chained command.
const maxChain = 1024

// New returns a card whose counters exist in memory only. It takes some milliseconds, and
// much less for the second card of the same profile.
func New(p Profile) (*Card, error) {
	profile, err := p.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("cardtest: %w", err)
	}
	fs, err := buildFiles(profile)
	if err != nil {
		return nil, fmt.Errorf("cardtest: %w", err)
	}
	c := &Card{
		profile: profile,
		keys:    profile.Forgery.keys(profile, profile.keys()),
		fs:      fs,
		atr:     profile.Family.atr(),
		memory:  newMemory(profile),
		cost:    DefaultCost(),
	}
	c.slot.init(c)
	return c, nil
}

// ATR returns the answer to reset.
func (c *Card) ATR() []byte { return append([]byte(nil), c.atr...) }

// NIS returns the number that identifies the card.
func (c *Card) NIS() string { return c.profile.NIS }

// Strict returns the command forms that the chip refuses.
func (c *Card) Strict() Strict { return c.profile.Strict }

// PowerOn gives the chip power and returns its answer to reset. If the chip has power
// already, it is a reset. For a card that is not in a reader (see [Card.Present]) it
// returns nil.
func (c *Card) PowerOn() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.slot.present {
		return nil
	}
	c.reset()
	return c.ATR()
}

// PowerOff removes the power. The chip loses everything but its memory.
func (c *Card) PowerOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.powerOff()
}

// Reset resets the chip, as a reader does without removing the card.
func (c *Card) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.slot.present {
		c.reset()
	}
}

// Powered reports whether the chip has power. It has none before the first PowerOn, after
// PowerOff and after a fault removed the card.
func (c *Card) Powered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.power
}

func (c *Card) powerOff() {
	c.power = false
	c.mute = false
	c.volatile = volatile{}
}

func (c *Card) reset() {
	c.powerOff()
	c.power = true
	c.directory = c.fs.root // IAS ECC 3.3.3
	if c.profile.Strict.has(StrictMFElsewhere) {
		c.directory = c.fs.elsewhere
	}
	c.stats.Resets++
	c.slot.resets++
	c.trace.note("reset, ATR %X", c.atr)
}

// Exchange sends one command APDU to the chip and returns its response, data and status.
// It returns nil if the chip does not answer because it has no power, is mute or was
// removed during the command.
func (c *Card) Exchange(cmd []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	out, err := c.exchange(cmd, nil)
	if err != nil {
		return nil
	}
	return out
}

// exchange is Exchange for a connection, nil for none. It also returns the reason why
// there is no response.
func (c *Card) exchange(cmd []byte, r *Reader) ([]byte, error) {
	switch {
	case !c.slot.present:
		return nil, apdu.ErrRemoved
	case !c.power:
		return nil, apdu.ErrMute
	case c.mute:
		return nil, c.silence()
	}
	c.trace.command(cmd)
	c.account(len(cmd), 0)
	out, err := c.withFaults(cmd, r)
	if err != nil {
		c.trace.note("no answer: %v", err)
		return nil, err
	}
	c.account(0, len(out))
	c.trace.answer(out)
	return out, nil
}

// execute runs one command to the bytes of its answer.
func (c *Card) execute(raw []byte) []byte {
	cmd, sw := parseCommand(raw)
	if sw != 0 {
		c.chain, c.pending = nil, nil
		c.endSession("malformed command")
		return c.clear(command{}, status(sw))
	}
	// GET RESPONSE belongs to the transport and changes nothing (IAS ECC 8.6.5), but it
	// ends a chain like any other command. For a response under secure messaging,
	// clients in the field also send it with CLA 0C.
	if cmd.ins == insGetResponse && (cmd.cla == 0x00 || cmd.cla == 0x0C && c.pending != nil && c.pendingSM) {
		c.chain = nil
		return c.getResponse(cmd)
	}
	c.pending = nil // IAS ECC 8.6.4.2: any other command erases the rest

	if sw := checkClass(cmd.cla); sw != 0 {
		c.chain = nil
		c.endSession("command in the clear")
		return c.clear(cmd, status(sw))
	}
	if cmd.extended && !c.profile.Extended {
		c.chain = nil
		c.endSession("length not supported")
		return c.clear(cmd, status(swWrongLength))
	}
	if cmd.cla&0x0C == 0x0C {
		return c.executeSecure(cmd)
	}
	if !(cmd.ins == 0xA4 && cmd.p1 == 0x04) {
		// IAS ECC 7.1.14: a command in the clear ends the session, except for
		// a selection by name.
		c.endSession("command in the clear")
	}
	return c.clear(cmd, c.assemble(cmd))
}

// checkClass checks the class byte (IAS ECC 9.2).
func checkClass(cla byte) uint16 {
	switch {
	case cla&0x80 != 0 || cla&0x60 != 0:
		return swUnknownCLA
	case cla&0x03 != 0:
		return swNoChannel
	case cla&0x0C == 0x04 || cla&0x0C == 0x08:
		return swNoSM
	}
	return 0
}

// assemble collects the commands of a chain and dispatches the last one
// (IAS ECC 8.5).
func (c *Card) assemble(cmd command) answer {
	ch := c.chain
	c.chain = nil
	if cmd.ins != 0x82 {
		c.auth.challenge = nil // IAS ECC 9.5.1: good for the next command only
	}
	if ch != nil && (ch.ins != cmd.ins || ch.p1 != cmd.p1 || ch.p2 != cmd.p2 || ch.sm != cmd.sm) {
		ch = nil // the chain is broken, its data are lost
	}
	if ch != nil {
		cmd.data = append(ch.data, cmd.data...)
	}
	if cmd.cla&0x10 != 0 {
		switch cmd.ins {
		case 0x22, 0x2A, 0x82, 0xDB: // IAS ECC 8.5.1
		default:
			return status(swNoChaining)
		}
		if len(cmd.data) > maxChain {
			return status(swWrongLength)
		}
		c.chain = &chain{cmd.ins, cmd.p1, cmd.p2, cmd.sm, append([]byte(nil), cmd.data...)}
		return status(swOK)
	}
	if len(cmd.data) > maxChain {
		return status(swWrongLength)
	}
	return c.dispatch(cmd)
}

func (c *Card) dispatch(cmd command) answer {
	challenge := c.auth.challenge
	c.auth.challenge = nil
	if a, refused := c.refuse(cmd); refused {
		return a
	}
	a := c.perform(cmd, challenge)
	c.askedLe = 0
	if a.sw&0xFF00 == swWrongLe {
		c.askedLe = int(a.sw & 0xFF)
	}
	return a
}

// perform executes a command. challenge is the result of an immediately preceding GET
// CHALLENGE.
func (c *Card) perform(cmd command, challenge []byte) answer {
	switch cmd.ins {
	case insSelect:
		return c.selectFile(cmd)
	case insReadBinary:
		return c.readBinary(cmd)
	case insReadBinaryOdd:
		return c.readBinaryOdd(cmd)
	case insGetData:
		return c.getData(cmd)
	case insManageEnvironment:
		return c.manageEnvironment(cmd)
	case insSecurityOperation:
		return c.performSecurityOperation(cmd)
	case insGetChallenge:
		return c.getChallenge(cmd)
	case insExternalAuthenticate:
		return c.externalAuthenticate(cmd, challenge)
	case insInternalAuthenticate:
		return c.internalAuthenticate(cmd)
	case insVerify:
		return c.verify(cmd)
	case insChangeReferenceData:
		return c.changeReferenceData(cmd)
	case insResetRetryCounter:
		return c.resetRetryCounter(cmd)
	case 0xD6, 0xD7, 0xDB, 0xE0, 0xE4, 0xE6, 0xE8, 0x04, 0x44, 0x47:
		// Commands of IAS ECC that this card never permits (CIE annex A).
		return status(swDenied)
	}
	return status(swUnknownINS)
}

// clear makes the answer bytes of a command in the clear.
func (c *Card) clear(cmd command, a answer) []byte { return c.send(cmd, a.data, a.sw) }

// send puts data on the wire; what does not fit waits for GET RESPONSE
// (IAS ECC 8.6.4.2).
func (c *Card) send(cmd command, data []byte, sw uint16) []byte {
	limit := clearAnswerLength
	if cmd.extended {
		limit = extendedOut
	}
	switch {
	case cmd.le == 0 && (c.profile.NoLeStatus || c.profile.Strict.has(StrictDataLe) && cmd.ins == insGetData):
		limit = 0
	case cmd.le != 0 && cmd.le < limit:
		limit = cmd.le
	}
	if c.faults.SplitAnswers > 0 && cmd.cla&0x10 == 0 {
		// Not within a chain, which GET RESPONSE would break.
		limit = min(limit, c.faults.SplitAnswers)
	}
	if len(data) <= limit {
		return append(append(make([]byte, 0, len(data)+2), data...), byte(sw>>8), byte(sw))
	}
	if cmd.ins != insGetResponse {
		c.pendingSM = cmd.cla&0x0C == 0x0C
	}
	first, rest := data[:limit], data[limit:]
	c.pending = append(append([]byte(nil), rest...), byte(sw>>8), byte(sw))
	out := append(append(make([]byte, 0, limit+2), first...), 0x61, moreBytes(len(rest)))
	return out
}

func moreBytes(n int) byte {
	if n >= 256 {
		return 0
	}
	return byte(n)
}

// getResponse executes GET RESPONSE (IAS ECC 8.6.5).
func (c *Card) getResponse(cmd command) []byte {
	c.stats.GetResponses++
	if c.pending != nil && c.pendingSM && cmd.cla == 0x00 && c.profile.Strict.has(StrictGetResponse) {
		c.stats.Refusals++
		return []byte{0x6E, 0x00}
	}
	rest := c.pending
	c.pending = nil
	switch {
	case cmd.p1 != 0 || cmd.p2 != 0:
		return []byte{0x6A, 0x86}
	case len(cmd.data) != 0:
		return []byte{0x67, 0x00}
	case rest == nil:
		return []byte{0x69, 0x85}
	}
	if cmd.le == 0 {
		cmd.le = 256
	}
	sw := uint16(rest[len(rest)-2])<<8 | uint16(rest[len(rest)-1])
	return c.send(cmd, rest[:len(rest)-2], sw)
}

// random fills b from the random source of the chip.
func (c *Card) random(b []byte) bool {
	_, err := io.ReadFull(c.profile.Rand, b)
	return err == nil
}
