//go:build unix

package main

import (
	"bytes"
	"cie/apdu/readers"
	"cie/card"
	"cie/card/cardtest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// visit is a run of cie that users make, and what it may cost in command APDUs.
type visit struct {
	name  string
	args  []string
	codes map[string][]byte // options that take a descriptor, with what is read there
	// known: another run has seen the card before.
	known bool
	// apdus at most, on a card that accepts everything and on a strict one.
	apdus, strict int
}

// visits are the figures of the README. They count from the first contact.
var visits = []visit{
	{name: "status", args: []string{"status"}, apdus: 70, strict: 100},
	{name: "pin-change", args: []string{"pin", "change"}, known: true, apdus: 24, strict: 28,
		codes: map[string][]byte{"--pin-fd": cardtest.DefaultPIN(), "--new-pin-fd": []byte("28281414")}},
	{name: "pin-unblock", args: []string{"pin", "unblock", "--allow-last-try"}, known: true, apdus: 24, strict: 28,
		codes: map[string][]byte{"--puk-fd": cardtest.DefaultPUK(), "--new-pin-fd": []byte("28281414")}},
}

// run makes the visit and returns what it cost the card.
func (v visit) run(t testing.TB, p cardtest.Profile) cardtest.Stats {
	t.Helper()
	c, err := cardtest.New(p)
	if err != nil {
		t.Fatal(err)
	}
	c.PowerOn()
	service := &cardtest.Service{}
	service.Insert("reader", c)
	dir := t.TempDir()
	csca := filepath.Join(dir, "csca.pem")
	if err := os.WriteFile(csca, cardtest.CSCAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	cie := func(args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		w := systemEnv()
		w.args, w.stdout, w.stderr = append(args, "--csca", csca), &out, &errs
		w.getenv = func(string) string { return "" }
		w.root, w.sources.Anchors = dir, nil
		w.service = func(bool) (readers.Service, error) { return service, nil }
		w.sources.Store = func() (card.Store, error) { return card.DirStore(filepath.Join(dir, "cards")), nil }
		if code := run(w); code != exitOK {
			t.Fatalf("%v: exit code %d\n%s%s", args, code, &out, &errs)
		}
	}
	if v.known {
		cie("status")
		c.PowerOn()
	}
	args := v.args
	for option, code := range v.codes {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if _, err := w.Write(append(bytes.Clone(code), '\n')); err != nil {
			t.Fatal(err)
		}
		w.Close()
		args = append(args[:len(args):len(args)], option, strconv.Itoa(int(r.Fd())))
	}
	before := c.Stats()
	cie(args...)
	return c.Stats().Sub(before)
}

// TestCommandsStayWithinLimitsOfAPDUs keeps every visit within its bounds, and expects a known card to
// need one device authentication and to lose no channel.
func TestCommandsStayWithinLimitsOfAPDUs(t *testing.T) {
	for _, family := range []cardtest.Family{cardtest.NXP, cardtest.Gemalto, cardtest.STM, cardtest.Bare, cardtest.Bit4id3} {
		for _, v := range visits {
			for strict, most := range map[cardtest.Strict]int{0: v.apdus, cardtest.StrictAll: v.strict} {
				t.Run(family.String()+"/"+v.name+"/"+strict.String(), func(t *testing.T) {
					cost := v.run(t, cardtest.Profile{Family: family, Strict: strict})
					t.Logf("%d APDUs", cost.APDUs)
					if cost.APDUs > most {
						t.Errorf("%d APDUs, at most %d", cost.APDUs, most)
					}
					if v.known && (cost.DeviceAuthentications != 1 || cost.ChannelsLost != 0) {
						t.Errorf("%d device authentications, %d channels lost", cost.DeviceAuthentications, cost.ChannelsLost)
					}
					if cost.TriesSpent != 0 {
						t.Errorf("%d tries spent", cost.TriesSpent)
					}
				})
			}
		}
	}
}

// BenchmarkCie reports what the visits cost on a slow card at 106 kbit/s.
func BenchmarkCie(b *testing.B) {
	for _, v := range visits {
		for _, strict := range []cardtest.Strict{0, cardtest.StrictAll} {
			b.Run(v.name+"/strict="+strict.String(), func(b *testing.B) {
				var cost cardtest.Stats
				for b.Loop() {
					cost = v.run(b, cardtest.Profile{Strict: strict})
				}
				b.ReportMetric(float64(cost.APDUs), "APDUs")
				b.ReportMetric(float64(cost.BytesUp), "B-up")
				b.ReportMetric(float64(cost.BytesDown), "B-down")
				b.ReportMetric(float64(cost.DeviceAuthentications), "device-auths")
				b.ReportMetric(cost.Modelled.Seconds(), "modelled-s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
