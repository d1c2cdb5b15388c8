package card

import (
	"context"
	"errors"
	"sync/atomic"

	"cie/apdu"
	"cie/apdu/sm"
)

// Instructions of the commands that are sent (IAS ECC, clause 9).
const (
	insVerify               = 0x20 // 9.4.1
	insManageSecurity       = 0x22 // 9.9.2, MSE SET
	insChangeReferenceData  = 0x24 // 9.4.2
	insPerformSecurity      = 0x2A // 9.6.3, PSO VERIFY CERTIFICATE
	insResetRetryCounter    = 0x2C // 9.4.3
	insExternalAuthenticate = 0x82 // 9.5.3
	insGetChallenge         = 0x84 // 9.5.1
	insInternalAuthenticate = 0x88 // 9.5.2 with a device, 9.5.6 with a holder or service key
	insSelect               = 0xA4 // 9.7.1
	insReadBinary           = 0xB0 // 9.7.2
	insGetData              = 0xCB // 9.8.1
)

// chip is the state of the card now: the connection, the selection, the secure
// channel with the codes verified in it, and the forms of commands that the card
// accepts. It does not decide whether a code may be sent, and it does not use the
// Store and the state. Every command is a method of a transaction.
type chip struct {
	conn   apdu.Card
	client *apdu.Client
	family Family
	trace  func(format string, args ...any)
	// nis is the content of EF.ID_Servizi at the first selection, "" before it.
	// A later selection must find the same.
	nis string

	place place
	// root is the way to the root that led to DF_CIE last.
	root selectRoot
	// learnedRoot is set when root worked after the other way was refused.
	learnedRoot selectRoot
	channel     *sm.Channel
	// assumed: place and channel come from an earlier transaction. Another
	// program can have changed them since.
	assumed bool
	dialect dialect

	pinVerified, pukVerified atomic.Bool // read while a transaction is under way
}

// place is the current DF, unless another program has changed it.
type place int

const (
	placeUnknown place = iota
	placeDF            // DF_CIE is selected
	placeRoot          // the root is selected, and DF_CIE was before
)

func newChip(conn apdu.Card, trace func(format string, args ...any), exchange func(apdu.Exchange)) *chip {
	return &chip{
		conn:   conn,
		client: apdu.NewClient(conn, apdu.Config{Trace: exchange}),
		family: FamilyOf(conn.ATR()),
		trace:  trace,
	}
}

// verified returns the flag that a code is verified in the channel.
func (c *chip) verified(ref PINRef) *atomic.Bool {
	if ref == PUK {
		return &c.pukVerified
	}
	return &c.pinVerified
}

// dropChannel wipes the secure channel and clears the verified codes.
func (c *chip) dropChannel() {
	if c.channel != nil {
		c.channel.Close()
		c.channel = nil
	}
	c.pinVerified.Store(false)
	c.pukVerified.Store(false)
}

// forget drops channel, selection and verified codes.
func (c *chip) forget() {
	c.dropChannel()
	c.place, c.assumed = placeUnknown, false
}

// transaction is exclusive use of the card, from begin to end.
type transaction struct {
	*chip
	ctx context.Context
	// announce is called before each step.
	announce func(StepName)
	// yield, if not nil, is called before each command and may end ctx.
	yield func()
	step  StepName
	// mustFinish: a code is sent, so the operation can no longer be cancelled.
	mustFinish bool
	// selected: the current selection was made by name in this transaction, in
	// the clear.
	selected bool
	// placed: the channel was built, or its place in DF_CIE restored, in this
	// transaction.
	placed bool
	// counterAsked: the chip returned no counter in this transaction.
	counterAsked bool
	// resetDone: this transaction has reset the card.
	resetDone bool
}

// begin starts a transaction. The caller ends it.
func (c *chip) begin(ctx context.Context, announce func(StepName)) (*transaction, error) {
	t := &transaction{chip: c, ctx: ctx, announce: announce, step: StepSelect}
	if err := t.lock(); err != nil {
		return nil, err
	}
	c.assumed = c.place != placeUnknown || c.channel != nil
	return t, nil
}

// end releases the card. Its error is of no use: a card that has left needs no
// release, and the operation has its own outcome.
func (t *transaction) end() { _ = t.conn.End() }

// lock begins exclusive use of the card. After a reset by another program it
// calls forget.
func (t *transaction) lock() error {
	reset, err := t.conn.Begin()
	if err != nil {
		t.forget()
		return t.fail(err)
	}
	if reset {
		t.trace("the card was reset by another program")
		t.forget()
	}
	return nil
}

// relock ends the exclusive use of the card and begins it again.
func (t *transaction) relock() error {
	t.end()
	return t.lock()
}

// resetCard resets the card, once in a transaction: nothing else recovers a
// chip that does not answer, or one in a state in which every selection fails. It
// fails when a code was sent.
func (t *transaction) resetCard() error {
	if t.resetDone || t.mustFinish {
		return t.fail(apdu.ErrMute)
	}
	t.resetDone = true
	t.trace("resetting the card")
	t.forget()
	t.selected, t.placed = false, false
	if err := t.conn.Reset(); err != nil {
		return t.fail(err)
	}
	return nil
}

// next announces the next step.
func (t *transaction) next(step StepName) {
	t.step = step
	t.mustFinish = t.mustFinish || step.MustFinish()
	t.trace("# %s", step)
	t.announce(step)
}

// check returns the error of the context while the operation can be cancelled.
func (t *transaction) check() error {
	if t.mustFinish {
		return nil
	}
	if t.yield != nil {
		t.yield()
	}
	return t.ctx.Err()
}

// clear sends a command outside secure messaging, which ends the channel
// (IAS ECC 7.1.14).
func (t *transaction) clear(c apdu.Command) (apdu.Response, error) {
	t.dropChannel()
	return t.transmit(t.client, c)
}

// secure sends a command through the channel.
func (t *transaction) secure(c apdu.Command) (apdu.Response, error) {
	if t.channel == nil {
		return apdu.Response{}, t.fail(sm.ErrChannelLost)
	}
	r, err := t.transmit(t.channel, c)
	// A command that was not sent, because the operation was cancelled, leaves
	// the channel as it was.
	if err != nil && t.channel != nil && t.channel.Err() != nil {
		t.dropChannel()
	}
	return r, err
}

// send sends a command through the channel, or in the clear if there is none.
func (t *transaction) send(c apdu.Command) (apdu.Response, error) {
	if t.channel != nil {
		return t.secure(c)
	}
	return t.clear(c)
}

func (t *transaction) transmit(to apdu.Sender, c apdu.Command) (apdu.Response, error) {
	if err := t.check(); err != nil {
		return apdu.Response{}, err
	}
	r, err := to.Send(c)
	if err != nil {
		if linkLoss(err) > LossNone {
			t.forget()
			t.selected, t.placed = false, false
		}
		return apdu.Response{}, t.fail(err)
	}
	return r, nil
}

// fail returns an error of the current step.
func (t *transaction) fail(err error) error { return &StepError{Step: t.step, Err: err} }

// expectOK returns the data of a response, and a *StepError for a status other
// than 9000.
func (t *transaction) expectOK(ins byte, r apdu.Response, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	if r.SW != apdu.SWOK {
		return nil, t.fail(&apdu.Error{INS: ins, SW: r.SW})
	}
	return r.Data, nil
}

func (t *transaction) secureOK(c apdu.Command) ([]byte, error) {
	r, err := t.secure(c)
	return t.expectOK(c.INS, r, err)
}

func (t *transaction) sendOK(c apdu.Command) ([]byte, error) {
	r, err := t.send(c)
	return t.expectOK(c.INS, r, err)
}

// malformed reports whether the card answered in a form that cannot be parsed:
// the secure messaging, which ends the channel, or the data in it.
func malformed(err error) bool {
	return errors.Is(err, apdu.ErrTLV) || errors.Is(err, apdu.ErrTLVNotFound) || errors.Is(err, apdu.ErrTLVTruncated)
}
