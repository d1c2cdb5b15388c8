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

// login is the kind of user that is logged in to a token.
type login int

const (
	noUser  login = iota
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

	// Known after recognise and constant since.
	nis    string
	serial []byte // content of EF.SN.ICC
	family card.Family

	codes    codeStore // codes kept during the login
	refusals refusals  // codes that the card refused

	io       sync.Mutex // one operation on the card at a time; guards the following
	conn     *txConn
	sess     *card.Session
	cacheKey []byte
	// cacheAsked: the card was asked for cacheKey before the channel was opened. It is not
	// asked again before a login, because that would end the channel.
	cacheAsked bool
	idle       *time.Timer
	sharing    sharing
	loginAt    state.Mark // mark of the card at the login; zero: the PIN is not kept

	// Guarded by instance.mu.
	arrived time.Time // when the recognition began
	looked  bool      // the first attempts to recognise the card have ended
	isCIE   bool      // the CIE application was selected
	gone    bool
	who     login
	opening bool                // a channel is being opened before a login
	opened  bool                // it was, in this stay of the card
	epoch   uint                // counts logins and logouts: operations do not survive them
	trust   card.Authenticity   // according to the SOD, since the recognition
	tries   map[card.PINRef]int // last counters seen
	objects *objects            // nil until the certificate is known
}

func (in *instance) newToken(s *slot, from readers.Service) *token {
	t := &token{in: in, slot: s, service: from, tries: map[card.PINRef]int{}}
	t.ctx, t.cancel = context.WithCancel(in.ctx)
	return t
}

// label returns the label of the token, by which programs distinguish several cards. It is
// constant for a card, because the NIS is readable without PIN, login or cache. Two cards can
// have the same label; their serial numbers differ.
func (t *token) label() string { return "CIE " + t.nis[len(t.nis)-4:] }

// serialNumber returns EF.SN.ICC, a PAN in BCD padded with F, as the 16 characters that Cryptoki
// provides; its last digits differ between cards.
func (t *token) serialNumber() string {
	s := strings.TrimRight(strings.ToUpper(hex.EncodeToString(t.serial)), "F")
	return s[max(0, len(s)-16):]
}

// Pauses between attempts to recognise a card. They double up to shortPause, so that a reachable
// card is recognised within two seconds. After longTime the card or its reader is broken, or a
// program uses the card exclusively, and attempts become rare; pcsc-lite reports no event when
// exclusive use ends.
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

// recognise opens the card after a pause and reads what the module reports without I/O. It
// retries after temporary failures, for example while the card is still moving, until an event
// reports the removal of the card: no event reports that it is reachable again. It calls late
// once when the first attempts have failed.
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
			t.startIdleLocked()
			return nil
		}
		t.disconnectLocked()
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
	if err := t.connectLocked(); err != nil {
		return err
	}
	defer t.conn.release()
	t.family = t.sess.Family()
	t.noteTriesLocked()
	if err := t.checkIssuerLocked(); err != nil {
		return err
	}
	if t.takesCodes() {
		known, err := t.loadCacheLocked()
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
		// If the chip does not provide it: the NIS is part of it, and differs between cards too.
		t.serial, err = hex.DecodeString(t.nis)
	}
	return err
}

// connectLocked opens the card, which must be the recognised one. The card remains reserved until
// the caller releases it, because with other programs a second transaction may be a long wait.
// t.io must be locked.
func (t *token) connectLocked() error {
	c, err := t.service.Connect(t.slot.name)
	if err != nil {
		return err
	}
	t.conn = &txConn{Card: c}
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
	t.in.mu.Lock()
	t.isCIE = true
	t.in.mu.Unlock()
	opened = true
	return nil
}

// disconnectLocked wipes the channel and closes the connection. t.io must be locked.
func (t *token) disconnectLocked() {
	t.stopIdleLocked()
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
	t.disconnectLocked()
	clear(t.cacheKey)
	t.in.conns.Done()
}

// startIdleLocked closes the connection after some time without a login, so that programs that
// need exclusive use get it. t.io must be locked.
func (t *token) startIdleLocked() {
	t.in.mu.Lock()
	keep := t.who != noUser
	t.in.mu.Unlock()
	if keep || t.conn == nil {
		return
	}
	t.stopIdleLocked()
	var timer *time.Timer
	timer = time.AfterFunc(t.in.cfg.IdleTime, func() {
		t.io.Lock()
		defer t.io.Unlock()
		if t.idle == timer {
			_ = t.in.safely(func() error { t.disconnectLocked(); return nil })
		}
	})
	t.idle = timer
}

func (t *token) stopIdleLocked() {
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
		err := t.tryUseLocked(f)
		// The card was busy. If programs share a slow card, the wait can exceed that of the
		// service. An operation that sent a code is never repeated.
		if attempt < maxAttempts && errors.Is(err, apdu.ErrBusy) && !codeSent(err) && t.sharing.isShared(time.Now()) {
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

// maxAttempts limits the attempts to get a shared card.
const maxAttempts = 4

func (t *token) tryUseLocked(f func(context.Context, *card.Session) error) error {
	if t.ctx.Err() != nil {
		return apdu.ErrRemoved
	}
	t.stopIdleLocked()
	t.sharing.wait(t.ctx)
	if t.sess == nil {
		if err := t.connectLocked(); err != nil {
			t.failedLocked(err)
			return err
		}
	}
	err := t.reservedLocked(f)
	t.noteTriesLocked()
	if err != nil {
		var wrong *card.PINError
		if errors.As(err, &wrong) {
			t.refused(wrong)
		}
		t.noteTrust(err)
		t.failedLocked(err)
	}
	t.startIdleLocked()
	return err
}

// reservedLocked runs f while the card is reserved, and releases it even after a panic.
func (t *token) reservedLocked(f func(context.Context, *card.Session) error) error {
	t.conn.keep()
	defer func() {
		t.conn.release()
		t.sharing.ended = time.Now()
	}()
	return f(t.ctx, t.sess)
}

// failedLocked closes or keeps the connection after a failed operation. An unreachable service
// does not mean that the card was removed: if the service stopped, reader events report it. t.io
// must be locked.
func (t *token) failedLocked(err error) {
	switch {
	case card.LossOf(err) == card.LossCard:
		t.disconnectLocked()
		t.in.lost(t)
	case t.sess == nil || !answered(err):
		// The connection may be unusable; the next operation opens another.
		t.disconnectLocked()
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

// useAsUser runs an operation that requires the PIN. If the channel in which the PIN was verified
// is lost, it presents the kept PIN again, once.
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
		t.sharing.noticed(time.Now(), time.Since(began))
		if err = f(ctx, s); errors.Is(err, card.ErrPINRequired) {
			// Lost once more. The login remains, only this operation fails.
			return fmt.Errorf("%w: %v", errTaken, err)
		}
		return err
	})
}

var errTaken = fmt.Errorf("another program keeps taking the card away: %w", apdu.ErrReset)

// present verifies the kept PIN in a new channel, if no used try is known and the card's mark is
// that of the login: see package card. Otherwise, or if the card refuses it, the login ends.
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

// loseLogin ends a login that only the user can restore. Handles of private objects stay valid,
// and their next use returns the error.
func (t *token) loseLogin() {
	t.in.mu.Lock()
	defer t.in.mu.Unlock()
	t.codes.destroy()
	t.who = noUser
	t.epoch++
}

// noteTriesLocked stores the last known counters for functions that do not wait for the card.
// t.io must be locked.
func (t *token) noteTriesLocked() {
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

// refused reports a code that the card refused.
func (t *token) refused(e *card.PINError) {
	if f := t.in.cfg.WrongCode; f != nil && e.SW != 0 {
		go t.in.safely(func() error { f(e.Ref, e.Tries); return nil })
	}
}

// over returns the result of an operation whose session was closed or whose card was removed
// during it; CKR_OK if neither happened.
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
