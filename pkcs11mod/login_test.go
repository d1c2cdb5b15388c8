package pkcs11mod

import (
	"fmt"
	"testing"

	"cie/card"
	"cie/card/cardtest"
	"cie/pkcs11mod/ck"
)

var wrongPIN = ck.Bytes([]byte("40404041"))

// wrongCode returns the nth of many wrong codes: the module does not send one
// that was just refused.
func wrongCode(n int) ck.Input { return ck.Bytes(fmt.Appendf(nil, "404041%02d", n)) }

func pin() ck.Input { return ck.Bytes(cardtest.DefaultPIN()) }
func puk() ck.Input { return ck.Bytes(cardtest.DefaultPUK()) }

// A code that is not 8 digits is never sent to the card.
func TestCodeOfWrongFormatIsNotSent(t *testing.T) {
	h, c := oneCard(t, cardtest.Profile{}, nil)
	s := h.session(true)
	before := c.Stats().APDUs
	for code, want := range map[string]ck.RV{
		"":                  ck.CKR_PIN_LEN_RANGE,
		"1357":              ck.CKR_PIN_LEN_RANGE,
		"1357246":           ck.CKR_PIN_LEN_RANGE,
		"135724680":         ck.CKR_PIN_LEN_RANGE,
		"1357246a":          ck.CKR_PIN_INVALID,
		"1357246\x00":       ck.CKR_PIN_INVALID,
		"13572468135724681": ck.CKR_PIN_LEN_RANGE,
	} {
		in := ck.Bytes([]byte(code))
		h.want("C_Login "+code, h.Login(s, ck.CKU_USER, in), want)
		h.want("C_Login SO "+code, h.Login(s, ck.CKU_SO, in), want)
		h.want("C_SetPIN from "+code, h.SetPIN(s, in, wrongPIN), want)
		h.want("C_SetPIN to "+code, h.SetPIN(s, pin(), in), want)
	}
	for _, weak := range []string{"11111111", "12345678", "87654321", "13572468"} {
		h.want("C_SetPIN to "+weak, h.SetPIN(s, pin(), ck.Bytes([]byte(weak))), ck.CKR_PIN_INVALID)
	}
	h.want("huge PIN", h.Login(s, ck.CKU_USER, ck.Input{Data: []byte("13572468"), Len: 8}), ck.CKR_OK)
	h.want("C_Logout", h.Logout(s), ck.CKR_OK)
	if st := c.Stats(); st.Verifies != 1 || st.TriesSpent != 0 {
		t.Errorf("before %d APDUs, then %+v", before, st)
	}
}

func TestLoginChangesSessionStates(t *testing.T) {
	h, _ := oneCard(t, cardtest.Profile{}, nil)
	ro, rw := h.session(false), h.session(true)
	states := func(wantRO, wantRW uint) {
		t.Helper()
		if a, b := h.state(ro), h.state(rw); a != wantRO || b != wantRW {
			t.Fatalf("states %d and %d, want %d and %d", a, b, wantRO, wantRW)
		}
	}
	states(ck.CKS_RO_PUBLIC_SESSION, ck.CKS_RW_PUBLIC_SESSION)
	h.want("user type", h.Login(ro, 7, pin()), ck.CKR_USER_TYPE_INVALID)
	h.want("context specific", h.Login(ro, ck.CKU_CONTEXT_SPECIFIC, pin()), ck.CKR_OPERATION_NOT_INITIALIZED)
	h.want("SO beside a read-only session", h.Login(rw, ck.CKU_SO, puk()), ck.CKR_SESSION_READ_ONLY_EXISTS)
	h.login(ro)
	states(ck.CKS_RO_USER_FUNCTIONS, ck.CKS_RW_USER_FUNCTIONS)
	h.want("twice", h.Login(rw, ck.CKU_USER, pin()), ck.CKR_USER_ALREADY_LOGGED_IN)
	h.want("other", h.Login(rw, ck.CKU_SO, puk()), ck.CKR_USER_ANOTHER_ALREADY_LOGGED_IN)
	h.want("C_InitPIN", h.InitPIN(rw, wrongPIN), ck.CKR_USER_NOT_LOGGED_IN)
	h.want("C_Logout", h.Logout(rw), ck.CKR_OK)
	states(ck.CKS_RO_PUBLIC_SESSION, ck.CKS_RW_PUBLIC_SESSION)
	h.want("C_SetPIN read-only", h.SetPIN(ro, pin(), wrongPIN), ck.CKR_SESSION_READ_ONLY)
	h.want("C_CloseSession", h.CloseSession(ro), ck.CKR_OK)
	h.want("SO", h.Login(rw, ck.CKU_SO, puk()), ck.CKR_OK)
	if s := h.state(rw); s != ck.CKS_RW_SO_FUNCTIONS {
		t.Errorf("state %d", s)
	}
	var s uint
	h.want("read-only beside SO", h.OpenSession(h.slot(), ck.CKF_SERIAL_SESSION, &s), ck.CKR_SESSION_READ_WRITE_SO_EXISTS)
	h.want("user beside SO", h.Login(rw, ck.CKU_USER, pin()), ck.CKR_USER_ANOTHER_ALREADY_LOGGED_IN)
	h.want("PUK cannot be changed", h.SetPIN(rw, puk(), wrongPIN), ck.CKR_TOKEN_WRITE_PROTECTED)
	h.want("C_LoginUser with a name", h.LoginUser(rw, ck.CKU_USER, pin(), ck.Bytes([]byte("mario"))), ck.CKR_ARGUMENTS_BAD)
	// Closing the last session ends the login.
	h.want("C_CloseSession", h.CloseSession(rw), ck.CKR_OK)
	rw = h.session(true)
	if s := h.state(rw); s != ck.CKS_RW_PUBLIC_SESSION {
		t.Errorf("state %d", s)
	}
	h.want("C_LoginUser", h.LoginUser(rw, ck.CKU_USER, pin(), ck.Input{}), ck.CKR_OK)
	h.want("C_CloseAllSessions", h.CloseAllSessions(h.slot()), ck.CKR_OK)
	h.want("closed", h.GetSessionInfo(rw, &ck.SessionInfo{}), ck.CKR_SESSION_HANDLE_INVALID)
}

// flagsOf returns the flags about codes.
func (h *host) flagsOf(slot uint) uint {
	h.t.Helper()
	const about = ck.CKF_USER_PIN_COUNT_LOW | ck.CKF_USER_PIN_FINAL_TRY | ck.CKF_USER_PIN_LOCKED |
		ck.CKF_SO_PIN_COUNT_LOW | ck.CKF_SO_PIN_FINAL_TRY | ck.CKF_SO_PIN_LOCKED
	return h.tokenInfo(slot).Flags & about
}

// Wrong PINs until it is blocked, then the PUK. Codes and flags are exact at every step, also
// for a program that starts later.
func TestWrongPINReportsTries(t *testing.T) {
	for _, family := range cardtest.Families() {
		t.Run(family.String(), func(t *testing.T) {
			kept := newStore()
			h, c := oneCard(t, cardtest.Profile{Family: family}, kept)
			told := make(chan int, 10)
			h.cfg.WrongCode = func(ref card.PINRef, left int) {
				if ref == card.PIN {
					told <- left
				}
			}
			s, slot := h.session(true), h.slot()
			steps := []struct {
				rv    ck.RV
				flags uint
				left  int
			}{
				{ck.CKR_PIN_INCORRECT, ck.CKF_USER_PIN_COUNT_LOW, 2},
				{ck.CKR_PIN_INCORRECT, ck.CKF_USER_PIN_COUNT_LOW | ck.CKF_USER_PIN_FINAL_TRY, 1},
				{ck.CKR_PIN_LOCKED, ck.CKF_USER_PIN_LOCKED, 0},
			}
			for i, step := range steps {
				h.want("wrong PIN", h.Login(s, ck.CKU_USER, wrongCode(i)), step.rv)
				if f := h.flagsOf(slot); f != step.flags {
					t.Errorf("flags %#x, want %#x", f, step.flags)
				}
				if n := <-told; n != step.left {
					t.Errorf("%d tries reported, want %d", n, step.left)
				}
				if st := h.state(s); st != ck.CKS_RW_PUBLIC_SESSION {
					t.Errorf("state %d after a wrong PIN", st)
				}
			}
			h.want("right PIN", h.Login(s, ck.CKU_USER, pin()), ck.CKR_PIN_LOCKED)
			if st := c.Stats(); st.TriesSpent != 3 {
				t.Errorf("%d tries spent", st.TriesSpent)
			}

			// A program that starts now reads it from the cache.
			h.want("C_Finalize", h.Finalize(false), ck.CKR_OK)
			h.want("C_Initialize", h.Initialize(nil), ck.CKR_OK)
			if f := h.flagsOf(h.slot()); f != ck.CKF_USER_PIN_LOCKED {
				t.Errorf("flags %#x in another program", f)
			}
			s, slot = h.session(true), h.slot()

			// The PUK unblocks.
			fresh := ck.Bytes([]byte("27182818"))
			h.want("wrong PUK", h.Login(s, ck.CKU_SO, wrongPIN), ck.CKR_PIN_INCORRECT)
			if f := h.flagsOf(slot); f != ck.CKF_USER_PIN_LOCKED|ck.CKF_SO_PIN_COUNT_LOW {
				t.Errorf("flags %#x", f)
			}
			h.want("PUK", h.Login(s, ck.CKU_SO, puk()), ck.CKR_OK)
			h.want("weak", h.InitPIN(s, ck.Bytes([]byte("22222222"))), ck.CKR_PIN_INVALID)
			h.want("short", h.InitPIN(s, ck.Bytes([]byte("2222"))), ck.CKR_PIN_LEN_RANGE)
			h.want("C_InitPIN", h.InitPIN(s, fresh), ck.CKR_OK)
			if f := h.flagsOf(slot); f != 0 {
				t.Errorf("flags %#x", f)
			}
			h.want("C_Logout", h.Logout(s), ck.CKR_OK)
			h.want("old PIN", h.Login(s, ck.CKU_USER, pin()), ck.CKR_PIN_INCORRECT)
			h.want("new PIN", h.Login(s, ck.CKU_USER, fresh), ck.CKR_OK)
			if p, u := c.Tries(); p != 3 || u != 10 {
				t.Errorf("tries left: %d and %d", p, u)
			}
		})
	}
}

// A program that cannot ask the user never gets near the last try of the PUK.
func TestPUKIsSentOnlyWhileTheChipReportsFour(t *testing.T) {
	for name, tt := range map[string]struct {
		lies cardtest.Forgery
		sent int
	}{
		"counter":              {cardtest.Forgery{}, 7},
		"no counter":           {cardtest.Forgery{RefuseTries: 0x6A88}, 0},
		"no counter, no count": {cardtest.Forgery{RefuseTries: 0x6A88, WrongPIN6300: true}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h, c := oneCard(t, cardtest.Profile{Forgery: tt.lies}, newStore())
			s := h.session(true)
			for n := range tt.sent {
				h.want("wrong PUK", h.Login(s, ck.CKU_SO, wrongCode(n)), ck.CKR_PIN_INCORRECT)
			}
			for _, code := range []ck.Input{wrongCode(20), puk(), wrongCode(21)} {
				h.want("PUK", h.Login(s, ck.CKU_SO, code), ck.CKR_FUNCTION_REJECTED)
			}
			if _, left := c.Tries(); left != 10-tt.sent {
				t.Errorf("%d tries left", left)
			}
		})
	}
}

func TestSetPINReplacesThePIN(t *testing.T) {
	h, c := oneCard(t, cardtest.Profile{}, newStore())
	s := h.session(true)
	fresh, other := ck.Bytes([]byte("27182818")), ck.Bytes([]byte("31415926"))
	h.want("wrong old PIN", h.SetPIN(s, wrongPIN, fresh), ck.CKR_PIN_INCORRECT)
	h.want("not logged in", h.SetPIN(s, pin(), fresh), ck.CKR_OK)
	h.want("old PIN", h.Login(s, ck.CKU_USER, pin()), ck.CKR_PIN_INCORRECT)
	h.want("new PIN", h.Login(s, ck.CKU_USER, fresh), ck.CKR_OK)
	h.want("logged in", h.SetPIN(s, fresh, other), ck.CKR_OK)
	// Still logged in, and the key still signs.
	if st := h.state(s); st != ck.CKS_RW_USER_FUNCTIONS {
		t.Errorf("state %d", st)
	}
	h.sign(s, h.one(s, ck.CKO_PRIVATE_KEY), ck.CKM_SHA256_RSA_PKCS, []byte("x"))
	if string(c.PIN()) != "31415926" {
		t.Error("the card has another PIN")
	}
	if st := c.Stats(); st.TriesSpent != 2 || st.KeyAgreements != 1 {
		t.Errorf("%+v", st)
	}
}

// The number of sessions is limited, and closing one makes room.
func TestSessionLimitIsEnforced(t *testing.T) {
	h, _ := oneCard(t, cardtest.Profile{}, nil)
	slot := h.slot()
	var open []uint
	for range maxSessions {
		open = append(open, h.sessionOn(slot, false))
	}
	var s uint
	h.want("one more", h.OpenSession(slot, ck.CKF_SERIAL_SESSION, &s), ck.CKR_SESSION_COUNT)
	h.want("C_CloseSession", h.CloseSession(open[7]), ck.CKR_OK)
	h.want("again", h.OpenSession(slot, ck.CKF_SERIAL_SESSION, &s), ck.CKR_OK)
	h.want("parallel", h.OpenSession(slot, ck.CKF_RW_SESSION, &s), ck.CKR_SESSION_PARALLEL_NOT_SUPPORTED)
	h.want("C_CloseAllSessions", h.CloseAllSessions(slot), ck.CKR_OK)
	for range 10 * maxSessions {
		h.want("C_CloseSession", h.CloseSession(h.sessionOn(slot, true)), ck.CKR_OK)
	}
	if n := len(h.in.sessions); n != 0 {
		t.Errorf("%d sessions kept", n)
	}
}
