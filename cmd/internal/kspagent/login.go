package kspagent

import (
	"context"
	"time"

	"cie/card"
	"cie/pkcs11mod"
	"cie/pkcs11mod/ck"
)

// logIn makes a login for a key: it finds the card, and asks for the PIN if no login is there.
// One dialog is open at a time. Without leave to ask it returns at once.
func (a *Agent) logIn(ctx context.Context, k *key, q request) Status {
	if q.silent {
		if _, there := a.find(k.container); !there {
			return scardNoCard
		}
		return nteSilentContext
	}
	select {
	case a.ask <- struct{}{}:
		defer func() { <-a.ask }()
	case <-ctx.Done():
		return scardCancelled
	}
	for {
		c, there := a.find(k.container)
		if there && c.LoggedIn && a.keeps(k.container, c.Slot) {
			return statusOK // another thread has asked meanwhile
		}
		if there {
			return a.askPIN(ctx, k, c, q.owner)
		}
		if err := a.insert(ctx, k, q.owner); err != nil {
			return statusOf(err)
		}
	}
}

// lookPause is the pause between looks for the card that a dialog asks for. The module learns
// of it from events; a look sends nothing.
const lookPause = 300 * time.Millisecond

// insert asks for the card, and stops asking when it is there.
func (a *Agent) insert(ctx context.Context, k *key, owner uintptr) error {
	asking, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		for asking.Err() == nil {
			if _, there := a.find(k.container); there {
				stop()
			}
			select {
			case <-time.After(lookPause):
			case <-asking.Done():
			}
		}
	}()
	err := a.cfg.Dialog.Insert(asking, owner, k.holder)
	if _, there := a.find(k.container); there && ctx.Err() == nil {
		return nil
	}
	return err
}

// keeps reports whether the login of a container is one in this slot.
func (a *Agent) keeps(container string, slot uint) bool {
	a.mu.Lock()
	l := a.logins[container]
	a.mu.Unlock()
	if l == nil || l.slot != slot {
		return false
	}
	var info ck.SessionInfo
	return a.cfg.Module.GetSessionInfo(l.session, &info) == ck.CKR_OK
}

// askPIN asks for the PIN until it is right or the user gives up.
func (a *Agent) askPIN(ctx context.Context, k *key, c pkcs11mod.Card, owner uintptr) Status {
	m := a.cfg.Module
	var session uint
	if rv := m.OpenSession(c.Slot, ck.CKF_SERIAL_SESSION, &session); rv != ck.CKR_OK {
		return statusOfRV(rv)
	}
	kept := false
	defer func() {
		if !kept {
			m.CloseSession(session)
		}
	}()
	pin, err := pkcs11mod.NewPage()
	if err != nil {
		return nteNoMemory // without locked memory there is no place for a PIN
	}
	defer pkcs11mod.FreePage(pin)
	question := Question{Owner: owner, Holder: k.holder}
	for {
		if question.Tries, err = m.PrepareLogin(session); err != nil {
			if explained(err) {
				a.cfg.Dialog.Explain(ctx, owner, err)
			}
			return statusOf(err)
		}
		code := pin[:card.CodeLength]
		if err := a.cfg.Dialog.PIN(ctx, question, code); err != nil {
			return statusOf(err)
		}
		if ctx.Err() != nil {
			return scardCancelled // the signature is no longer wanted, so no try is used
		}
		rv := m.LoginAsked(session, ck.Bytes(code), question.Last())
		clear(pin)
		switch rv {
		case ck.CKR_OK, ck.CKR_USER_ALREADY_LOGGED_IN:
			kept = a.keep(k.container, c.Slot, session)
			if !kept {
				return nteInvalidHandle // the key was closed meanwhile
			}
			return statusOK
		case ck.CKR_PIN_INCORRECT:
			question.Wrong = true
		case ck.CKR_PIN_LOCKED, ck.CKR_FUNCTION_REJECTED:
			// PrepareLogin finds the reason, or that the last try must be confirmed.
			question.Wrong = rv == ck.CKR_PIN_LOCKED
		default:
			return statusOfRV(rv)
		}
	}
}

// explained reports whether the user needs to read why the card gets no PIN. Other errors are
// the browser's to report.
func explained(err error) bool {
	switch card.Classify(err) {
	case card.KindNotAccepted, card.KindNotGenuine, card.KindPINBlocked, card.KindPUKBlocked:
		return true
	}
	return false
}

// keep records the session of a login, and reports false if no key of the card is open any
// more.
func (a *Agent) keep(container string, slot, session uint) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	held := false
	for _, k := range a.keys {
		held = held || k.container == container
	}
	if !held {
		return false
	}
	if old := a.logins[container]; old != nil {
		old.idle.Stop()
		defer a.cfg.Module.CloseSession(old.session)
	}
	l := &login{session: session, slot: slot}
	l.idle = time.AfterFunc(a.cfg.Idle, func() {
		a.mu.Lock()
		current := a.logins[container] == l
		if current {
			delete(a.logins, container)
		}
		a.mu.Unlock()
		if current {
			a.endLogin(l)
		}
	})
	a.logins[container] = l
	return true
}
