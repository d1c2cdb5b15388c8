package pkcs11mod

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cie/card/cardtest"
	"cie/pkcs11mod/ck"
)

func TestSlotListCounts(t *testing.T) {
	names := []string{"empty", "with a card"}
	service := cardtest.NewService(names...)
	service.Insert("with a card", newCard(t, cardtest.Profile{}))
	h := newModule(t, service, nil)
	all := h.slotList(false)
	if len(all) != 2 {
		t.Fatalf("slots %v", all)
	}
	if with := h.slotList(true); len(with) != 1 || with[0] != all[1] {
		t.Fatalf("slots with a token %v of %v", with, all)
	}
	var n uint = 1
	h.want("too small", h.GetSlotList(false, make([]uint, 1), &n), ck.CKR_BUFFER_TOO_SMALL)
	if n != 2 {
		t.Errorf("count %d, want 2", n)
	}
	n = 0
	h.want("no room", h.GetSlotList(false, []uint{}, &n), ck.CKR_BUFFER_TOO_SMALL)
	for i, want := range []uint{0, ck.CKF_TOKEN_PRESENT} {
		var info ck.SlotInfo
		h.want("C_GetSlotInfo", h.GetSlotInfo(all[i], &info), ck.CKR_OK)
		if info.Flags != want|ck.CKF_REMOVABLE_DEVICE|ck.CKF_HW_SLOT || info.SlotDescription != names[i] {
			t.Errorf("slot %d: %+v", all[i], info)
		}
	}
	h.want("no such slot", h.GetSlotInfo(99, &ck.SlotInfo{}), ck.CKR_SLOT_ID_INVALID)
	h.want("no token", h.GetTokenInfo(all[0], &ck.TokenInfo{}), ck.CKR_TOKEN_NOT_PRESENT)
	var s uint
	h.want("no token", h.OpenSession(all[0], ck.CKF_SERIAL_SESSION, &s), ck.CKR_TOKEN_NOT_PRESENT)
	h.want("no token", h.GetMechanismList(all[0], nil, &n), ck.CKR_TOKEN_NOT_PRESENT)
}

// Between a length query and the call that follows it the list
// does not change under the caller (5.5).
func TestLengthQueryFixesList(t *testing.T) {
	service := &cardtest.Service{}
	service.Attach("one")
	h := newModule(t, service, nil)
	var n uint
	h.want("C_GetSlotList", h.GetSlotList(false, nil, &n), ck.CKR_OK)
	service.Attach("two")
	h.waitEvent(t)
	buf := make([]uint, 5)
	n = 5
	h.want("C_GetSlotList", h.GetSlotList(false, buf, &n), ck.CKR_OK)
	if n != 1 {
		t.Errorf("%d slots, the length query returned 1", n)
	}
	if now := h.slotList(false); len(now) != 2 {
		t.Errorf("slots %v", now)
	}
}

// waitEvent waits for a slot event without blocking in the module.
func (h *host) waitEvent(t *testing.T) uint {
	t.Helper()
	for range 2000 {
		var id uint
		switch rv := h.WaitForSlotEvent(ck.CKF_DONT_BLOCK, &id, false); rv {
		case ck.CKR_OK:
			return id
		case ck.CKR_NO_EVENT:
			time.Sleep(5 * time.Millisecond)
		default:
			t.Fatal(rv)
		}
	}
	t.Fatal("no slot event")
	return 0
}

// Readers and cards are attached and removed; slots keep their numbers.
func TestSlotsSurviveHotplug(t *testing.T) {
	service := &cardtest.Service{}
	h := newModule(t, service, nil)
	if s := h.slotList(false); len(s) != 0 {
		t.Fatalf("slots %v", s)
	}
	var id uint
	h.want("nothing happened", h.WaitForSlotEvent(ck.CKF_DONT_BLOCK, &id, false), ck.CKR_NO_EVENT)
	service.Attach("a")
	a := h.waitEvent(t)
	c := newCard(t, cardtest.Profile{})
	service.Insert("a", c)
	if id := h.waitEvent(t); id != a {
		t.Errorf("event of slot %d, want %d", id, a)
	}
	h.waitTokens(1)
	s := h.sessionOn(a, false)
	service.Remove("a")
	if id := h.waitEvent(t); id != a {
		t.Errorf("event of slot %d, want %d", id, a)
	}
	h.want("session of a removed card", h.GetSessionInfo(s, &ck.SessionInfo{}), ck.CKR_SESSION_HANDLE_INVALID)
	h.want("token of a removed card", h.GetTokenInfo(a, &ck.TokenInfo{}), ck.CKR_TOKEN_NOT_PRESENT)
	service.Attach("b")
	b := h.waitEvent(t)
	service.Insert("a", c)
	h.waitTokens(1)
	service.Detach("a")
	h.waitFor("the reader to go", func() bool { return !slices.Contains(h.slotList(false), a) })
	if s := h.slotList(false); !slices.Equal(s, []uint{b}) || b == a {
		t.Errorf("slots %v, the one left is %d", s, b)
	}
	h.want("slot of an unplugged reader", h.GetSlotInfo(a, &ck.SlotInfo{}), ck.CKR_SLOT_ID_INVALID)
	service.Attach("a")
	h.waitFor("the reader to come back", func() bool { return slices.Contains(h.slotList(false), a) })
}

// A slot from the caller's list remains valid until the next list.
func TestDetachedReaderStaysInList(t *testing.T) {
	service := &cardtest.Service{}
	service.Attach("a")
	h := newModule(t, service, nil)
	id := h.slotList(false)[0]
	service.Detach("a")
	h.waitEvent(t)
	var info ck.SlotInfo
	h.want("C_GetSlotInfo", h.GetSlotInfo(id, &info), ck.CKR_OK)
	if info.Flags&ck.CKF_TOKEN_PRESENT != 0 {
		t.Error("a token in a detached reader")
	}
	if s := h.slotList(false); len(s) != 0 {
		t.Errorf("slots %v", s)
	}
	h.want("C_GetSlotInfo", h.GetSlotInfo(id, &info), ck.CKR_SLOT_ID_INVALID)
}

// A blocked wait ends with an event or with C_Finalize.
func TestWaitForSlotEvent(t *testing.T) {
	service := &cardtest.Service{}
	service.Insert("a", newCard(t, cardtest.Profile{}))
	h := newModule(t, service, nil)
	slot := h.slot()
	type result struct {
		id uint
		rv ck.RV
	}
	results := make(chan result)
	wait := func() {
		var id uint
		rv := h.WaitForSlotEvent(0, &id, false)
		results <- result{id, rv}
	}
	go wait()
	service.Remove("a")
	if r := <-results; r != (result{slot, ck.CKR_OK}) {
		t.Errorf("%+v", r)
	}
	// C_Finalize is not an event, even if a token is removed with it.
	service.Insert("a", newCard(t, cardtest.Profile{}))
	go wait()
	if r := <-results; r != (result{slot, ck.CKR_OK}) {
		t.Errorf("%+v", r)
	}
	for range 3 {
		go wait()
	}
	h.want("C_Finalize", h.Finalize(false), ck.CKR_OK)
	for range 3 {
		if r := <-results; r.rv != ck.CKR_CRYPTOKI_NOT_INITIALIZED {
			t.Errorf("%+v", r)
		}
	}
}

// A card that is no CIE is a slot without a token.
func TestOtherCardIsNoToken(t *testing.T) {
	h, _ := oneCard(t, cardtest.Profile{Files: map[uint16][]byte{0x1001: {}}}, nil)
	if s := h.slotList(true); len(s) != 0 {
		t.Errorf("slots with a token: %v", s)
	}
	id := h.slotList(false)[0]
	h.want("C_GetTokenInfo", h.GetTokenInfo(id, &ck.TokenInfo{}), ck.CKR_TOKEN_NOT_PRESENT)
	if h.service.Usage().Open != 0 {
		t.Error("the connection to a foreign card is kept open")
	}
}

// A card in exclusive use by another program is recognised when it is free.
func TestBusyCardIsRecognisedLater(t *testing.T) {
	service := &cardtest.Service{}
	service.SetExclusive("a", true)
	service.Insert("a", newCard(t, cardtest.Profile{}))
	h := newModule(t, service, nil)
	h.cfg.RecognitionTime = time.Millisecond
	if s := h.slotList(true); len(s) != 0 {
		t.Fatalf("slots %v", s)
	}
	service.SetExclusive("a", false)
	h.waitTokens(1)
}

func TestTokenInfoDescribesCard(t *testing.T) {
	h, _ := oneCard(t, cardtest.Profile{Family: cardtest.Gemalto, NIS: "123456789012"}, nil)
	slot := h.slot()
	info := h.tokenInfo(slot)
	want := uint(ck.CKF_WRITE_PROTECTED | ck.CKF_LOGIN_REQUIRED | ck.CKF_USER_PIN_INITIALIZED | ck.CKF_TOKEN_INITIALIZED)
	if info.Label != "CIE 9012" || info.ManufacturerID != "CIE" || info.Model != "CIE Gemalto" || info.Flags != want || info.MinPINLen != 8 || info.MaxPINLen != 8 {
		t.Errorf("%+v", info)
	}
	if len(info.SerialNumber) != 16 || !strings.Contains(info.SerialNumber, "123456789012") {
		t.Errorf("serial number %q", info.SerialNumber)
	}
	h.sessionOn(slot, false)
	h.sessionOn(slot, true)
	if info := h.tokenInfo(slot); info.SessionCount != 2 || info.RWSessionCount != 1 {
		t.Errorf("%+v", info)
	}
}

// Programs find a card again by its label, serial
// number and manufacturer.
func TestNamesOfATokenNeverChange(t *testing.T) {
	store := newStore()
	type names struct{ label, serial, manufacturer string }
	seen := map[names]bool{}
	look := func(h *host) {
		info := h.tokenInfo(h.slot())
		seen[names{info.Label, info.SerialNumber, info.ManufacturerID}] = true
	}
	p := cardtest.Profile{NIS: "123456789012"}
	h, _ := oneCard(t, p, store)
	look(h) // never seen, no certificate
	s := h.session(false)
	h.login(s)
	h.find(s)
	look(h) // logged in, with certificate
	h.want("C_Logout", h.Logout(s), ck.CKR_OK)
	look(h)
	if len(store.entries) == 0 {
		t.Fatal("the card did not become a known one")
	}
	h, _ = oneCard(t, p, store)
	look(h) // known
	p.Files = map[uint16][]byte{0x1003: []byte("no certificate")}
	h, _ = oneCard(t, p, nil)
	look(h)
	if len(seen) != 1 || !seen[names{"CIE 9012", "5001234567890127", "CIE"}] {
		t.Errorf("%+v", seen)
	}
}

// A single failed command does not change the serial number of a card.
func TestSerialNumberSurvivesOneRefusal(t *testing.T) {
	service := &cardtest.Service{}
	refused := false
	c := newCard(t, cardtest.Profile{NIS: "123456789012"})
	service.Insert("a", c)
	service.Intercept(func(cmd []byte) error {
		if !refused && bytes.Contains(cmd, []byte{0xD0, 0x03}) {
			refused = true
			c.SetFaults(cardtest.FaultAt(1, cardtest.Status6F00))
		}
		return nil
	})
	h := newModule(t, service, nil)
	slot := h.waitTokens(1)[0]
	if info := h.tokenInfo(slot); info.SerialNumber != "5001234567890127" || !refused {
		t.Errorf("serial number %q, refused %v", info.SerialNumber, refused)
	}
}

// Readers with long names differ at the end.
func TestSlotDescriptionKeepsTheEnd(t *testing.T) {
	service := &cardtest.Service{}
	long := strings.Repeat("è", 60) + " Contactless "
	for _, name := range []string{long + "00 00", long + "00 01", "short 01 00"} {
		service.Attach(name)
	}
	h := newModule(t, service, nil)
	var got []string
	for _, id := range h.slotList(false) {
		var info ck.SlotInfo
		h.want("C_GetSlotInfo", h.GetSlotInfo(id, &info), ck.CKR_OK)
		got = append(got, info.SlotDescription)
		if len(info.SlotDescription) > 64 || !utf8.ValidString(info.SlotDescription) {
			t.Errorf("%q", info.SlotDescription)
		}
	}
	end := strings.Repeat("è", 23) + " Contactless "
	if want := []string{end + "00 00", end + "00 01", "short 01 00"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// A chip that does not show EF.SN.ICC is still a token.
func TestSerialFallsBackToNIS(t *testing.T) {
	h, _, s := known(t, cardtest.Profile{Files: map[uint16][]byte{0xD003: {}}, NIS: "123456789012"})
	if info := h.tokenInfo(h.slot()); info.SerialNumber != "123456789012" {
		t.Errorf("serial number %q", info.SerialNumber)
	}
	if n := len(h.find(s)); n != 3 {
		t.Errorf("%d objects", n)
	}
}

// Functions that NSS calls all the time send nothing to the card.
func TestStatusFunctionsSendNothing(t *testing.T) {
	h, c := oneCard(t, cardtest.Profile{}, newStore())
	s := h.session(false)
	h.login(s)
	slot := h.slot()
	before, opened := c.Stats().APDUs, h.service.Usage().Connections
	for range 50 {
		h.slotList(true)
		h.tokenInfo(slot)
		h.state(s)
		h.want("C_GetSlotInfo", h.GetSlotInfo(slot, &ck.SlotInfo{}), ck.CKR_OK)
		h.want("C_GetMechanismInfo", h.GetMechanismInfo(slot, ck.CKM_RSA_PKCS, &ck.MechanismInfo{}), ck.CKR_OK)
	}
	if n := c.Stats().APDUs - before; n != 0 || h.service.Usage().Connections != opened {
		t.Errorf("%d APDUs, %d connections", n, h.service.Usage().Connections-opened)
	}
}

func TestMechanismsAreListed(t *testing.T) {
	h, _ := oneCard(t, cardtest.Profile{}, nil)
	slot := h.slot()
	var n uint
	h.want("C_GetMechanismList", h.GetMechanismList(slot, nil, &n), ck.CKR_OK)
	types := make([]uint, n)
	n--
	h.want("C_GetMechanismList", h.GetMechanismList(slot, types, &n), ck.CKR_BUFFER_TOO_SMALL)
	if int(n) != len(types) {
		t.Errorf("count %d, want %d", n, len(types))
	}
	h.want("C_GetMechanismList", h.GetMechanismList(slot, types, &n), ck.CKR_OK)
	for _, m := range types {
		var info ck.MechanismInfo
		h.want("C_GetMechanismInfo", h.GetMechanismInfo(slot, m, &info), ck.CKR_OK)
		signs := info.Flags&ck.CKF_SIGN != 0
		if signs != (info.Flags&ck.CKF_HW != 0) || signs != (info.MinKeySize == 2048) {
			t.Errorf("mechanism %#x: %+v", m, info)
		}
		if info.Flags&(ck.CKF_DECRYPT|ck.CKF_ENCRYPT|ck.CKF_GENERATE_KEY_PAIR) != 0 {
			t.Errorf("mechanism %#x: %+v", m, info)
		}
	}
	for _, m := range []uint{ck.CKM_RSA_X_509, ck.CKM_RSA_PKCS_PSS, ck.CKM_SHA256_RSA_PKCS_PSS, ck.CKM_RSA_PKCS_KEY_PAIR_GEN} {
		if slices.Contains(types, m) {
			t.Errorf("mechanism %#x is offered", m)
		}
		h.want("C_GetMechanismInfo", h.GetMechanismInfo(slot, m, &ck.MechanismInfo{}), ck.CKR_MECHANISM_INVALID)
	}
}

func TestInitTokenIsRefused(t *testing.T) {
	h, c := oneCard(t, cardtest.Profile{}, nil)
	slot := h.slot()
	puk, label := ck.Bytes(cardtest.DefaultPUK()), &[32]byte{}
	h.want("C_InitToken", h.InitToken(slot, puk, label), ck.CKR_TOKEN_WRITE_PROTECTED)
	h.want("C_InitToken", h.InitToken(slot, puk, nil), ck.CKR_ARGUMENTS_BAD)
	h.want("C_InitToken", h.InitToken(77, puk, label), ck.CKR_SLOT_ID_INVALID)
	h.sessionOn(slot, true)
	h.want("C_InitToken", h.InitToken(slot, puk, label), ck.CKR_SESSION_EXISTS)
	if st := c.Stats(); st.Verifies != 0 {
		t.Error("C_InitToken presents the PUK")
	}
}

// A program that uses the number of a slot right after C_Initialize gets the same results as
// after C_GetSlotList.
func TestSlotNumberWithoutList(t *testing.T) {
	calls := map[string]func(h *host, id uint) ck.RV{
		"C_GetSlotInfo":  func(h *host, id uint) ck.RV { return h.GetSlotInfo(id, &ck.SlotInfo{}) },
		"C_GetTokenInfo": func(h *host, id uint) ck.RV { return h.GetTokenInfo(id, &ck.TokenInfo{}) },
		"C_OpenSession": func(h *host, id uint) ck.RV {
			var s uint
			return h.OpenSession(id, ck.CKF_SERIAL_SESSION, &s)
		},
		"C_GetMechanismList": func(h *host, id uint) ck.RV {
			var n uint
			return h.GetMechanismList(id, nil, &n)
		},
		"C_GetMechanismInfo": func(h *host, id uint) ck.RV { return h.GetMechanismInfo(id, ck.CKM_RSA_PKCS, &ck.MechanismInfo{}) },
		"C_CloseAllSessions": func(h *host, id uint) ck.RV { return h.CloseAllSessions(id) },
		"C_InitToken": func(h *host, id uint) ck.RV {
			if rv := h.InitToken(id, pin(), new([32]byte)); rv != ck.CKR_TOKEN_WRITE_PROTECTED {
				return rv
			}
			return ck.CKR_OK
		},
	}
	other, _ := oneCard(t, cardtest.Profile{}, nil)
	id := other.slot()
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			h, _ := oneCard(t, cardtest.Profile{}, nil)
			if rv := call(h, id); rv != ck.CKR_OK {
				t.Errorf("%v", rv)
			}
		})
	}
}

// A reader has the same number in every process, regardless of other readers and their order.
func TestSlotNumbersAreStable(t *testing.T) {
	names := []string{"ACS ACR122U 00 00", "bit4id miniLector 00 00", "ACS ACR122U 01 00", "Identiv uTrust 3700 F CL Reader 00 00"}
	want := map[string]uint{}
	m := New(Config{})
	for _, n := range names {
		want[n] = m.slotID(n)
	}
	seen := map[uint]bool{}
	for _, order := range [][]int{{3, 2, 1, 0}, {1}, {2, 0}} {
		m := New(Config{})
		for _, i := range order {
			id := m.slotID(names[i])
			seen[id] = true
			if id != want[names[i]] || id == 0 || m.slotID(names[i]) != id {
				t.Errorf("%s: slot %d, want %d", names[i], id, want[names[i]])
			}
		}
	}
	if len(seen) != len(names) {
		t.Errorf("%d numbers for %d readers", len(seen), len(names))
	}
	// Among so many some hash to the same number.
	m = New(Config{})
	ids := map[uint]bool{}
	for i := range 2000 {
		ids[m.slotID(fmt.Sprint(i))] = true
	}
	if len(ids) != 2000 {
		t.Errorf("%d numbers for 2000 readers", len(ids))
	}
}
