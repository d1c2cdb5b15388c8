//go:build linux

package browsertest

import (
	"path/filepath"
	"testing"
	"time"

	"cie/card/cardtest"
	"cie/card/state"
	"cie/cmd/internal/harness/browsertest/browser"
)

// BenchmarkEnterToPage reports the time from Enter in the prompt for the PIN to the page of the
// service, at the first login of a browser with a known card that takes the time of a slow one.
// The user types for some seconds, in which the module opens the channel. Where another program
// seems to be logged in, the module does not do that.
func BenchmarkEnterToPage(b *testing.B) {
	for _, kind := range browser.Kinds() {
		b.Run(string(kind), func(b *testing.B) {
			need(b, kind)
			s := newStack(b)
			s.enable()
			login := func(typing time.Duration) float64 {
				u := s.sit(b, kind)
				defer u.browser.Stop()
				o := u.login(func(p browser.Prompt) {
					if p == browser.PromptPIN {
						time.Sleep(typing)
					}
				}, pin())
				if !o.in() {
					b.Fatalf("the page shows %q %q, asked %v", o.path, o.shown, o.prompts)
				}
				return o.at.Sub(u.entered).Seconds()
			}
			login(0) // the card is known from now on
			cost := cardtest.DefaultCost()
			cost.Sleep = true
			s.card.SetCost(cost)
			cards := state.Dir(filepath.Join(s.env.StateHome, "cie"))
			var with, without float64
			for b.Loop() {
				with = login(8 * time.Second)
				release, err := cards.Share(s.card.NIS())
				if err != nil {
					b.Fatal(err)
				}
				without = login(8 * time.Second)
				release()
			}
			b.ReportMetric(with, "s-to-page")
			b.ReportMetric(without, "s-to-page-without")
			b.ReportMetric(0, "ns/op")
		})
	}
}
