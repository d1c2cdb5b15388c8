package pkcs11mod

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"cie/card"
	"cie/card/cardtest"
	"cie/pkcs11mod/ck"
)

// Threads do everything at the same time: sessions, logins, searches, signatures, logouts,
// closing all sessions, C_Finalize and C_Initialize, while the card is removed and inserted.
// Nothing hangs, every code is a defined one, no try is used, nothing stays open.
func TestConcurrentCallsAreSafe(t *testing.T) {
	service, c := withCard(t, cardtest.Profile{})
	h := newModule(quiet{t}, service, newStore())
	rounds := 300
	if testing.Short() {
		rounds = 50
	}
	allowed := append([]ck.RV{
		ck.CKR_CRYPTOKI_NOT_INITIALIZED, ck.CKR_SESSION_CLOSED, ck.CKR_USER_ALREADY_LOGGED_IN,
		ck.CKR_FUNCTION_CANCELED, ck.CKR_KEY_HANDLE_INVALID, ck.CKR_OPERATION_ACTIVE, ck.CKR_NO_EVENT,
		ck.CKR_SLOT_ID_INVALID, ck.CKR_BUFFER_TOO_SMALL,
	}, lossy...)
	check := func(what string, rv ck.RV) {
		if !slices.Contains(allowed, rv) {
			t.Errorf("%s: %v", what, rv)
		}
	}
	done := make(chan struct{})
	var workers, others sync.WaitGroup
	for range 4 {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for range rounds {
				ids, n := make([]uint, 8), uint(8)
				check("C_GetSlotList", h.GetSlotList(true, ids, &n))
				if n == 0 || n > 8 {
					time.Sleep(time.Millisecond)
					continue
				}
				var s uint
				rv := h.OpenSession(ids[0], ck.CKF_SERIAL_SESSION, &s)
				check("C_OpenSession", rv)
				if rv != ck.CKR_OK {
					continue
				}
				check("C_Login", h.Login(s, ck.CKU_USER, pin()))
				check("C_FindObjectsInit", h.FindObjectsInit(s, []ck.Attribute{class(ck.CKO_PRIVATE_KEY)}, 1))
				key := make([]uint, 1)
				check("C_FindObjects", h.FindObjects(s, key, &n))
				check("C_FindObjectsFinal", h.FindObjectsFinal(s))
				_, rv = h.trySign(s, key[0], ck.CKM_SHA256_RSA_PKCS, []byte("x"))
				check("signature", rv)
				check("C_GetTokenInfo", h.GetTokenInfo(ids[0], &ck.TokenInfo{}))
				switch rand.IntN(20) {
				case 0:
					check("C_Logout", h.Logout(s))
				case 1:
					check("C_CloseAllSessions", h.CloseAllSessions(ids[0]))
				default:
					check("C_CloseSession", h.CloseSession(s))
				}
			}
		}()
	}
	background := func(pause time.Duration, f func()) {
		others.Add(1)
		go func() {
			defer others.Done()
			for {
				select {
				case <-done:
					return
				case <-time.After(pause):
					f()
				}
			}
		}()
	}
	background(time.Millisecond, func() {
		var id uint
		check("C_WaitForSlotEvent", h.WaitForSlotEvent(ck.CKF_DONT_BLOCK, &id, false))
	})
	background(20*time.Millisecond, func() {
		service.Remove("reader")
		time.Sleep(time.Millisecond)
		service.Insert("reader", c)
	})
	background(50*time.Millisecond, func() {
		check("C_Finalize", h.Finalize(false))
		check("C_Initialize", h.Initialize(nil))
	})
	workers.Wait()
	close(done)
	others.Wait()
	service.Insert("reader", c)
	h.sync()
	h.waitTokens(1)
	if what, rv := h.attempt(); rv != ck.CKR_OK {
		t.Errorf("afterwards %s: %v", what, rv)
	}
	if st := c.Stats(); st.TriesSpent != 0 {
		t.Errorf("%+v", st)
	}
}

// If another thread closes the session during a card operation, the call reports it, and a login
// without a session is undone.
func TestSessionClosedMeanwhile(t *testing.T) {
	for _, others := range []int{0, 1} {
		closedMeanwhile(t, others)
	}
}

// closedMeanwhile tries that with so many other sessions open.
func closedMeanwhile(t *testing.T, others int) {
	h, c := oneCard(t, cardtest.Profile{}, newStore())
	s := h.session(false)
	for range others {
		h.session(false)
	}
	// The card is busy with another program until the session is closed.
	other := c.Reader()
	if _, err := other.Begin(); err != nil {
		t.Fatal(err)
	}
	result := make(chan ck.RV)
	go func() { result <- h.Login(s, ck.CKU_USER, pin()) }()
	tok := h.token()
	for tok.io.TryLock() { // until the login has the card's lock
		tok.io.Unlock()
		runtime.Gosched()
	}
	h.want("C_CloseSession", h.CloseSession(s), ck.CKR_OK)
	if err := other.End(); err != nil {
		t.Fatal(err)
	}
	h.want("C_Login", <-result, ck.CKR_SESSION_CLOSED)
	if st := h.state(h.session(false)); st != ck.CKS_RO_PUBLIC_SESSION {
		t.Errorf("state %d", st)
	}
	if n := len(tok.codes.codes); n != 0 {
		t.Error("the PIN is kept")
	}
}

// The cleanup after a failed login does not undo a later successful one of another thread.
func TestFailedLoginBesideAnother(t *testing.T) {
	h, _ := oneCard(t, cardtest.Profile{}, newStore())
	s := h.session(false)
	tok := h.token()
	// The login that succeeded, as the failed one sees it: another thread uses the card, the
	// code is kept, the state is set next.
	tok.io.Lock()
	if err := tok.codes.put(card.PIN, pin().Data); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		tok.cleanUp()
	}()
	for range 1000 {
		runtime.Gosched()
	}
	h.in.mu.Lock()
	tok.who = user
	h.in.mu.Unlock()
	tok.io.Unlock()
	<-done
	if !tok.codes.has(card.PIN) {
		t.Error("the code of the other thread's login was destroyed")
	}
	h.want("C_Logout", h.Logout(s), ck.CKR_OK)
}

// Sessions, searches and signatures leave no memory in use.
func TestMemoryDoesNotGrow(t *testing.T) {
	h, _, s, key := signer(quiet{t})
	slot := h.slot()
	use := func(n int) {
		for range n {
			s2 := h.sessionOn(slot, false)
			h.find(s2)
			h.want("C_DigestInit", h.DigestInit(s2, mech(ck.CKM_SHA256)), ck.CKR_OK)
			h.want("C_CloseSession", h.CloseSession(s2), ck.CKR_OK)
			h.want("C_SignInit", h.SignInit(s, mech(ck.CKM_RSA_PKCS), key), ck.CKR_OK)
			h.want("cancel", h.SignInit(s, nil, 0), ck.CKR_OK)
		}
	}
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapObjects
	}
	use(1000)
	before, goroutines := heap(), runtime.NumGoroutine()
	use(20000)
	// Well below one object per session.
	if after := heap(); after > before+5000 {
		t.Errorf("%d objects on the heap, %d before", after, before)
	}
	if n := runtime.NumGoroutine(); n > goroutines+2 {
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
}

// Threads that search a card never seen at the same
// time get the same handles, and all of them are valid.
func TestFirstSearchOfThreads(t *testing.T) {
	h, _ := oneCard(t, cardtest.Profile{}, newStore())
	slot := h.slot()
	h.login(h.session(false))
	h.service.Intercept(func([]byte) error { time.Sleep(time.Millisecond); return nil })
	found := make(chan uint)
	for range 8 {
		go func() {
			keys, n := make([]uint, 1), uint(0)
			defer func() { found <- keys[0] }()
			var s uint
			if h.OpenSession(slot, ck.CKF_SERIAL_SESSION, &s) == ck.CKR_OK &&
				h.FindObjectsInit(s, []ck.Attribute{class(ck.CKO_PRIVATE_KEY)}, 1) == ck.CKR_OK {
				_ = h.FindObjects(s, keys, &n)
			}
		}()
	}
	keys := map[uint]bool{}
	for range 8 {
		keys[<-found] = true
	}
	if len(keys) != 1 || keys[0] {
		t.Errorf("handles of the one key: %v", keys)
	}
}
