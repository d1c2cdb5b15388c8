package pkcs11mod

import (
	"testing"
	"time"

	"cie/card"
	"cie/card/cardtest"
	"cie/pkcs11mod/ck"
)

// turnPrograms are programs that use one card in turn: modules that are logged in and sign, and
// programs without a login.
var turnPrograms = []struct {
	name          string
	signers       int
	status, other bool
	auths         int // device authentications of one round, at most
}{
	{"one program signs", 1, false, false, 0},
	{"two programs sign in turn", 2, false, false, 2},
	{"four programs sign in turn", 4, false, false, 4},
	{"one program signs, cie status in a loop", 1, true, false, 1},
	{"two programs sign in turn, cie status in a loop", 2, true, false, 2},
	{"one program signs, another looks for keys", 1, false, true, 0},
}

// turns lets programs use one card.
type turns struct {
	t       testing.TB
	card    *cardtest.Card
	store   *store
	service *cardtest.Service
	signers []func()
	status  bool
	other   func()
}

func newTurns(t testing.TB, signers int, status, other bool) *turns {
	u := &turns{t: t, store: newStore(), status: status}
	u.service, u.card = withCard(t, cardtest.Profile{})
	// Each program has its own connection to the readers.
	program := func() *host {
		service := &cardtest.Service{}
		service.Insert("reader", u.card)
		return newModule(quiet{t}, service, u.store)
	}
	for range signers {
		h := program()
		s := loggedIn(h)
		key := h.one(s, ck.CKO_PRIVATE_KEY)
		u.signers = append(u.signers, func() { h.sign(s, key, ck.CKM_RSA_PKCS, []byte("x")) })
	}
	if other {
		h := program()
		h.cfg.OpenAhead = true
		s := h.session(false)
		u.other = func() { h.find(s, class(ck.CKO_PRIVATE_KEY)); h.settle() }
	}
	u.round()
	return u
}

// round lets every program do its work once.
func (u *turns) round() {
	u.t.Helper()
	for _, sign := range u.signers {
		sign()
	}
	if u.other != nil {
		u.other()
	}
	if u.status {
		u.readStatus()
	}
}

// readStatus does what cie status does.
func (u *turns) readStatus() {
	u.t.Helper()
	conn, err := u.service.Connect("reader")
	if err != nil {
		u.t.Fatal(err)
	}
	defer conn.Close()
	s, err := card.Open(u.t.Context(), conn, card.Options{Roots: roots(), State: u.store.state, Store: u.store})
	if err != nil {
		u.t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Authenticity(u.t.Context()); err != nil {
		u.t.Fatal(err)
	}
	if s.InUse() && s.LastTries(card.PIN).Left == card.PIN.MaxTries() {
		return
	}
	u.t.Error("cie status does not see the login")
}

// No login is lost, and a change of turn costs one device authentication at most.
func TestChangeOfTurnCostsOneDeviceAuthentication(t *testing.T) {
	for _, p := range turnPrograms {
		t.Run(p.name, func(t *testing.T) {
			u := newTurns(t, p.signers, p.status, p.other)
			for range 3 {
				before := u.card.Stats()
				u.round()
				cost := u.card.Stats().Sub(before)
				if cost.DeviceAuthentications > p.auths {
					t.Errorf("%d device authentications, at most %d", cost.DeviceAuthentications, p.auths)
				}
				if cost.TriesSpent != 0 {
					t.Errorf("%+v", cost)
				}
			}
		})
	}
}

// BenchmarkProgramsInTurn reports what programs pay that share a slow card.
func BenchmarkProgramsInTurn(b *testing.B) {
	for _, p := range turnPrograms {
		b.Run(p.name, func(b *testing.B) {
			u := newTurns(b, p.signers, p.status, p.other)
			before, rounds := u.card.Stats(), 0
			for b.Loop() {
				u.round()
				rounds++
			}
			cost := u.card.Stats().Sub(before)
			operations := float64(rounds * p.signers)
			b.ReportMetric(operations/cost.Modelled.Minutes(), "signatures/min")
			b.ReportMetric(float64(cost.DeviceAuthentications)/operations, "device-auths/signature")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkPINToSignature reports the time of a slow card from the arrival of the PIN to the
// first signature, with the channel opened before and without.
func BenchmarkPINToSignature(b *testing.B) {
	for name, seen := range map[string]bool{"known": true, "never-seen": false} {
		for way, open := range map[string]bool{"channel-open": true, "channel-closed": false} {
			b.Run(name+"/"+way, func(b *testing.B) {
				var whole, after cardtest.Stats
				for b.Loop() {
					store := newStore()
					if seen {
						store = knownCard(quiet{b}, cardtest.Profile{})
					}
					h, c := oneCard(quiet{b}, cardtest.Profile{}, store)
					h.cfg.OpenAhead = open
					s := h.session(false)
					h.find(s, class(ck.CKO_PRIVATE_KEY))
					h.settle()
					arrived := c.Stats()
					h.login(s)
					h.sign(s, h.one(s, ck.CKO_PRIVATE_KEY), ck.CKM_RSA_PKCS, []byte("x"))
					whole, after = c.Stats(), c.Stats().Sub(arrived)
					h.want("C_Finalize", h.Finalize(false), ck.CKR_OK)
				}
				b.ReportMetric(float64(whole.APDUs), "APDUs")
				b.ReportMetric(float64(after.APDUs), "APDUs-after-PIN")
				b.ReportMetric(float64(after.DeviceAuthentications), "device-auths-after-PIN")
				b.ReportMetric(float64(after.Modelled.Round(time.Millisecond))/float64(time.Second), "modelled-s-after-PIN")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
