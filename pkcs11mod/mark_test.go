package pkcs11mod

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cie/card"
	"cie/card/cardtest"
	"cie/card/state"
	"cie/pkcs11mod/ck"
)

// chips are the ways in which a chip counts.
var chips = map[string]cardtest.Forgery{
	"counter":              {},
	"no counter":           {RefuseTries: 0x6A88},
	"no count":             {WrongPIN6300: true},
	"no counter, no count": {RefuseTries: 0x6A88, WrongPIN6300: true},
}

// programs are modules with one card, one cache and one state, all logged in.
type programs struct {
	t     *testing.T
	card  *cardtest.Card
	state *state.Store
	hosts []*host
	ses   []uint
	keys  []uint
}

func logIn(t *testing.T, n int, c *cardtest.Card, st *state.Store) *programs {
	t.Helper()
	p := &programs{t: t, card: c, state: st}
	kept := newStore()
	kept.state = st
	for range n {
		service := &cardtest.Service{}
		service.Insert("reader", c)
		h := newModule(t, service, kept)
		s := h.session(true)
		h.login(s)
		p.hosts, p.ses, p.keys = append(p.hosts, h), append(p.ses, s), append(p.keys, h.one(s, ck.CKO_PRIVATE_KEY))
	}
	return p
}

// useAll uses every program once, twice over, and returns the results.
func (p *programs) useAll() (results []ck.RV) {
	for range 2 {
		for i, h := range p.hosts {
			_, rv := h.trySign(p.ses[i], p.keys[i], ck.CKM_RSA_PKCS, []byte("x"))
			results = append(results, rv)
		}
	}
	return results
}

func (p *programs) loseChannels() {
	p.t.Helper()
	if err := p.card.Reader().Reset(); err != nil {
		p.t.Fatal(err)
	}
}

func TestPINChangedByOtherSoftwareCostsOneTry(t *testing.T) {
	for name, lies := range chips {
		t.Run(name, func(t *testing.T) {
			c := newCard(t, cardtest.Profile{Forgery: lies})
			p := logIn(t, 3, c, state.Dir(filepath.Join(t.TempDir(), "cie")))
			fresh := []byte("27182818")
			if err := elsewhere(t, c).ChangePIN(context.Background(), cardtest.DefaultPIN(), fresh); err != nil {
				t.Fatal(err)
			}
			before := c.Stats()
			for i, rv := range p.useAll() {
				if rv != ck.CKR_USER_NOT_LOGGED_IN {
					t.Errorf("use %d: %v", i, rv)
				}
			}
			if d := c.Stats().Sub(before); d.TriesSpent > 1 || d.Verifies > 1 {
				t.Errorf("%d tries spent, %d codes sent", d.TriesSpent, d.Verifies)
			}
			// The user logs in with the new PIN in every program.
			for i, h := range p.hosts {
				h.want("new PIN", h.Login(p.ses[i], ck.CKU_USER, ck.Bytes(fresh)), ck.CKR_OK)
				h.sign(p.ses[i], h.one(p.ses[i], ck.CKO_PRIVATE_KEY), ck.CKM_RSA_PKCS, []byte("x"))
			}
		})
	}
}

func TestPINChangedByThisSoftwareCostsNoTry(t *testing.T) {
	fresh := ck.Bytes([]byte("27182818"))
	for name, lies := range chips {
		for how, change := range map[string]func(t *testing.T, p *programs){
			"another program": func(t *testing.T, p *programs) {
				s, err := card.Open(context.Background(), p.card.Reader(), card.Options{Roots: roots(), State: p.state})
				if err != nil {
					t.Fatal(err)
				}
				if err := s.ChangePIN(context.Background(), cardtest.DefaultPIN(), fresh.Data); err != nil {
					t.Fatal(err)
				}
			},
			"one of them": func(t *testing.T, p *programs) {
				p.hosts[0].want("C_SetPIN", p.hosts[0].SetPIN(p.ses[0], pin(), fresh), ck.CKR_OK)
			},
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				c := newCard(t, cardtest.Profile{Forgery: lies})
				p := logIn(t, 3, c, state.Dir(filepath.Join(t.TempDir(), "cie")))
				change(t, p)
				before := c.Stats()
				p.useAll()
				if d := c.Stats().Sub(before); d.TriesSpent != 0 {
					t.Errorf("%d tries spent", d.TriesSpent)
				}
			})
		}
	}
}

// Programs that share a card present their kept PINs as often as they need.
func TestKeptPINSurvivesOtherPrograms(t *testing.T) {
	for name, lies := range chips {
		t.Run(name, func(t *testing.T) {
			c := newCard(t, cardtest.Profile{Forgery: lies})
			p := logIn(t, 3, c, state.Dir(filepath.Join(t.TempDir(), "cie")))
			for range 2 {
				p.loseChannels()
				for i, rv := range p.useAll() {
					if rv != ck.CKR_OK {
						t.Errorf("use %d: %v", i, rv)
					}
				}
			}
			if st := c.Stats(); st.TriesSpent != 0 {
				t.Errorf("%d tries spent", st.TriesSpent)
			}
		})
	}
}

// If the mark is missing, unreadable or cannot be changed, no code is sent again and the
// login ends. The user can log in.
func TestKeptPINIsNotSentWithoutItsMark(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, dir, file string){
		"deleted": func(t *testing.T, _, file string) { must(t, os.Remove(file)) },
		"corrupt": func(t *testing.T, _, file string) { must(t, os.WriteFile(file, []byte("{"), 0o600)) },
		"another": func(t *testing.T, dir, _ string) {
			must(t, state.Dir(dir).Update("999900000001", func(r *state.Record) error { r.Mark = state.NewMark(); return nil }))
		},
		"no directory": func(t *testing.T, dir, _ string) { must(t, os.RemoveAll(dir)) },
		"no directory can be made": func(t *testing.T, dir, _ string) {
			must(t, os.RemoveAll(dir))
			must(t, os.WriteFile(dir, nil, 0o600))
		},
		"open to others": func(t *testing.T, dir, _ string) { must(t, os.Chmod(dir, 0o777)) },
		"a device":       func(t *testing.T, _, file string) { must(t, os.Remove(file)); must(t, os.Symlink("/dev/full", file)) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCard(t, cardtest.Profile{NIS: "999900000001"})
			dir := filepath.Join(t.TempDir(), "cie")
			p := logIn(t, 2, c, state.Dir(dir))
			spoil(t, dir, filepath.Join(dir, state.ID(c.NIS())+".json"))
			p.loseChannels()
			before, began := c.Stats(), time.Now()
			for i, rv := range p.useAll() {
				if rv != ck.CKR_USER_NOT_LOGGED_IN {
					t.Errorf("use %d: %v", i, rv)
				}
			}
			if d := c.Stats().Sub(before); d.Verifies != 0 {
				t.Errorf("%d codes sent", d.Verifies)
			}
			if d := time.Since(began); d > 20*time.Second {
				t.Errorf("took %v", d)
			}
			p.hosts[0].login(p.ses[0])
			p.hosts[0].sign(p.ses[0], p.hosts[0].one(p.ses[0], ck.CKO_PRIVATE_KEY), ck.CKM_RSA_PKCS, []byte("x"))
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Without a state no PIN is kept: a lost channel ends the login.
func TestPINIsNotKeptWithoutState(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	p := logIn(t, 1, c, nil)
	if n := len(p.hosts[0].token().codes.codes); n != 0 {
		t.Error("the PIN is kept")
	}
	p.hosts[0].sign(p.ses[0], p.keys[0], ck.CKM_RSA_PKCS, []byte("x"))
	p.loseChannels()
	_, rv := p.hosts[0].trySign(p.ses[0], p.keys[0], ck.CKM_RSA_PKCS, []byte("x"))
	p.hosts[0].want("after a reset", rv, ck.CKR_USER_NOT_LOGGED_IN)
	if st := c.Stats(); st.Verifies != 1 {
		t.Errorf("%d codes sent", st.Verifies)
	}
}

// Several programs that send wrong PUKs do not disable the chip.
func TestManyProgramsWithAWrongPUKLeaveTheChipAlive(t *testing.T) {
	for name, lies := range chips {
		for where, st := range map[string]*state.Store{"state": state.Dir(filepath.Join(t.TempDir(), "cie")), "no state": nil} {
			t.Run(name+"/"+where, func(t *testing.T) {
				c := newCard(t, cardtest.Profile{Forgery: lies})
				kept := newStore()
				kept.state = st
				for n := range 12 {
					service := &cardtest.Service{}
					service.Insert("reader", c)
					h := newModule(t, service, kept)
					s := h.session(true)
					for i := range 3 {
						if rv := h.Login(s, ck.CKU_SO, wrongCode(3*n+i)); rv != ck.CKR_PIN_INCORRECT && rv != ck.CKR_FUNCTION_REJECTED {
							t.Errorf("C_Login: %v", rv)
						}
					}
					h.want("C_Finalize", h.Finalize(false), ck.CKR_OK)
				}
				if _, puk := c.Tries(); puk < 3 {
					t.Errorf("%d tries of the PUK left", puk)
				}
			})
		}
	}
}

// A program that repeats a refused PIN spends one try.
func TestRefusedPINIsNotSentAgain(t *testing.T) {
	for name, lies := range chips {
		t.Run(name, func(t *testing.T) {
			kept := newStore()
			h, c := oneCard(t, cardtest.Profile{Forgery: lies}, kept)
			s := h.session(true)
			for range 5 {
				h.want("wrong PIN", h.Login(s, ck.CKU_USER, wrongPIN), ck.CKR_PIN_INCORRECT)
				h.want("as the old one", h.SetPIN(s, wrongPIN, ck.Bytes([]byte("27182818"))), ck.CKR_PIN_INCORRECT)
			}
			if st := c.Stats(); st.TriesSpent != 1 || st.Verifies != 1 {
				t.Fatalf("%d tries spent, %d codes sent", st.TriesSpent, st.Verifies)
			}
			// It ends with time,
			f := &h.token().refusals
			f.mu.Lock()
			f.now = func() time.Time { return time.Now().Add(refusalTime + time.Second) }
			f.mu.Unlock()
			h.want("later", h.Login(s, ck.CKU_USER, wrongPIN), ck.CKR_PIN_INCORRECT)
			if st := c.Stats(); st.TriesSpent != 2 {
				t.Errorf("%d tries spent", st.TriesSpent)
			}
			h.login(s)
			h.want("C_Logout", h.Logout(s), ck.CKR_OK)
			// when the mark moves,
			f.mu.Lock()
			f.now = nil
			f.mu.Unlock()
			must(t, kept.state.Update(c.NIS(), func(r *state.Record) error { r.Mark = state.NewMark(); return nil }))
			h.want("moved", h.Login(s, ck.CKU_USER, wrongPIN), ck.CKR_PIN_INCORRECT)
			if st := c.Stats(); st.TriesSpent != 3 {
				t.Errorf("%d tries spent", st.TriesSpent)
			}
			h.login(s)
			h.want("C_Logout", h.Logout(s), ck.CKR_OK)
			// and when the card leaves.
			h.service.Remove("reader")
			h.waitTokens(0)
			h.service.Insert("reader", c)
			h.waitTokens(1)
			s = h.session(true)
			h.want("restored", h.Login(s, ck.CKU_USER, wrongPIN), ck.CKR_PIN_INCORRECT)
			if st := c.Stats(); st.TriesSpent != 4 {
				t.Errorf("%d tries spent", st.TriesSpent)
			}
		})
	}
}
