package desktop

import (
	"testing"
	"testing/synctest"
	"time"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/sod"
	"cie/card/state"
	"cie/gui"
)

// idleLimit is the pause between two commands of a transaction after which Windows resets the
// card.
const idleLimit = 5 * time.Second

// testRoots returns the issuers of real and of virtual cards.
func testRoots(t *testing.T) *sod.Roots {
	t.Helper()
	roots := sod.BuiltinRoots().Clone()
	if err := roots.AddPEM(cardtest.CSCAPEM()); err != nil {
		t.Fatal(err)
	}
	return roots
}

// newIdleCards returns the part of the Service that works with cards, with a card in the
// reader "reader" that is reset like on Windows.
func newIdleCards(t *testing.T) (*cards, *cardtest.Service, *cardtest.Card) {
	t.Helper()
	virtual, err := cardtest.New(cardtest.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	virtual.SetIdleLimit(idleLimit)
	service := &cardtest.Service{}
	service.Insert("reader", virtual)
	c := newCards(service, card.Options{Roots: testRoots(t), State: state.Memory()})
	t.Cleanup(c.release)
	return c, service, virtual
}

// cardCall is a call of the window that uses the card in the reader "reader".
type cardCall struct {
	name string
	do   func(t *testing.T, c *cards) error
}

// cardCalls are those that need neither a document nor the network.
var cardCalls = []cardCall{
	{"inspect", func(t *testing.T, c *cards) error {
		return c.Inspect(t.Context(), "reader", func(gui.Card) {})
	}},
	{"accept", func(t *testing.T, c *cards) error { return c.Accept(t.Context(), "reader") }},
	{"holder", func(t *testing.T, c *cards) error {
		_, err := c.Holder(t.Context(), "reader", cardtest.DefaultPIN(), gui.CodeOptions{})
		return err
	}},
	{"change", func(t *testing.T, c *cards) error {
		return c.ChangePIN(t.Context(), "reader", cardtest.DefaultPIN(), []byte("28281414"), gui.CodeOptions{})
	}},
	{"unblock", func(t *testing.T, c *cards) error {
		return c.Unblock(t.Context(), "reader", cardtest.DefaultPUK(), []byte("28281414"), gui.CodeOptions{AllowLastTry: true})
	}},
}

// The window waits for nothing but the card within a transaction.
func TestWindowMakesNoPauseInATransaction(t *testing.T) {
	for _, call := range cardCalls {
		synctest.Test(t, func(t *testing.T) {
			c, _, virtual := newIdleCards(t)
			if err := call.do(t, c); err != nil {
				t.Errorf("%s: %v", call.name, err)
			}
			if p := virtual.LongestPause(); p != 0 {
				t.Errorf("%s: a pause of %v", call.name, p)
			}
		})
	}
}

// If the machine sleeps before any command of a call, the card is reset; no try is lost and
// the next call succeeds.
func TestWindowRecoversFromResetOfAnIdleTransaction(t *testing.T) {
	for _, call := range cardCalls {
		t.Run(call.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for at := 1; ; at++ {
					c, service, virtual := newIdleCards(t)
					count := 0
					service.Intercept(func([]byte) error {
						if count++; count == at {
							time.Sleep(idleLimit + time.Second)
						}
						return nil
					})
					err := call.do(t, c)
					if count < at {
						if err != nil || at < 20 {
							t.Errorf("%d commands: %v", at-1, err)
						}
						return
					}
					if err != nil && card.LossOf(err) == card.LossNone {
						t.Errorf("command %d: %v", at, err)
					}
					if p := virtual.LongestPause(); p != idleLimit {
						t.Errorf("command %d: longest pause %v", at, p)
					}
					if _, err := c.Holder(t.Context(), "reader", virtual.PIN(), gui.CodeOptions{}); err != nil {
						t.Errorf("command %d: afterwards: %v", at, err)
					}
					if n, _ := virtual.Tries(); n != 3 || virtual.Stats().TriesSpent != 0 {
						t.Errorf("command %d: %d tries left", at, n)
					}
				}
			})
		})
	}
}

// A second reader whose card answers late, as that of Windows Hello, does not delay the CIE.
func TestSlowCardDoesNotDelayAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, service, _ := newIdleCards(t)
		const hello = "Windows Hello for Business 1"
		service.Put(hello, readers.State{Present: true, ATR: cardtest.Foreign{}.ATR()}, func() (apdu.Card, error) {
			return cardtest.Foreign{Delay: 3 * time.Second}, nil
		})
		begin := time.Now()
		state := <-c.Watch(t.Context())
		if len(state.Readers) != 2 {
			t.Errorf("%+v", state)
		}
		other := make(chan error, 1)
		go func() { other <- c.Inspect(t.Context(), hello, func(gui.Card) {}) }()
		synctest.Wait() // the other card has its first command
		var shown gui.Card
		if err := c.Inspect(t.Context(), "reader", func(u gui.Card) { shown = u }); err != nil || shown.PIN.Left != 3 {
			t.Errorf("%+v, %v", shown, err)
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("the CIE was shown after %v", took)
		}
		if err := <-other; card.Classify(err) != card.KindNotCIE {
			t.Errorf("the other card: %v", err)
		}
	})
}
