package pkcs11mod

import (
	"context"

	"cie/card"
	"cie/pkcs11mod/ck"
)

// # Signs of a login
//
// While the user types the PIN the module builds the secure channel, which takes the
// card up to four seconds, so that C_Login costs the counter and VERIFY alone. No
// program announces a login. These are the calls of programs before they ask for the
// PIN, as traced on Debian 12; every program first lists slots and opens a session.
//
//	program                     calls before the prompt (known card)                  sign
//	Firefox, Chromium           public key of the certificate: C_FindObjectsInit,     public key
//	                            choice of the certificate, private key, prompt
//	tstclnt, certutil -L (NSS)  certificates, public key, private key, prompt         public key
//	ssh                         public keys, certificates, prompt                     public key
//	OpenSSL (engine pkcs11)     private key, prompt                                   private key
//	curl (engine pkcs11)        certificate, private key, prompt                      private key
//	gnutls-cli                  certificate by CKA_ID, C_GetSessionInfo, prompt       CKA_ID
//	Java (keytool, jarsigner)   C_GetSessionInfo twice, mechanisms, prompt            second C_GetSessionInfo
//	p11tool                     C_GetSessionInfo, prompt                              none
//	pkcs11-tool                 C_GetTokenInfo, prompt                                none
//	ssh-add                     prompt, then C_Initialize                             none
//
// On a card never seen, without objects, ssh and OpenSSL show the same signs. Browsers
// show none: what they call before the prompt they also call for every page.
//
// No sign, because programs do it when they start, list readers or show a page: all
// functions of slots, C_OpenSession, one C_GetSessionInfo (and any number after a search:
// NSS asks for every page), and searches for certificates without CKA_ID, for trust,
// revocation lists, profiles and built-in roots.

// searched looks for the sign of a login in a search that has just begun. The caller's memory
// was read before.
func (c *call) searched(sign bool) {
	c.in.mu.Lock()
	c.s.searched = true
	c.in.mu.Unlock()
	if sign {
		c.s.token.loginNear()
	}
}

// searchIsSign reports whether a search is the sign of a login.
func searchIsSign(template []ck.Attribute) bool {
	is := func(typ uint, values ...uint) bool {
		for _, a := range template {
			for _, v := range values {
				want := ck.Attr(typ, ck.ULong(v))
				if a.Type == typ && a.Len == want.Len && string(a.Value) == string(want.Value) {
					return true
				}
			}
		}
		return false
	}
	byID := false
	for _, a := range template {
		byID = byID || a.Type == ck.CKA_ID && a.Len > 0
	}
	return is(ck.CKA_CLASS, ck.CKO_PUBLIC_KEY, ck.CKO_PRIVATE_KEY) || byID && is(ck.CKA_CLASS, ck.CKO_CERTIFICATE)
}

// askedLocked counts a C_GetSessionInfo and reports whether it is the sign of a login.
// instance.mu must be locked.
func (s *session) askedLocked() bool {
	if s.searched || s.token.who != noUser {
		return false
	}
	s.asked++
	return s.asked == 2
}

// loginNear opens the channel in the background, once in a stay of the card. Later signs
// keep it open. The work needs no program to wait: if the card is in use by a login, or by
// this program, it is left to the login.
func (t *token) loginNear() {
	t.in.mu.Lock()
	defer t.in.mu.Unlock()
	if t.in.cfg.OpenAhead && t.trust.TakesCodes() {
		t.beginLocked()
	}
}

// openNow opens the channel in the background, also where it was opened before in this
// stay of the card: the user is asked for the PIN.
func (t *token) openNow() {
	t.in.mu.Lock()
	defer t.in.mu.Unlock()
	t.opened = false
	t.beginLocked()
}

// beginLocked starts openAhead. instance.mu must be locked.
func (t *token) beginLocked() {
	in := t.in
	if t.who != noUser || t.gone || in.ctx.Err() != nil || t.opening {
		return
	}
	t.opening = true
	in.background.Add(1)
	in.goDo(func() {
		defer in.background.Add(-1)
		opened := t.openAhead()
		in.mu.Lock()
		defer in.mu.Unlock()
		t.opening, t.opened = false, t.opened || opened
	})
}

// openAhead opens the channel and reports whether it has tried.
func (t *token) openAhead() bool {
	if !t.io.TryLock() {
		return false // a login may be under way
	}
	defer t.io.Unlock()
	t.in.mu.Lock()
	opened, skip := t.opened, t.who != noUser
	t.in.mu.Unlock()
	switch {
	case skip:
		return false
	case opened:
		t.startIdleLocked()
		return true
	case t.in.card.State.Shared(t.nis):
		// Connecting would end the channel of that login.
		t.in.trace("slot %d: no channel before the PIN: %v", t.slot.id, card.ErrInUse)
		return false
	}
	err := t.tryUseLocked(func(ctx context.Context, s *card.Session) error {
		t.prepareCacheLocked(ctx, s)
		t.cacheAsked = true
		return s.Prepare(ctx)
	})
	if err != nil {
		t.in.trace("slot %d: no channel before the PIN: %v", t.slot.id, err)
	}
	return true
}
