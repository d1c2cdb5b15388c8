package pkcs11mod

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card"
	"cie/card/state"
	"cie/pkcs11mod/ck"
)

// login is who is logged in to a token.
type login int

const (
	nobody  login = iota
	user          // PIN
	officer       // PUK
)

// token is one stay of one card in a reader.
type token struct {
	in      *instance
	slot    *slot
	service readers.Service
	ctx     context.Context // ends when the card leaves and with C_Finalize
	cancel  context.CancelFunc

	looked    chan struct{} // closed after the first attempts to recognise the card
	lookUntil time.Time     // until when functions that report slots wait for looked

	// Known after recognise and constant since.
	nis    string
	serial []byte // content of EF.SN.ICC
	family card.Family

	codes    vault    // codes kept for the time of the login
	refusals refusals // codes that the card refused

	io       sync.Mutex // one operation on the card at a time; guards the following
	conn     *hold
	sess     *card.Session
	cacheKey []byte
	idle     *time.Timer
	turn     turn
	loginAt  state.Mark // mark of the card at the login; zero: the PIN is not kept

	// Guarded by instance.mu.
	gone    bool
	who     login
	epoch   uint                // counts logins and logouts: operations do not survive them
	trust   card.Authenticity   // as far as the SOD tells, from the recognition
	tries   map[card.PINRef]int // last counters seen
	objects *objects            // nil until the certificate is known
}

func (in *instance) newToken(s *slot, from readers.Service) *token {
	t := &token{in: in, slot: s, service: from, looked: make(chan struct{}), tries: map[card.PINRef]int{}}
	t.ctx, t.cancel = context.WithCancel(in.ctx)
	return t
}

// label tells the tokens of several cards apart. Programs name a token by it, so
// it never changes for a card: the NIS is readable without PIN, and no login and
// no cache has a part in it. Two cards can have the same label; their serial
// numbers differ.
func (t *token) label() string { return "CIE " + t.nis[len(t.nis)-4:] }

// serialNumber is EF.SN.ICC, a PAN in BCD padded with F, as the 16 characters
// that Cryptoki has room for; its last digits tell cards apart.
func (t *token) serialNumber() string {
	s := strings.TrimRight(strings.ToUpper(hex.EncodeToString(t.serial)), "F")
	return s[max(0, len(s)-16):]
}

// Pauses between attempts to recognise a card: they double up to shortPause, so
// that a card which can be reached is seen within two seconds. After longTime
// the card, or what it is in, is broken, or a program holds the card for itself,
// and attempts become rare; pcsc-lite has no event for the end of that.
const (
	shortPause = 1500 * time.Millisecond
	longTime   = time.Minute
	rarePause  = 10 * time.Second
)

// Attempts at a card that answers, but not as it should, and those that the
// first slot list waits for.
const (
	oddAttempts   = 3
	firstAttempts = 5
)

// recognise opens the card, after a pause, and fills in what the module tells
// without I/O. Failures that pass, as when the card is still being moved, are
// tried again until an event says that the card left: no event tells that it can
// be reached again. late is called once when the first attempts have failed.
func (t *token) recognise(pause time.Duration, late func()) error {
	if err := t.sleep(pause); err != nil {
		return err
	}
	t.io.Lock()
	defer t.io.Unlock()
	wait := t.in.cfg.retry
	for spent, attempt := time.Duration(0), 1; ; attempt++ {
		err := t.identify()
		if err == nil {
			t.startIdle()
			return nil
		}
		t.disconnect()
		var status *apdu.Error
		switch {
		case errors.Is(err, card.ErrNotCIE), errors.Is(err, errOtherCard), errors.As(err, &status) && attempt >= oddAttempts:
			return err
		case attempt == firstAttempts:
			t.in.trace("slot %d: still no token: %v", t.slot.id, err)
			late()
		}
		if err := t.sleep(wait); err != nil {
			return err
		}
		spent += wait
		most := shortPause
		if spent > longTime {
			most = rarePause
		}
		wait = min(2*wait, most)
	}
}

// sleep waits unless the token ends.
func (t *token) sleep(d time.Duration) error {
	if d == 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-t.ctx.Done():
		return t.ctx.Err()
	}
}

func (t *token) identify() error {
	if err := t.connect(); err != nil {
		return err
	}
	defer t.conn.release()
	t.family = t.sess.Family()
	t.noteTries()
	if err := t.checkIssuer(); err != nil {
		return err
	}
	if t.takesCodes() {
		known, err := t.loadCache()
		if known || err != nil {
			return err
		}
	}
	serial, err := t.sess.SerialICC(t.ctx)
	var status *apdu.Error
	if errors.As(err, &status) {
		// The serial number of a card must not depend on one command that failed
		// by chance, so only a refusal that is repeated counts.
		serial, err = t.sess.SerialICC(t.ctx)
	}
	t.serial = serial
	if errors.As(err, &status) || err == nil && t.serialNumber() == "" {
		// A chip that does not show it: the NIS is the middle of it, and tells
		// cards apart as well.
		t.serial, err = hex.DecodeString(t.nis)
	}
	return err
}

// connect opens the card; it has to be the one that was recognised. The card
// stays reserved for the caller, who releases it: among programs that use it all
// the time, a second turn can be a long time to wait. The caller holds t.io.
func (t *token) connect() error {
	c, err := t.service.Connect(t.slot.name)
	if err != nil {
		return err
	}
	t.conn = &hold{Card: c}
	t.conn.keep()
	opened := false
	defer func() {
		if !opened {
			t.conn.release()
		}
	}()
	t.sess, err = card.Open(t.ctx, t.conn, t.in.card)
	if err != nil {
		return err
	}
	if t.nis != "" && t.sess.NIS() != t.nis {
		return errOtherCard
	}
	t.nis = t.sess.NIS()
	opened = true
	return nil
}

// disconnect wipes the channel and closes the connection. The caller holds t.io.
func (t *token) disconnect() {
	t.stopIdle()
	if t.sess != nil {
		_ = t.sess.Close() // wipes keys only
		t.sess = nil
	}
	if t.conn != nil {
		if err := t.conn.Close(); err != nil {
			t.in.trace("slot %d: close: %v", t.slot.id, err)
		}
		t.conn = nil
	}
}

// shutdown ends a token that no slot shows any more.
func (t *token) shutdown() {
	t.cancel()
	t.io.Lock()
	defer t.io.Unlock()
	t.codes.destroy() // dropToken did, but a login can have been under way
	t.refusals.destroy()
	t.disconnect()
	clear(t.cacheKey)
	t.in.conns.Done()
}

// startIdle lets the connection go after a while when nobody is logged in, so
// that programs which want the card for themselves get it. The caller holds t.io.
func (t *token) startIdle() {
	t.in.mu.Lock()
	keep := t.who != nobody
	t.in.mu.Unlock()
	if keep || t.conn == nil {
		return
	}
	t.stopIdle()
	var timer *time.Timer
	timer = time.AfterFunc(t.in.cfg.IdleTime, func() {
		t.io.Lock()
		defer t.io.Unlock()
		if t.idle == timer {
			_ = t.in.safely(func() error { t.disconnect(); return nil })
		}
	})
	t.idle = timer
}

func (t *token) stopIdle() {
	if t.idle != nil {
		t.idle.Stop()
		t.idle = nil
	}
}

// use runs one operation on the card, which stays reserved for this program
// until f returns.
func (t *token) use(f func(context.Context, *card.Session) error) error {
	t.io.Lock()
	defer t.io.Unlock()
	for attempt := 1; ; attempt++ {
		err := t.tryUse(f)
		// The card was not to be had. Where programs take turns on a slow card it
		// can take longer than the service waits. An operation in which a code
		// was sent is never repeated.
		if attempt < maxAttempts && errors.Is(err, apdu.ErrBusy) && !codeSent(err) && t.turn.isShared(time.Now()) {
			t.in.trace("slot %d: still in use by another program", t.slot.id)
			continue
		}
		return err
	}
}

// codeSent reports whether an operation failed after it had sent a code.
func codeSent(err error) bool {
	var (
		wrong  *card.PINError
		unsure *card.UncertainError
		cut    *card.InterruptedError
	)
	return errors.As(err, &wrong) || errors.As(err, &unsure) || errors.As(err, &cut)
}

// maxAttempts bounds how often a card in turns is waited for.
const maxAttempts = 4

func (t *token) tryUse(f func(context.Context, *card.Session) error) error {
	if t.ctx.Err() != nil {
		return apdu.ErrRemoved
	}
	t.stopIdle()
	t.turn.wait(t.ctx)
	if t.sess == nil {
		if err := t.connect(); err != nil {
			t.failed(err)
			return err
		}
	}
	err := t.held(f)
	t.noteTries()
	if err != nil {
		var wrong *card.PINError
		if errors.As(err, &wrong) {
			t.refused(wrong)
		}
		t.noteTrust(err)
		t.failed(err)
	}
	t.startIdle()
	return err
}

// held runs f while the card is reserved, and gives it back also after a panic.
func (t *token) held(f func(context.Context, *card.Session) error) error {
	t.conn.keep()
	defer func() {
		t.conn.release()
		t.turn.ended = time.Now()
	}()
	return f(t.ctx, t.sess)
}

// failed draws the consequences of a failed operation for the connection. A
// service that cannot be reached says nothing about the card: if it stopped,
// reader events say so. The caller holds t.io.
func (t *token) failed(err error) {
	switch {
	case card.LossOf(err) == card.LossCard:
		t.disconnect()
		t.in.lost(t)
	case t.sess == nil || !answered(err):
		// The connection may be dead for good; the next operation makes another.
		t.disconnect()
	}
}

// answered reports whether a failure is the card's own answer, or a refusal
// before it was asked, so that the connection is as good as before.
func answered(err error) bool {
	var (
		status *apdu.Error
		wrong  *card.PINError
		last   *card.LastTryError
		trust  *card.NotAcceptedError
		step   *card.StepError
	)
	return errors.As(err, &status) || errors.As(err, &wrong) || errors.As(err, &last) || errors.As(err, &trust) ||
		!errors.As(err, &step) && !errors.Is(err, errPanic)
}

var errOtherCard = fmt.Errorf("another card is in the reader: %w", apdu.ErrRemoved)

// useAsUser runs an operation that needs the PIN. When the channel it was
// verified in is gone, the kept PIN is presented again, once.
func (t *token) useAsUser(f func(context.Context, *card.Session) error) error {
	return t.use(func(ctx context.Context, s *card.Session) error {
		t.in.mu.Lock()
		who := t.who
		t.in.mu.Unlock()
		if who != user { // logged out while this thread waited for the card
			return card.ErrPINRequired
		}
		err := f(ctx, s)
		if !errors.Is(err, card.ErrPINRequired) {
			return err
		}
		began := time.Now()
		if err := t.present(ctx, s); err != nil {
			return err
		}
		t.turn.noticed(time.Now(), time.Since(began))
		if err = f(ctx, s); errors.Is(err, card.ErrPINRequired) {
			// Lost once more. The login stands, only this operation failed.
			return fmt.Errorf("%w: %v", errTaken, err)
		}
		return err
	})
}

var errTaken = fmt.Errorf("another program keeps taking the card away: %w", apdu.ErrReset)

// present verifies the kept PIN in a new channel, only if no try was spent as
// far as is known, and only while the card's mark is the one of the login: see
// package card. Otherwise, and if it is refused, the login is over.
func (t *token) present(ctx context.Context, s *card.Session) error {
	if !t.codes.has(card.PIN) {
		t.loseLogin()
		return card.ErrPINRequired
	}
	tries, err := s.Tries(ctx, card.PIN)
	if err != nil {
		return err
	}
	if tries.Left != card.PIN.MaxTries() {
		t.loseLogin()
		return card.ErrPINRequired
	}
	t.in.trace("slot %d: channel lost, presenting the kept PIN", t.slot.id)
	err = t.codes.with(card.PIN, func(pin []byte) error {
		err := s.Verify(ctx, card.PIN, pin, card.OnlyAtMark(t.loginAt))
		t.noteRefusal(err, pin)
		return err
	})
	var wrong *card.PINError
	var last *card.LastTryError
	var trust *card.NotAcceptedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		t.refused(wrong)
		t.loseLogin()
		return card.ErrPINRequired
	case errors.Is(err, errNoCode), errors.Is(err, card.ErrMarkMoved), errors.As(err, &last):
		t.in.trace("slot %d: the kept PIN is not presented: %v", t.slot.id, err)
		t.loseLogin()
		return card.ErrPINRequired
	case errors.As(err, &trust):
		t.loseLogin()
		return err
	}
	var unsure *card.UncertainError
	if errors.As(err, &unsure) {
		// The answer got lost: whether the code was right is not known, so it
		// is not presented another time.
		t.loseLogin()
	}
	return err
}

// loseLogin ends a login that cannot be restored without the person. Handles of
// private objects stay valid: it is the caller's use of them that tells.
func (t *token) loseLogin() {
	t.in.mu.Lock()
	defer t.in.mu.Unlock()
	t.codes.destroy()
	t.who = nobody
	t.epoch++
}

// noteTries keeps the counters last seen where they can be told without
// waiting for the card. The caller holds t.io.
func (t *token) noteTries() {
	if t.sess == nil {
		return
	}
	for _, ref := range []card.PINRef{card.PIN, card.PUK} {
		left := t.sess.LastTries(ref).Left
		t.in.mu.Lock()
		if left < 0 {
			delete(t.tries, ref)
		} else {
			t.tries[ref] = left
		}
		t.in.mu.Unlock()
	}
}

// refused tells about a code that the card did not take.
func (t *token) refused(e *card.PINError) {
	if f := t.in.cfg.WrongCode; f != nil && e.SW != 0 {
		go t.in.safely(func() error { f(e.Ref, e.Tries); return nil })
	}
}

// over reports how an operation that was running ends when its session or its
// card went away meanwhile; CKR_OK if neither did.
func (in *instance) over(s *session) ck.RV {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.ctx.Err() != nil:
		return ck.CKR_CRYPTOKI_NOT_INITIALIZED
	case s.token.gone:
		return ck.CKR_DEVICE_REMOVED
	case s.closed:
		return ck.CKR_SESSION_CLOSED
	}
	return ck.CKR_OK
}
