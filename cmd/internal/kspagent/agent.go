package kspagent

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"sync"
	"time"

	"cie/card"
	"cie/card/identity"
	"cie/pkcs11mod"
	"cie/pkcs11mod/ck"
)

// Container returns the name of the key of the card with this NIS. The name is a hash, so that
// lists of keys do not show the NIS.
func Container(nis string) string {
	sum := sha256.Sum256([]byte("cie-ksp container, 1: " + nis))
	return "CIE-" + hex.EncodeToString(sum[:16])
}

// ErrCancelled is returned by a Dialog that the user cancelled.
var ErrCancelled = context.Canceled

// Question is what the user has to know before the PIN is typed.
type Question struct {
	Owner  uintptr // window of the caller, 0 if it named none
	Holder string  // empty if the certificate is not known yet
	Tries  card.Tries
	Wrong  bool // the PIN that was typed just before is wrong
}

// Last reports whether the user must confirm that the last try may be used.
func (q Question) Last() bool { return q.Tries.NeedsConsent(card.PIN) }

// Dialog asks the user. Its functions return when the context ends, with an error.
type Dialog interface {
	// PIN writes the 8 digits that the user typed to pin. A last try is confirmed.
	PIN(ctx context.Context, q Question, pin []byte) error
	// Explain shows why the card gets no PIN.
	Explain(ctx context.Context, owner uintptr, err error)
	// Insert asks for the card of a person and returns nil when the caller shall look again.
	Insert(ctx context.Context, owner uintptr, holder string) error
}

// IdleTime is the time without a signature after which a login ends.
const IdleTime = 15 * time.Minute

// Limits of what one browser may have open.
const (
	maxKeys     = 1024
	maxRequests = 64
)

// Config contains the dependencies of an Agent.
type Config struct {
	Module *pkcs11mod.Module
	Dialog Dialog
	// Known returns the certificate that was registered for a container, or nil, so that a
	// key can be opened while the card is in no reader. It may be nil.
	Known func(container string) []byte
	// Idle is IdleTime, or shorter in tests.
	Idle time.Duration
}

// Agent serves one process that has loaded the DLL.
type Agent struct {
	cfg Config

	write sync.Mutex // one frame at a time
	ask   chan struct{}

	// mu guards the following. It is not locked during an operation on a card or a dialog.
	mu      sync.Mutex
	keys    map[uint32]*key
	lastKey uint32
	calls   map[uint32]context.CancelFunc
	logins  map[string]*login // by container
}

// key is an open key.
type key struct {
	container string
	public    *rsa.PublicKey
	holder    string
}

// login is a session of the module that keeps a login.
type login struct {
	session uint
	slot    uint
	idle    *time.Timer
}

// New returns an agent. The module must not be initialised yet.
func New(cfg Config) *Agent {
	if cfg.Idle == 0 {
		cfg.Idle = IdleTime
	}
	if cfg.Known == nil {
		cfg.Known = func(string) []byte { return nil }
	}
	return &Agent{
		cfg: cfg, ask: make(chan struct{}, 1),
		keys: map[uint32]*key{}, calls: map[uint32]context.CancelFunc{}, logins: map[string]*login{},
	}
}

// endTime limits the wait for operations in progress once the requests have ended. A signature
// or a login takes longer on a slow card; the process ends nevertheless.
const endTime = 700 * time.Millisecond

// Serve answers requests until they end or one is malformed, or until ctx ends. Then it
// cancels what is in progress and ends the logins.
func (a *Agent) Serve(ctx context.Context, r io.Reader, w io.Writer) error {
	if rv := a.cfg.Module.Initialize(nil); rv != ck.CKR_OK {
		return rv
	}
	ctx, cancel := context.WithCancel(ctx)
	requests := make(chan request)
	ended := make(chan error, 1)
	go func() {
		for {
			q, err := readRequest(r)
			if err != nil {
				ended <- err
				return
			}
			select {
			case requests <- q:
			case <-ctx.Done():
				return
			}
		}
	}()
	var err error
	var active sync.WaitGroup
	for err == nil {
		select {
		case q := <-requests:
			a.take(ctx, q, w, &active, cancel)
		case err = <-ended:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	cancel()
	done := make(chan struct{})
	go func() {
		// The codes are destroyed at once; the wait is for the card.
		a.cfg.Module.Finalize(false)
		active.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(endTime):
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// take begins a request.
func (a *Agent) take(ctx context.Context, q request, w io.Writer, active *sync.WaitGroup, stop func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch q.op {
	case opCancel:
		if cancel := a.calls[q.target]; cancel != nil {
			cancel()
		}
		return
	case opClose:
		active.Go(a.closeLocked(q.key))
		return
	}
	answer := func(status Status, body []byte) {
		a.write.Lock()
		defer a.write.Unlock()
		if _, err := w.Write(response(q.id, status, body)); err != nil {
			stop() // the DLL does not read any more
		}
	}
	if len(a.calls) >= maxRequests || a.calls[q.id] != nil {
		active.Go(func() { answer(nteNoMemory, nil) })
		return
	}
	call, cancel := context.WithCancel(ctx)
	a.calls[q.id] = cancel
	active.Go(func() {
		status, body := a.do(call, q)
		cancel()
		a.mu.Lock()
		delete(a.calls, q.id)
		a.mu.Unlock()
		answer(status, body)
	})
}

// do performs a request that has a response. A panic fails this request only.
func (a *Agent) do(ctx context.Context, q request) (status Status, body []byte) {
	defer func() {
		if recover() != nil {
			status, body = nteFail, nil
		}
	}()
	if q.op == opOpen {
		return a.open(q.container)
	}
	return a.sign(ctx, q)
}

// find returns the recognised card of a container.
func (a *Agent) find(container string) (pkcs11mod.Card, bool) {
	cards, _ := a.cfg.Module.Cards()
	for _, c := range cards {
		if Container(c.NIS) == container {
			return c, true
		}
	}
	return pkcs11mod.Card{}, false
}

// open opens a key. Its public key is that of the registered certificate, or of the one that
// the module knows of the card.
func (a *Agent) open(container string) (Status, []byte) {
	c, _ := a.find(container)
	der := a.cfg.Known(container)
	if der == nil {
		der = c.Certificate
	}
	id, err := identity.Parse(der)
	if err != nil {
		return nteBadKeyset, nil
	}
	public, ok := id.PublicKey.(*rsa.PublicKey)
	if !ok || public.Size() > maxFrame/2 {
		return nteBadKeyset, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.keys) >= maxKeys {
		return nteNoMemory, nil
	}
	a.lastKey++
	a.keys[a.lastKey] = &key{container: container, public: public, holder: id.Name()}
	return statusOK, openBody(a.lastKey, public.E, public.N.FillBytes(make([]byte, public.Size())), c.Reader)
}

// closeLocked closes a key. With the last key of a card its login ends, in the function that
// is returned. a.mu must be locked.
func (a *Agent) closeLocked(n uint32) func() {
	k := a.keys[n]
	if k == nil {
		return func() {}
	}
	delete(a.keys, n)
	for _, other := range a.keys {
		if other.container == k.container {
			return func() {}
		}
	}
	l := a.logins[k.container]
	delete(a.logins, k.container)
	return func() { a.endLogin(l) }
}

// endLogin ends a login that is no longer in a.logins.
func (a *Agent) endLogin(l *login) {
	if l != nil {
		l.idle.Stop()
		a.cfg.Module.CloseSession(l.session) // the last session of a card ends the login
	}
}

// sign makes a signature, after a login if the card has none.
func (a *Agent) sign(ctx context.Context, q request) (Status, []byte) {
	a.mu.Lock()
	k := a.keys[q.key]
	a.mu.Unlock()
	if k == nil {
		return nteInvalidHandle, nil
	}
	if q.hash != 0 && len(q.data) != q.hash.Size() {
		return nteInvalidParam, nil
	}
	info, err := card.DigestInfo(q.hash, q.data)
	if err == nil {
		err = card.CheckSign(info)
	}
	if err != nil {
		return statusOf(err), nil
	}
	// A card that was taken off, or a login that another program ended, costs one more round.
	for range 3 {
		signature, rv := a.signLoggedIn(k, info)
		switch rv {
		case ck.CKR_OK:
			if rsa.VerifyPKCS1v15(k.public, 0, info, signature) != nil {
				return nteBadKeyset, nil // the card was replaced by a new one
			}
			return statusOK, signature
		case ck.CKR_USER_NOT_LOGGED_IN, ck.CKR_SESSION_HANDLE_INVALID, ck.CKR_SESSION_CLOSED, ck.CKR_TOKEN_NOT_PRESENT, ck.CKR_DEVICE_REMOVED:
		default:
			return statusOfRV(rv), nil
		}
		if status := a.logIn(ctx, k, q); status != statusOK {
			return status, nil
		}
	}
	return nteDeviceNotReady, nil
}

// signLoggedIn makes a signature in the login of a card, if there is one.
func (a *Agent) signLoggedIn(k *key, info []byte) ([]byte, ck.RV) {
	a.mu.Lock()
	l := a.logins[k.container]
	if l != nil {
		l.idle.Stop()
	}
	a.mu.Unlock()
	if l == nil {
		return nil, ck.CKR_USER_NOT_LOGGED_IN
	}
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.logins[k.container] == l {
			l.idle.Reset(a.cfg.Idle)
		}
	}()
	// A session of its own, because a session has one operation at a time.
	var s uint
	m := a.cfg.Module
	if rv := m.OpenSession(l.slot, ck.CKF_SERIAL_SESSION, &s); rv != ck.CKR_OK {
		return nil, rv
	}
	defer m.CloseSession(s)
	if c, ok := a.find(k.container); !ok || c.Slot != l.slot {
		return nil, ck.CKR_DEVICE_REMOVED // another card is in the reader
	}
	private := []ck.Attribute{ck.Attr(ck.CKA_CLASS, ck.ULong(ck.CKO_PRIVATE_KEY))}
	if rv := m.FindObjectsInit(s, private, 1); rv != ck.CKR_OK {
		return nil, rv
	}
	var n uint
	found := make([]uint, 1)
	rv := m.FindObjects(s, found, &n)
	m.FindObjectsFinal(s)
	if rv == ck.CKR_OK && n == 0 {
		rv = ck.CKR_USER_NOT_LOGGED_IN // private objects are visible to the user only
	}
	if rv != ck.CKR_OK {
		return nil, rv
	}
	if rv := m.SignInit(s, &ck.Mechanism{Type: ck.CKM_RSA_PKCS}, found[0]); rv != ck.CKR_OK {
		return nil, rv
	}
	size := uint(k.public.Size())
	signature := make([]byte, size)
	rv = m.Sign(s, ck.Bytes(info), ck.Output{Data: signature, Len: &size})
	return signature[:size], rv
}
