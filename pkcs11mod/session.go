package pkcs11mod

import (
	"sync"

	"cie/pkcs11mod/ck"
)

// session is an open session.
type session struct {
	handle uint
	token  *token
	slotID uint
	rw     bool

	// Guarded by instance.mu.
	closed   bool
	searched bool // a search was begun
	asked    int  // C_GetSessionInfo calls before a search and a login

	// mu serialises the functions of a session and guards op. See Locks in the package doc.
	mu sync.Mutex
	op operation
}

// operation is the one operation a session has active: a token without
// CKF_DUAL_CRYPTO_OPERATIONS excludes a second one (5.1.6, CKR_OPERATION_ACTIVE).
type operation interface{ kind() kind }

type kind int

const (
	finding kind = iota
	signing
	verifying
	digesting
)

// session returns an open session or nil.
func (in *instance) session(h uint) *session {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.sessions[h]
}

// call is one function at work in a session.
type call struct {
	in *instance
	s  *session
}

// begin starts a function in a session, end ends it. Session handles are checked before other
// arguments (5.1.7).
func (m *Module) begin(h uint) (*call, ck.RV) {
	in, rv := m.enter()
	if rv != ck.CKR_OK {
		return nil, rv
	}
	s := in.session(h)
	if s == nil {
		in.leave()
		return nil, ck.CKR_SESSION_HANDLE_INVALID
	}
	s.mu.Lock()
	in.mu.Lock()
	closed := s.closed
	in.mu.Unlock()
	if closed {
		s.mu.Unlock()
		in.leave()
		return nil, ck.CKR_SESSION_HANDLE_INVALID
	}
	return &call{in, s}, ck.CKR_OK
}

// end ends a function. A panic, for example from unreadable memory of the caller, also ends
// the operation, which may have processed half of its data.
func (c *call) end() {
	r := recover()
	if r != nil {
		c.s.op = nil
	}
	c.s.mu.Unlock()
	c.in.leave()
	if r != nil {
		panic(r)
	}
}

// busy reports whether an operation is active. A signature whose login is over
// is not.
func (c *call) busy() bool {
	if op, ok := c.s.op.(*signOp); ok && op.over(c.s.token) {
		c.s.op = nil
	}
	return c.s.op != nil
}

// OpenSession implements C_OpenSession (5.6). It accepts read/write sessions although the
// token is write protected: C_SetPIN and C_InitPIN need them, and many programs open no other
// kind.
func (m *Module) OpenSession(slotID, flags uint, handle *uint) ck.RV {
	in, rv := m.enter()
	if rv != ck.CKR_OK {
		return rv
	}
	defer in.leave()
	if handle == nil {
		return ck.CKR_ARGUMENTS_BAD
	}
	if flags&ck.CKF_SERIAL_SESSION == 0 {
		return ck.CKR_SESSION_PARALLEL_NOT_SUPPORTED
	}
	if rv := in.waitReady(); rv != ck.CKR_OK {
		return rv
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ctx.Err() != nil {
		return ck.CKR_CRYPTOKI_NOT_INITIALIZED
	}
	t, rv := in.tokenInLocked(slotID)
	if rv != ck.CKR_OK {
		return rv
	}
	rw := flags&ck.CKF_RW_SESSION != 0
	if !rw && t.who == officer {
		return ck.CKR_SESSION_READ_WRITE_SO_EXISTS
	}
	if len(in.sessions) >= maxSessions {
		return ck.CKR_SESSION_COUNT
	}
	h := newHandle()
	for in.sessions[h] != nil {
		h = newHandle()
	}
	in.sessions[h] = &session{handle: h, token: t, slotID: slotID, rw: rw}
	*handle = h
	return ck.CKR_OK
}

// CloseSession implements C_CloseSession (5.6). Closing the last session of a token ends the
// login. An operation in progress in another thread ends with CKR_SESSION_CLOSED.
func (m *Module) CloseSession(h uint) ck.RV {
	in, rv := m.enter()
	if rv != ck.CKR_OK {
		return rv
	}
	defer in.leave()
	in.mu.Lock()
	s := in.sessions[h]
	if s == nil {
		in.mu.Unlock()
		return ck.CKR_SESSION_HANDLE_INVALID
	}
	in.closeSessionsUnlock(s.token, func(other *session) bool { return other == s })
	return ck.CKR_OK
}

// CloseAllSessions implements C_CloseAllSessions (5.6).
func (m *Module) CloseAllSessions(slotID uint) ck.RV {
	in, rv := m.enter()
	if rv != ck.CKR_OK {
		return rv
	}
	defer in.leave()
	if rv := in.waitReady(); rv != ck.CKR_OK {
		return rv
	}
	in.mu.Lock()
	s := in.slotLocked(slotID)
	switch {
	case s == nil:
		in.mu.Unlock()
		return ck.CKR_SLOT_ID_INVALID
	case s.token == nil:
		in.mu.Unlock()
		return ck.CKR_TOKEN_NOT_PRESENT
	}
	in.closeSessionsUnlock(s.token, func(*session) bool { return true })
	return ck.CKR_OK
}

// closeSessionsUnlock closes sessions of a token and logs out if none is left. in.mu must be
// locked; it unlocks it.
func (in *instance) closeSessionsUnlock(t *token, which func(*session) bool) {
	left := 0
	for h, s := range in.sessions {
		switch {
		case s.token != t:
		case which(s):
			s.closed = true
			delete(in.sessions, h)
		default:
			left++
		}
	}
	logout := left == 0 && t.who != noUser
	if logout {
		t.endLoginLocked()
	}
	in.mu.Unlock()
	if logout {
		// The caller need not wait for another thread's work on the card.
		in.goDo(t.leaveCard)
	}
}

// GetSessionInfo implements C_GetSessionInfo (5.6), from memory.
func (m *Module) GetSessionInfo(h uint, info *ck.SessionInfo) ck.RV {
	in, rv := m.enter()
	if rv != ck.CKR_OK {
		return rv
	}
	defer in.leave()
	near, rv := in.sessionInfo(h, info)
	if near != nil {
		near.loginNear()
	}
	return rv
}

// sessionInfo describes a session. It returns the token if the call is the sign of a login.
func (in *instance) sessionInfo(h uint, info *ck.SessionInfo) (near *token, rv ck.RV) {
	in.mu.Lock()
	defer in.mu.Unlock()
	s := in.sessions[h]
	if s == nil {
		return nil, ck.CKR_SESSION_HANDLE_INVALID
	}
	if info == nil {
		return nil, ck.CKR_ARGUMENTS_BAD
	}
	*info = ck.SessionInfo{SlotID: s.slotID, State: s.stateLocked(), Flags: ck.CKF_SERIAL_SESSION}
	if s.rw {
		info.Flags |= ck.CKF_RW_SESSION
	}
	if s.askedLocked() {
		near = s.token
	}
	return near, ck.CKR_OK
}

// stateLocked returns the session state (CK_STATE). instance.mu must be locked.
func (s *session) stateLocked() uint {
	switch {
	case s.token.who == officer:
		return ck.CKS_RW_SO_FUNCTIONS
	case s.token.who == user && s.rw:
		return ck.CKS_RW_USER_FUNCTIONS
	case s.token.who == user:
		return ck.CKS_RO_USER_FUNCTIONS
	case s.rw:
		return ck.CKS_RW_PUBLIC_SESSION
	}
	return ck.CKS_RO_PUBLIC_SESSION
}

// SessionCancel implements C_SessionCancel of v3.0: it ends the operations named by flags.
// Operations that are not active, or not supported by this token, are no error.
func (m *Module) SessionCancel(h, flags uint) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	if c.s.op != nil && flags&map[kind]uint{
		finding:   ck.CKF_FIND_OBJECTS,
		signing:   ck.CKF_SIGN,
		verifying: ck.CKF_VERIFY,
		digesting: ck.CKF_DIGEST,
	}[c.s.op.kind()] != 0 {
		c.s.op = nil
	}
	return ck.CKR_OK
}
