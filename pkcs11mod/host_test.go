package pkcs11mod

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"cie/apdu/readers"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/sod"
	"cie/card/state"
	"cie/pkcs11mod/ck"
)

// store is a card.Store in memory.
type store struct {
	state *state.Store // of all programs that share this store

	mu      sync.Mutex
	entries map[string][]byte
	broken  error // answers everything
}

func newStore() *store { return &store{entries: map[string][]byte{}, state: state.Memory()} }

func (s *store) Load(key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return nil, s.broken
	}
	if data, ok := s.entries[key]; ok {
		return bytes.Clone(data), nil
	}
	return nil, card.ErrNotStored
}

func (s *store) Save(key string, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	s.entries[key] = bytes.Clone(data)
	return nil
}

func (s *store) Delete(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.entries, key)
	return s.broken
}

var roots = sync.OnceValue(func() *sod.Roots {
	r := sod.BuiltinRoots().Clone()
	if err := r.AddPEM(cardtest.CSCAPEM()); err != nil {
		panic(err)
	}
	return r
})

func newCard(t testing.TB, p cardtest.Profile) *cardtest.Card {
	t.Helper()
	c, err := cardtest.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// withCard returns a service with a card in the one reader, "reader".
func withCard(t testing.TB, p cardtest.Profile) (*cardtest.Service, *cardtest.Card) {
	t.Helper()
	service, c := &cardtest.Service{}, newCard(t, p)
	service.Insert("reader", c)
	return service, c
}

// host is a program that uses a Module.
type host struct {
	*Module
	t       testing.TB
	service *cardtest.Service
	store   *store
}

// newModule returns an initialised module; it is finalised with the test.
func newModule(t testing.TB, service *cardtest.Service, s *store) *host {
	t.Helper()
	opts := card.Options{Roots: roots(), State: state.Memory()}
	if s != nil {
		opts.Store, opts.State = s, s.state
	}
	cfg := Config{
		Readers: func() (readers.Service, error) { return service, nil },
		Card:    func() card.Options { return opts },
		Trace:   t.Logf,
		// Tests wait for what they need.
		RecognitionTime: time.Minute,
		IdleTime:        time.Hour,
		retry:           time.Millisecond,
	}
	h := &host{New(cfg), t, service, s}
	h.want("C_Initialize", h.Initialize(nil), ck.CKR_OK)
	t.Cleanup(func() {
		h.Finalize(false)
		if n := service.Usage().Open; n != 0 {
			t.Errorf("%d connections left open", n)
		}
	})
	return h
}

// oneCard returns a module with one card in one reader.
func oneCard(t testing.TB, p cardtest.Profile, s *store) (*host, *cardtest.Card) {
	t.Helper()
	service, c := withCard(t, p)
	return newModule(t, service, s), c
}

// sync waits until the module has dealt with every event so far.
func (h *host) sync() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := h.service.Sync(ctx); err != nil {
		h.t.Fatalf("the module does not take the events: %v", err)
	}
}

func (h *host) want(what string, got ck.RV, want ...ck.RV) {
	h.t.Helper()
	if !slices.Contains(want, got) {
		h.t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

// slotList lists slots the way programs do.
func (h *host) slotList(tokenPresent bool) []uint {
	h.t.Helper()
	var n uint
	h.want("C_GetSlotList", h.GetSlotList(tokenPresent, nil, &n), ck.CKR_OK)
	ids := make([]uint, n)
	h.want("C_GetSlotList", h.GetSlotList(tokenPresent, ids, &n), ck.CKR_OK)
	return ids[:n]
}

// slot returns the one slot with a token.
func (h *host) slot() uint {
	h.t.Helper()
	ids := h.slotList(true)
	if len(ids) != 1 {
		h.t.Fatalf("slots with a token: %v", ids)
	}
	return ids[0]
}

// waitToken waits until the number of tokens is n.
func (h *host) waitTokens(n int) (ids []uint) {
	h.t.Helper()
	h.waitFor(fmt.Sprintf("%d tokens", n), func() bool {
		ids = h.slotList(true)
		return len(ids) == n
	})
	return ids
}

// waitFor waits until the condition holds. The bound only ends what hangs.
func (h *host) waitFor(what string, condition func() bool) {
	h.t.Helper()
	for end := time.Now().Add(time.Minute); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("waited a minute for %s", what)
		}
	}
}

func (h *host) session(rw bool) uint {
	h.t.Helper()
	return h.sessionOn(h.slot(), rw)
}

func (h *host) sessionOn(slot uint, rw bool) uint {
	h.t.Helper()
	flags := uint(ck.CKF_SERIAL_SESSION)
	if rw {
		flags |= ck.CKF_RW_SESSION
	}
	var s uint
	h.want("C_OpenSession", h.OpenSession(slot, flags, &s), ck.CKR_OK)
	return s
}

func (h *host) login(s uint) {
	h.t.Helper()
	h.want("C_Login", h.Login(s, ck.CKU_USER, ck.Bytes(cardtest.DefaultPIN())), ck.CKR_OK)
}

// find returns the objects of a class; every class for nil.
func (h *host) find(s uint, template ...ck.Attribute) []uint {
	h.t.Helper()
	h.want("C_FindObjectsInit", h.FindObjectsInit(s, template, uint(len(template))), ck.CKR_OK)
	var all []uint
	for {
		buf := make([]uint, 2)
		var n uint
		h.want("C_FindObjects", h.FindObjects(s, buf, &n), ck.CKR_OK)
		if n == 0 {
			break
		}
		all = append(all, buf[:n]...)
	}
	h.want("C_FindObjectsFinal", h.FindObjectsFinal(s), ck.CKR_OK)
	return all
}

func class(c uint) ck.Attribute { return ck.Attr(ck.CKA_CLASS, ck.ULong(c)) }

// one returns the one object of a class.
func (h *host) one(s, c uint) uint {
	h.t.Helper()
	found := h.find(s, class(c))
	if len(found) != 1 {
		h.t.Fatalf("objects of class %d: %v", c, found)
	}
	return found[0]
}

// value returns one attribute.
func (h *host) value(s, object, typ uint) []byte {
	h.t.Helper()
	a := []ck.Attribute{{Type: typ}}
	h.want("C_GetAttributeValue", h.GetAttributeValue(s, object, a), ck.CKR_OK)
	a[0].Value = make([]byte, a[0].Len)
	h.want("C_GetAttributeValue", h.GetAttributeValue(s, object, a), ck.CKR_OK)
	return a[0].Value[:a[0].Len]
}

func mech(typ uint) *ck.Mechanism { return &ck.Mechanism{Type: typ} }

// sign makes a signature in one part.
func (h *host) sign(s, key, typ uint, data []byte) []byte {
	h.t.Helper()
	sig, rv := h.trySign(s, key, typ, data)
	h.want("C_Sign", rv, ck.CKR_OK)
	return sig
}

func (h *host) trySign(s, key, typ uint, data []byte) ([]byte, ck.RV) {
	if rv := h.SignInit(s, mech(typ), key); rv != ck.CKR_OK {
		return nil, rv
	}
	sig := make([]byte, 256)
	n := uint(len(sig))
	rv := h.Sign(s, ck.Bytes(data), ck.Output{Data: sig, Len: &n})
	return sig[:min(n, 256)], rv
}

func (h *host) tokenInfo(slot uint) ck.TokenInfo {
	h.t.Helper()
	var info ck.TokenInfo
	h.want("C_GetTokenInfo", h.GetTokenInfo(slot, &info), ck.CKR_OK)
	return info
}

func (h *host) state(s uint) uint {
	h.t.Helper()
	var info ck.SessionInfo
	h.want("C_GetSessionInfo", h.GetSessionInfo(s, &info), ck.CKR_OK)
	return info.State
}
