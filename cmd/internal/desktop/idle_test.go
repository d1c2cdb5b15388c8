package desktop

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/sod"
	"cie/card/state"
	"cie/cmd/internal/harness/await"
	"cie/gui"
)

// idleLimit is the pause between two commands of a transaction after which Windows resets the
// card.
const idleLimit = 5 * time.Second

// testRoots returns the issuers of real and of virtual cards.
func testRoots(t testing.TB) *sod.Roots {
	t.Helper()
	roots := sod.BuiltinRoots().Clone()
	if err := roots.AddPEM(cardtest.CSCAPEM()); err != nil {
		t.Fatal(err)
	}
	return roots
}

// newIdleCards returns the part of the Service that works with cards, with a card in the
// reader "reader" that is reset like on Windows.
func newIdleCards(t testing.TB) (*cards, *cardtest.Service, *cardtest.Card) {
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
	do   func(t testing.TB, c *cards) error
}

// cardCalls are those that need neither a document nor the network.
var cardCalls = []cardCall{
	{"inspect", func(t testing.TB, c *cards) error {
		return c.Inspect(t.Context(), "reader", func(gui.Card) {})
	}},
	{"accept", func(t testing.TB, c *cards) error { return c.Accept(t.Context(), "reader") }},
	{"holder", func(t testing.TB, c *cards) error {
		_, err := c.Holder(t.Context(), "reader", cardtest.DefaultPIN(), gui.CodeOptions{})
		return err
	}},
	{"change", func(t testing.TB, c *cards) error {
		return c.ChangePIN(t.Context(), "reader", cardtest.DefaultPIN(), []byte("28281414"), gui.CodeOptions{})
	}},
	{"unblock", func(t testing.TB, c *cards) error {
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

// The key agreement is done while the user types, and the call with the code costs no more
// commands in all. If the user leaves the page, the channel is dropped.
func TestWindowOpensTheChannelWhileTheUserTypes(t *testing.T) {
	for _, call := range cardCalls {
		if call.name == "inspect" || call.name == "accept" {
			continue // no code
		}
		var plain int
		for _, typing := range []string{"at once", "later", "not"} {
			synctest.Test(t, func(t *testing.T) {
				c, _, virtual := newIdleCards(t)
				if err := c.Inspect(t.Context(), "reader", func(gui.Card) {}); err != nil {
					t.Fatal(err)
				}
				virtual.PowerOn() // as another program that has used the card since
				before := virtual.Stats()
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				if typing != "at once" {
					c.Prepare(ctx, "reader")
					time.Sleep(10 * time.Second)
					c.Prepare(ctx, "reader") // at the first digit of another field
					synctest.Wait()
				}
				if typing == "not" {
					leave()
					synctest.Wait()
				}
				arrived := virtual.Stats()
				if err := call.do(t, c); err != nil {
					t.Fatalf("%s: %v", call.name, err)
				}
				all, after := virtual.Stats().Sub(before), virtual.Stats().Sub(arrived)
				switch {
				case typing == "at once":
					plain = all.APDUs
				case typing == "later" && (after.KeyAgreements != 0 || all.APDUs != plain):
					t.Errorf("%s: %d APDUs, without typing %d; after the code %+v", call.name, all.APDUs, plain, after)
				case typing == "not" && after.DeviceAuthentications != 1:
					t.Errorf("%s: the channel outlives the page: %+v", call.name, after)
				}
				if p := virtual.LongestPause(); p != 0 || all.TriesSpent != 0 {
					t.Errorf("%s: a pause of %v in a transaction, %+v", call.name, p, all)
				}
				leave()
				synctest.Wait()
				done := virtual.Stats()
				if err := c.Inspect(t.Context(), "reader", func(gui.Card) {}); err != nil {
					t.Error(err)
				}
				if n := virtual.Stats().Sub(done).DeviceAuthentications; n != 0 {
					t.Errorf("%s: %d device authentications to read the counters afterwards", call.name, n)
				}
			})
		}
	}
}

// A card that is taken off while the user types is an error of the call with the code alone.
func TestCardPulledWhileTheUserTypesShowsWithTheCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, service, virtual := newIdleCards(t)
		var failures []error
		c.failed = func(_ string, err error) { failures = append(failures, err) }
		if err := c.Inspect(t.Context(), "reader", func(gui.Card) {}); err != nil {
			t.Fatal(err)
		}
		virtual.PowerOn()
		service.Remove("reader")
		c.Prepare(t.Context(), "reader")
		synctest.Wait()
		if len(failures) != 0 {
			t.Errorf("reported while the user types: %v", failures)
		}
		if _, err := c.Holder(t.Context(), "reader", virtual.PIN(), gui.CodeOptions{}); card.LossOf(err) != card.LossCard {
			t.Errorf("with the code: %v", err)
		}
	})
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

// BenchmarkCodeToResult reports what a slow card costs from the code to the result of a call of
// the window, with the channel opened while the user types and without.
func BenchmarkCodeToResult(b *testing.B) {
	sign := func(t testing.TB, c *cards) error {
		file := filepath.Join(t.TempDir(), "list.csv")
		if err := os.WriteFile(file, []byte("a;b\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		job := gui.SigningJob{Documents: []gui.SigningDocument{{Path: file, Format: gui.FormatP7M}}}
		return (&signing{cards: c}).SignDocuments(t.Context(), "reader", cardtest.DefaultPIN(), job, gui.CodeOptions{}, func(gui.SigningUpdate) {})
	}
	for _, call := range append([]cardCall{{"sign", sign}}, cardCalls...) {
		if call.name != "sign" && call.name != "change" {
			continue
		}
		for _, way := range []string{"channel-open", "channel-closed"} {
			b.Run(call.name+"/"+way, func(b *testing.B) {
				var after cardtest.Stats
				for b.Loop() {
					c, _, virtual := newIdleCards(b)
					if err := c.Inspect(b.Context(), "reader", func(gui.Card) {}); err != nil {
						b.Fatal(err)
					}
					virtual.PowerOn() // as another program that has used the card since
					before := virtual.Stats()
					if way == "channel-open" {
						c.Prepare(b.Context(), "reader")
						await.That(b, "a channel", func() bool { return virtual.Stats().Sub(before).DeviceAuthentications > 0 })
					}
					arrived := virtual.Stats()
					if err := call.do(b, c); err != nil {
						b.Fatal(err)
					}
					after = virtual.Stats().Sub(arrived)
				}
				b.ReportMetric(float64(after.APDUs), "APDUs-after-code")
				b.ReportMetric(after.Modelled.Seconds(), "modelled-s-after-code")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
