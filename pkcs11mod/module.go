// Package pkcs11mod is a Cryptoki (PKCS #11) token for the Italian electronic
// identity card, in pure Go: slots, sessions, objects, login, signature. It
// holds all behaviour; a C ABI in front of it only moves arguments.
//
// A method of [Module] is the function of the same name in PKCS #11 v2.40,
// and answers with its codes in the order the standard gives them: first
// CKR_CRYPTOKI_NOT_INITIALIZED, then bad arguments, then bad handles, then the
// state of the session. Pointers that a C caller may leave NULL_PTR are nil here.
//
// Nothing is sent to a card while it is idle; what C_GetSlotInfo,
// C_GetTokenInfo and C_GetSessionInfo tell comes from memory that reader
// events keep current.
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

// Texts that Cryptoki shows to people. They fit into 32 bytes.
const (
	manufacturer = "CIE"
	description  = "Carta d'identità elettronica"
)

// Config is what a Module needs from its surroundings.
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
	// RecognitionTime bounds how long the first C_GetSlotList waits until
	// cards that are already there are recognised. 0: 5 seconds.
	RecognitionTime time.Duration
	// IdleTime is how long the connection to a card stays open after the last
	// use while nobody is logged in. 0: 15 seconds.
	IdleTime time.Duration
	// Version of the library, shown by C_GetInfo.
	Version ck.Version
	// Trace receives lines for debugging, without personal data. It may be nil.
	Trace func(format string, args ...any)
	// WrongCode is told, in a goroutine of its own, when the card refused a
	// code: which, and how many tries are left (-1: not known). Programs that
	// log in often do not show this. It may be nil.
	WrongCode func(ref card.PINRef, left int)
	// NotAccepted is called, in a goroutine of its own, when a card is in a
	// reader that gets no code: it is not genuine, or below genuine and no
	// person accepted it. It may be nil.
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

// finalizeTime bounds how long C_Finalize waits for calls of other threads. A
// card operation notices the end after the command in progress; only a reader
// that hangs takes longer, and then its call ends on its own later.
const finalizeTime = 10 * time.Second

// instance is the library between C_Initialize and C_Finalize.
type instance struct {
	cfg    *Config
	module *Module
	ctx    context.Context // ends with C_Finalize
	cancel context.CancelFunc

	// card are the options for card.Open, set before the first token.
	card card.Options

	active sync.WaitGroup // calls and goroutines; Add only under Module.mu or by a holder
	conns  sync.WaitGroup // tokens whose connection may be open; Add only in follow

	mu       sync.Mutex
	slots    []*slot // in the order they were seen first
	sessions map[uint]*session
	listed   []*slot // what C_GetSlotList told last
	fixed    []uint  // answer to a length query, which holds for the next call; nil: none
	// fixedPresent: fixed has the slots with a token only.
	fixedPresent bool
	watching     bool
	deadline     time.Time // until when slot lists wait for ready
	settled      bool      // the readers that were there at first are known
	pending      int       // recognitions that ready waits for
	ready        chan struct{}
	isReady      bool
	told         bool          // a slot list was returned: from now on changes are events
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

// safely turns a panic into an error: in a goroutine it would end the program
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

// Initialize is C_Initialize (5.4). It touches no reader. Every legal way to
// ask for locking is accepted, because the module locks by itself; so is the
// refusal of new threads together with OS locking, which NSS asks for.
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
		ready:    make(chan struct{}),
		changed:  make(chan struct{}),
	}
	return ck.CKR_OK
}

// Finalize is C_Finalize (5.4). Calls that wait for a slot event return;
// operations on a card end at the next command; kept codes are destroyed.
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
		in.dropToken(s)
	}
	clear(in.sessions)
	in.mu.Unlock()

	done := make(chan struct{})
	go func() {
		in.active.Wait()
		close(done)
	}()
	timer := time.NewTimer(finalizeTime)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		in.trace("C_Finalize: a call did not end in time")
	}
	return ck.CKR_OK
}

// GetInfo is C_GetInfo (5.4), for Cryptoki 2.40.
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

// NotParallel is C_GetFunctionStatus and C_CancelFunction (5.15), which are
// relics and have one answer.
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
