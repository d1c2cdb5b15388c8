// Package pkcs11mod implements a Cryptoki (PKCS #11) token for the Italian electronic
// identity card in pure Go: slots, sessions, objects, login, signature. It contains all
// behaviour; the C ABI in cmd/cie-pkcs11 checks and copies the arguments.
//
// A method of [Module] implements the function of the same name in PKCS #11 v2.40, and
// returns its codes in the order of the standard: first CKR_CRYPTOKI_NOT_INITIALIZED, then
// bad arguments, then bad handles, then the state of the session. Pointers that a C caller
// may leave NULL_PTR are nil here.
//
// Nothing is sent to an idle card: C_GetSlotInfo, C_GetTokenInfo and C_GetSessionInfo
// return values in memory, which reader events update.
//
// # Locks
//
// Locks are taken in this order: session.mu, token.io, instance.mu, then Module.mu,
// codeStore.mu or refusals.mu. session.mu serialises the functions of a session and guards its
// operation. token.io is locked during an operation on a card, which may take seconds;
// instance.mu guards slots, sessions, logins and objects and is only locked for work in
// memory. Module.mu guards the pointer to the instance and the numbers of slots. The name of
// a method that needs token.io or instance.mu locked ends in Locked.
package pkcs11mod

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"cie/apdu/readers"
	"cie/card"
	"cie/pkcs11mod/ck"
)

// Texts that programs display. They fit in 32 bytes.
const (
	manufacturer = "CIE"
	description  = "Carta d'identità elettronica"
)

// Config contains the dependencies of a Module.
type Config struct {
	// Readers opens the connection to the smart card readers. It is called at
	// the first need, in a goroutine, never by C_Initialize.
	Readers func() (readers.Service, error)
	// Card returns the options for card.Open: trust anchors, trace, and the
	// store for the constants of known cards, which also keeps the encrypted
	// certificates. Without a store nothing is kept. It is called once after
	// each C_Initialize, after Readers. It may be nil.
	Card func() card.Options
	// Issuers returns the DER of the certificate of the CA that issued leaf,
	// or nil when it is not known. It may be nil.
	Issuers func(leaf *x509.Certificate) []byte
	// RecognitionTime limits how long the first C_GetSlotList waits until
	// cards that are already there are recognised. 0: 5 seconds.
	RecognitionTime time.Duration
	// IdleTime is the time after which the connection to a card is closed if it is unused and
	// no user is logged in. 0: 15 seconds.
	IdleTime time.Duration
	// OpenAhead opens the secure channel to a known card in the background when a program
	// shows that it will log in, while the user types the PIN: see ahead.go.
	OpenAhead bool
	// Version of the library, shown by C_GetInfo.
	Version ck.Version
	// Trace receives lines for debugging, without personal data. It may be nil.
	Trace func(format string, args ...any)
	// WrongCode is called, in a goroutine of its own, when the card refused a code, with the
	// code and the remaining tries (-1: unknown). Programs that log in often do not show
	// this. It may be nil.
	WrongCode func(ref card.PINRef, left int)
	// NotAccepted is called, in a goroutine of its own, when a card is in a reader to which no
	// code is sent: it is not genuine, or it is not proved genuine and the user has not
	// accepted it. It may be nil.
	NotAccepted func(level card.Level)

	// retry is the first pause between attempts to recognise a card.
	retry time.Duration
}

// Module is one Cryptoki library. Its methods may be called from any goroutine.
type Module struct {
	cfg Config

	mu  sync.Mutex
	in  *instance // nil: not initialised
	ids map[string]uint
}

// New returns a library that is not initialised yet.
func New(cfg Config) *Module {
	if cfg.RecognitionTime == 0 {
		cfg.RecognitionTime = 5 * time.Second
	}
	if cfg.IdleTime == 0 {
		cfg.IdleTime = 15 * time.Second
	}
	if cfg.retry == 0 {
		cfg.retry = 200 * time.Millisecond
	}
	return &Module{cfg: cfg, ids: map[string]uint{}}
}

// finalizeTime limits the time for which C_Finalize waits for calls of other threads. A card
// operation ends after the command in progress. Only a hanging reader takes longer, and its
// call then ends later.
const finalizeTime = 10 * time.Second

// backgroundTime is the same while the module works on its own account: that work ends after
// the command in progress too, but no program waits for it.
const backgroundTime = 100 * time.Millisecond

// instance is the library between C_Initialize and C_Finalize.
type instance struct {
	cfg    *Config
	module *Module
	ctx    context.Context // ends with C_Finalize
	cancel context.CancelFunc

	// card are the options for card.Open, set before the first token.
	card card.Options

	background atomic.Int32 // channels that are opened while no call waits for them

	active sync.WaitGroup // calls and goroutines; Add only under Module.mu or by a holder
	conns  sync.WaitGroup // tokens whose connection may be open; Add only in follow

	mu       sync.Mutex
	slots    []*slot // in the order they were seen first
	sessions map[uint]*session
	listed   []*slot // the last result of C_GetSlotList
	fixed    []uint  // result of a length query, valid for the next call; nil: none
	// fixedPresent reports that fixed contains only the slots with a token.
	fixedPresent bool
	watching     bool
	deadline     time.Time // until when slot lists wait for isReady
	settled      bool      // the readers that were there at first are known
	pending      int       // recognitions that isReady waits for
	isReady      bool
	recognised   time.Time     // when a card was recognised last
	woken        chan struct{} // closed and replaced when waitReady may wait less
	listReturned bool          // slot changes count as events from now on
	changed      chan struct{} // closed and replaced at every event
}

// handles numbers sessions and objects over all instances, so that a handle
// from before C_Finalize never means something after it.
var handles atomic.Uint32

func newHandle() uint {
	for {
		if h := handles.Add(1); h != ck.InvalidHandle {
			return uint(h)
		}
	}
}

// enter returns the instance that a call works on; leave ends the call.
func (m *Module) enter() (*instance, ck.RV) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.in == nil {
		return nil, ck.CKR_CRYPTOKI_NOT_INITIALIZED
	}
	m.in.active.Add(1)
	return m.in, ck.CKR_OK
}

func (in *instance) leave() { in.active.Done() }

// goDo runs f as part of the instance.
func (in *instance) goDo(f func()) {
	in.active.Add(1)
	go func() {
		defer in.active.Done()
		_ = in.safely(func() error { f(); return nil })
	}()
}

// safely converts a panic to an error, because a panic in a goroutine would end the program
// that loaded the module.
func (in *instance) safely(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanic, r)
			in.trace("%v\n%s", err, debug.Stack())
		}
	}()
	return f()
}

var errPanic = errors.New("internal error")

func (in *instance) trace(format string, args ...any) {
	if in.cfg.Trace != nil {
		in.cfg.Trace(format, args...)
	}
}

// Initialize implements C_Initialize (5.4). It accesses no reader. It accepts every legal way
// to request locking, because the module has its own locks, and the refusal of new threads
// together with OS locking, which NSS passes.
func (m *Module) Initialize(args *ck.InitializeArgs) ck.RV {
	if args != nil {
		n := 0
		for _, given := range []bool{args.CreateMutex, args.DestroyMutex, args.LockMutex, args.UnlockMutex} {
			if given {
				n++
			}
		}
		if args.Reserved || (n != 0 && n != 4) {
			return ck.CKR_ARGUMENTS_BAD
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.in != nil {
		return ck.CKR_CRYPTOKI_ALREADY_INITIALIZED
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.in = &instance{
		cfg:      &m.cfg,
		module:   m,
		ctx:      ctx,
		cancel:   cancel,
		sessions: map[uint]*session{},
		woken:    make(chan struct{}),
		changed:  make(chan struct{}),
	}
	return ck.CKR_OK
}

// Finalize implements C_Finalize (5.4). Calls that wait for a slot event return, operations on
// a card end at the next command, and kept codes are destroyed.
func (m *Module) Finalize(reserved bool) ck.RV {
	m.mu.Lock()
	in := m.in
	if in == nil {
		m.mu.Unlock()
		return ck.CKR_CRYPTOKI_NOT_INITIALIZED
	}
	if reserved {
		m.mu.Unlock()
		return ck.CKR_ARGUMENTS_BAD
	}
	m.in = nil
	m.mu.Unlock()

	in.cancel()
	in.mu.Lock()
	for _, s := range in.slots {
		in.dropTokenLocked(s)
	}
	clear(in.sessions)
	in.mu.Unlock()

	done := make(chan struct{})
	go func() {
		in.active.Wait()
		close(done)
	}()
	limit := finalizeTime
	if in.background.Load() > 0 {
		limit = backgroundTime
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		in.trace("C_Finalize: a call did not end in time")
	}
	return ck.CKR_OK
}

// GetInfo implements C_GetInfo (5.4), for Cryptoki 2.40.
func (m *Module) GetInfo(info *ck.Info) ck.RV {
	in, rv := m.enter()
	if rv != ck.CKR_OK {
		return rv
	}
	defer in.leave()
	if info == nil {
		return ck.CKR_ARGUMENTS_BAD
	}
	*info = ck.Info{
		CryptokiVersion:    ck.Version{Major: 2, Minor: 40},
		ManufacturerID:     manufacturer,
		LibraryDescription: description,
		LibraryVersion:     m.cfg.Version,
	}
	return ck.CKR_OK
}

// Unsupported answers for the functions that make no sense for this token.
func (m *Module) Unsupported() ck.RV {
	in, rv := m.enter()
	if rv != ck.CKR_OK {
		return rv
	}
	in.leave()
	return ck.CKR_FUNCTION_NOT_SUPPORTED
}

// NotParallel implements the obsolete C_GetFunctionStatus and C_CancelFunction (5.15), which
// have one return value.
func (m *Module) NotParallel(session uint) ck.RV {
	in, rv := m.enter()
	if rv != ck.CKR_OK {
		return rv
	}
	defer in.leave()
	if in.session(session) == nil {
		return ck.CKR_SESSION_HANDLE_INVALID
	}
	return ck.CKR_FUNCTION_NOT_PARALLEL
}
