package pkcs11mod

import (
	"testing"

	"cie/apdu/readers"
	"cie/card/cardtest"
	"cie/pkcs11mod/ck"
)

func TestInitializeChecksArguments(t *testing.T) {
	all := ck.InitializeArgs{CreateMutex: true, DestroyMutex: true, LockMutex: true, UnlockMutex: true}
	both := all
	both.Flags = ck.CKF_OS_LOCKING_OK
	some := all
	some.LockMutex = false
	for name, c := range map[string]struct {
		args *ck.InitializeArgs
		want ck.RV
	}{
		"no arguments":       {nil, ck.CKR_OK},
		"no threads":         {&ck.InitializeArgs{}, ck.CKR_OK},
		"own mutexes":        {&all, ck.CKR_OK},
		"own or system's":    {&both, ck.CKR_OK},
		"system's mutexes":   {&ck.InitializeArgs{Flags: ck.CKF_OS_LOCKING_OK}, ck.CKR_OK},
		"NSS":                {&ck.InitializeArgs{Flags: ck.CKF_OS_LOCKING_OK | ck.CKF_LIBRARY_CANT_CREATE_OS_THREADS}, ck.CKR_OK},
		"three of four":      {&some, ck.CKR_ARGUMENTS_BAD},
		"one of four":        {&ck.InitializeArgs{CreateMutex: true}, ck.CKR_ARGUMENTS_BAD},
		"reserved not NULL":  {&ck.InitializeArgs{Reserved: true}, ck.CKR_ARGUMENTS_BAD},
		"reserved and locks": {&ck.InitializeArgs{Flags: ck.CKF_OS_LOCKING_OK, Reserved: true}, ck.CKR_ARGUMENTS_BAD},
	} {
		t.Run(name, func(t *testing.T) {
			h := &host{New(Config{Readers: func() (readers.Service, error) {
				t.Error("C_Initialize touches the readers")
				return &cardtest.Service{}, nil
			}}), t, nil, nil}
			h.want("C_Initialize", h.Initialize(c.args), c.want)
			if c.want != ck.CKR_OK {
				h.want("C_GetInfo", h.GetInfo(&ck.Info{}), ck.CKR_CRYPTOKI_NOT_INITIALIZED)
				return
			}
			h.want("C_Initialize again", h.Initialize(c.args), ck.CKR_CRYPTOKI_ALREADY_INITIALIZED)
			var info ck.Info
			h.want("C_GetInfo", h.GetInfo(&info), ck.CKR_OK)
			if info.CryptokiVersion != (ck.Version{Major: 2, Minor: 40}) || info.Flags != 0 {
				t.Errorf("%+v", info)
			}
			h.want("C_GetInfo", h.GetInfo(nil), ck.CKR_ARGUMENTS_BAD)
			h.want("C_Finalize", h.Finalize(true), ck.CKR_ARGUMENTS_BAD)
			h.want("C_Finalize", h.Finalize(false), ck.CKR_OK)
			h.want("C_Finalize", h.Finalize(false), ck.CKR_CRYPTOKI_NOT_INITIALIZED)
		})
	}
}

// functions calls every function of the module with arguments that are wrong
// in more than one way where that is possible.
func (h *host) functions(slot, session uint) map[string]func() ck.RV {
	in, out, m := ck.Input{}, ck.Output{}, (*ck.Mechanism)(nil)
	return map[string]func() ck.RV{
		"C_Finalize":           func() ck.RV { return h.Finalize(true) },
		"C_GetInfo":            func() ck.RV { return h.GetInfo(nil) },
		"C_GetSlotList":        func() ck.RV { return h.GetSlotList(false, nil, nil) },
		"C_GetSlotInfo":        func() ck.RV { return h.GetSlotInfo(slot, nil) },
		"C_GetTokenInfo":       func() ck.RV { return h.GetTokenInfo(slot, nil) },
		"C_GetMechanismList":   func() ck.RV { return h.GetMechanismList(slot, nil, nil) },
		"C_GetMechanismInfo":   func() ck.RV { return h.GetMechanismInfo(slot, 0, nil) },
		"C_InitToken":          func() ck.RV { return h.InitToken(slot, in, nil) },
		"C_WaitForSlotEvent":   func() ck.RV { return h.WaitForSlotEvent(ck.CKF_DONT_BLOCK, nil, true) },
		"C_OpenSession":        func() ck.RV { return h.OpenSession(slot, 0, nil) },
		"C_CloseAllSessions":   func() ck.RV { return h.CloseAllSessions(slot) },
		"C_CloseSession":       func() ck.RV { return h.CloseSession(session) },
		"C_GetSessionInfo":     func() ck.RV { return h.GetSessionInfo(session, nil) },
		"C_Login":              func() ck.RV { return h.Login(session, ck.CKU_USER, in) },
		"C_LoginUser":          func() ck.RV { return h.LoginUser(session, ck.CKU_USER, in, ck.Bytes([]byte("x"))) },
		"C_Logout":             func() ck.RV { return h.Logout(session) },
		"C_InitPIN":            func() ck.RV { return h.InitPIN(session, in) },
		"C_SetPIN":             func() ck.RV { return h.SetPIN(session, in, in) },
		"C_SessionCancel":      func() ck.RV { return h.SessionCancel(session, 0) },
		"C_GetFunctionStatus":  func() ck.RV { return h.NotParallel(session) },
		"C_CreateObject":       func() ck.RV { return h.CreateObject(session, nil, nil) },
		"C_CopyObject":         func() ck.RV { return h.CopyObject(session, 0, nil, nil) },
		"C_DestroyObject":      func() ck.RV { return h.DestroyObject(session, 0) },
		"C_GetObjectSize":      func() ck.RV { return h.GetObjectSize(session, 0, nil) },
		"C_GetAttributeValue":  func() ck.RV { return h.GetAttributeValue(session, 0, nil) },
		"C_SetAttributeValue":  func() ck.RV { return h.SetAttributeValue(session, 0, nil) },
		"C_FindObjectsInit":    func() ck.RV { return h.FindObjectsInit(session, nil, 1) },
		"C_FindObjects":        func() ck.RV { return h.FindObjects(session, nil, nil) },
		"C_FindObjectsFinal":   func() ck.RV { return h.FindObjectsFinal(session) },
		"C_DecryptInit":        func() ck.RV { return h.NoMechanism(session, m) },
		"C_Decrypt":            func() ck.RV { return h.NeverInitialized(session) },
		"C_DigestInit":         func() ck.RV { return h.DigestInit(session, m) },
		"C_Digest":             func() ck.RV { return h.Digest(session, in, out) },
		"C_DigestUpdate":       func() ck.RV { return h.DigestUpdate(session, in) },
		"C_DigestKey":          func() ck.RV { return h.DigestKey(session, 0) },
		"C_DigestFinal":        func() ck.RV { return h.DigestFinal(session, out) },
		"C_SignInit":           func() ck.RV { return h.SignInit(session, m, 0) },
		"C_Sign":               func() ck.RV { return h.Sign(session, in, out) },
		"C_SignUpdate":         func() ck.RV { return h.SignUpdate(session, in) },
		"C_SignFinal":          func() ck.RV { return h.SignFinal(session, out) },
		"C_VerifyInit":         func() ck.RV { return h.VerifyInit(session, m, 0) },
		"C_Verify":             func() ck.RV { return h.Verify(session, in, in) },
		"C_VerifyUpdate":       func() ck.RV { return h.VerifyUpdate(session, in) },
		"C_VerifyFinal":        func() ck.RV { return h.VerifyFinal(session, in) },
		"C_GenerateKey":        func() ck.RV { return h.GenerateKey(session, m, nil, nil) },
		"C_GenerateKeyPair":    func() ck.RV { return h.GenerateKeyPair(session, m, nil, nil, nil, nil) },
		"C_GenerateRandom":     func() ck.RV { return h.Random(session, ck.Input{Len: 1}) },
		"unsupported function": func() ck.RV { return h.Unsupported() },
	}
}

// sessionless lists the functions without a session.
var sessionless = map[string]bool{
	"C_Finalize": true, "C_GetInfo": true, "C_GetSlotList": true, "C_GetSlotInfo": true, "C_GetTokenInfo": true,
	"C_GetMechanismList": true, "C_GetMechanismInfo": true, "C_InitToken": true, "C_WaitForSlotEvent": true,
	"C_OpenSession": true, "C_CloseAllSessions": true, "unsupported function": true,
}

// The state of the library is checked first, a session handle before other arguments (5.1.7).
func TestErrorsHavePrecedence(t *testing.T) {
	h := &host{New(Config{}), t, nil, nil}
	for name, call := range h.functions(1, 1) {
		h.want(name+" before C_Initialize", call(), ck.CKR_CRYPTOKI_NOT_INITIALIZED)
	}
	h, _ = oneCard(t, cardtest.Profile{}, nil)
	for name, call := range h.functions(h.slot(), 0x7FFF) {
		if !sessionless[name] {
			h.want(name+" without a session", call(), ck.CKR_SESSION_HANDLE_INVALID)
		}
	}
	h.want("C_Finalize", h.Finalize(false), ck.CKR_OK)
	for name, call := range h.functions(1, 1) {
		h.want(name+" after C_Finalize", call(), ck.CKR_CRYPTOKI_NOT_INITIALIZED)
	}
}

// With the library and a session in order, NULL pointers get
// their code, and operations out of order theirs.
func TestBadArgumentsAreRefused(t *testing.T) {
	h, _ := oneCard(t, cardtest.Profile{}, nil)
	s := h.session(true)
	want := map[string]ck.RV{
		"C_InitPIN":            ck.CKR_ARGUMENTS_BAD,
		"C_CloseAllSessions":   ck.CKR_OK,
		"C_CloseSession":       ck.CKR_OK,
		"C_Logout":             ck.CKR_USER_NOT_LOGGED_IN,
		"C_SessionCancel":      ck.CKR_OK,
		"C_GetFunctionStatus":  ck.CKR_FUNCTION_NOT_PARALLEL,
		"C_DestroyObject":      ck.CKR_OBJECT_HANDLE_INVALID,
		"C_FindObjects":        ck.CKR_OPERATION_NOT_INITIALIZED,
		"C_FindObjectsFinal":   ck.CKR_OPERATION_NOT_INITIALIZED,
		"C_Decrypt":            ck.CKR_OPERATION_NOT_INITIALIZED,
		"C_Digest":             ck.CKR_OPERATION_NOT_INITIALIZED,
		"C_DigestUpdate":       ck.CKR_OPERATION_NOT_INITIALIZED,
		"C_DigestKey":          ck.CKR_OPERATION_NOT_INITIALIZED,
		"C_DigestFinal":        ck.CKR_OPERATION_NOT_INITIALIZED,
		"C_Sign":               ck.CKR_OPERATION_NOT_INITIALIZED,
		"C_SignUpdate":         ck.CKR_OPERATION_NOT_INITIALIZED,
		"C_SignFinal":          ck.CKR_OPERATION_NOT_INITIALIZED,
		"C_Verify":             ck.CKR_OPERATION_NOT_INITIALIZED,
		"C_VerifyUpdate":       ck.CKR_OPERATION_NOT_INITIALIZED,
		"C_VerifyFinal":        ck.CKR_OPERATION_NOT_INITIALIZED,
		"unsupported function": ck.CKR_FUNCTION_NOT_SUPPORTED,
	}
	for name, call := range h.functions(h.slot(), s) {
		if name == "C_CloseSession" || name == "C_CloseAllSessions" {
			continue
		}
		expect, ok := want[name]
		if !ok {
			expect = ck.CKR_ARGUMENTS_BAD
		}
		h.want(name, call(), expect)
	}
	for name, call := range h.functions(0x7FFF, s) {
		switch name {
		case "C_GetSlotInfo", "C_GetTokenInfo", "C_GetMechanismList", "C_GetMechanismInfo", "C_InitToken", "C_OpenSession":
			h.want(name+" without anything right", call(), ck.CKR_ARGUMENTS_BAD)
		case "C_CloseAllSessions":
			h.want(name, call(), ck.CKR_SLOT_ID_INVALID)
		}
	}
}

// Everything works again after C_Finalize, and earlier handles are invalid.
func TestInitializeAfterFinalize(t *testing.T) {
	h, c := oneCard(t, cardtest.Profile{}, newStore())
	var slot, old uint
	for range 3 {
		if old != 0 {
			h.want("old handle", h.Logout(old), ck.CKR_SESSION_HANDLE_INVALID)
		}
		if id := h.slot(); slot != 0 && id != slot {
			t.Errorf("the slot has number %d after %d", id, slot)
		} else {
			slot = id
		}
		s := h.session(false)
		h.login(s)
		h.sign(s, h.one(s, ck.CKO_PRIVATE_KEY), ck.CKM_RSA_PKCS, []byte("x"))
		old = s
		h.want("C_Finalize", h.Finalize(false), ck.CKR_OK)
		if h.service.Usage().Open != 0 || !h.service.Usage().Closed {
			t.Fatal("C_Finalize leaves readers open")
		}
		h.want("C_Initialize", h.Initialize(nil), ck.CKR_OK)
	}
	if pin, _ := c.Tries(); pin != 3 {
		t.Errorf("%d tries left", pin)
	}
}
