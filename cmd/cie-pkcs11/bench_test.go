//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"cie/card/cardtest"
	"cie/cmd/internal/harness/await"
)

// cost is the time and memory of one step.
type cost struct {
	card     cardtest.Stats
	cpu      float64 // ms
	wall     float64 // ms, pcscd and the virtual chip included
	resident float64 // MB that the program grew by
}

// steps runs the bench program through its steps on a machine.
func (m *machine) steps(exe, so string, steps ...string) map[string]cost {
	m.t.Helper()
	cmd := await.Command(m.t, exe, so, string(cardtest.DefaultPIN()))
	cmd.Env, cmd.Stderr = m.env, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	costs := map[string]cost{}
	for _, step := range steps {
		before := m.card.Stats()
		fmt.Fprintln(in, step)
		var cpu, wall, resident int
		if _, err := fmt.Fscanln(lines, &cpu, &wall, &resident); err != nil {
			m.t.Fatalf("%s: %v", step, err)
		}
		costs[step] = cost{m.card.Stats().Sub(before), float64(cpu) / 1000, float64(wall) / 1000, float64(resident) / 1024}
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		m.t.Fatal(err)
	}
	return costs
}

var benchSteps = []string{"load", "slots", "login", "sign"}

// most are the APDUs that a program may cost from the first contact with the
// card: with slots, login, certificate and signature, and a further signature.
var most = []struct {
	strict                  cardtest.Strict
	unknown, known, further int
}{
	{0, 85, 26, 3},
	{cardtest.StrictAll, 115, 30, 3},
}

// The costs of the module through pcscd stay within limits, on cards that accept every
// command form and on strict ones.
func TestCostIsWithinLimits(t *testing.T) {
	exe, so := program(t, "bench"), library(t)
	for _, family := range []cardtest.Family{cardtest.NXP, cardtest.Gemalto, cardtest.STM, cardtest.Actalis1} {
		for _, bound := range most {
			t.Run(family.String()+"/"+bound.strict.String(), func(t *testing.T) {
				m := newMachine(t, cardtest.Profile{Family: family, Strict: bound.strict})
				first := m.steps(exe, so, benchSteps...)
				m.card.PowerOn()
				then := m.steps(exe, so, benchSteps...)
				contact := func(c map[string]cost) int {
					return c["load"].card.APDUs + c["slots"].card.APDUs + c["login"].card.APDUs
				}
				t.Logf("%d APDUs on a card never seen, %d on a known one", contact(first), contact(then))
				for what, x := range map[string]struct{ got, most int }{
					"load":              {then["load"].card.APDUs, 0},
					"card never seen":   {contact(first), bound.unknown},
					"known card":        {contact(then), bound.known},
					"further signature": {then["sign"].card.APDUs, bound.further},
				} {
					if x.got > x.most {
						t.Errorf("%s: %d APDUs, at most %d", what, x.got, x.most)
					}
				}
				if c := then["login"].card; c.DeviceAuthentications != 1 || c.ChannelsLost != 0 {
					t.Errorf("known card: %d device authentications, %d channels lost", c.DeviceAuthentications, c.ChannelsLost)
				}
				if n := then["sign"].card.DeviceAuthentications; n != 0 {
					t.Errorf("%d device authentications for another signature", n)
				}
				files := 2 // the constants of the card and its certificate
				if bound.strict != 0 {
					files++ // its dialect
					if family == cardtest.NXP || family == cardtest.Actalis1 {
						files++ // the way to its root, which is not that of the family
					}
				}
				m.checkModes(files)
			})
		}
	}
}

// BenchmarkModule reports what programs pay, through the module and pcscd, on a
// slow card at 106 kbit/s.
func BenchmarkModule(b *testing.B) {
	exe, so := program(b, "bench"), library(b)
	for _, x := range []struct {
		name   string
		known  bool
		step   string
		strict cardtest.Strict
	}{
		{"load", false, "load", 0},
		{"initialise-and-list-slots/unknown", false, "slots", 0},
		{"initialise-and-list-slots/unknown/strict", false, "slots", cardtest.StrictAll},
		{"initialise-and-list-slots/known", true, "slots", 0},
		{"initialise-and-list-slots/known/strict", true, "slots", cardtest.StrictAll},
		{"login-certificate-signature/unknown", false, "login", 0},
		{"login-certificate-signature/unknown/strict", false, "login", cardtest.StrictAll},
		{"login-certificate-signature/known", true, "login", 0},
		{"login-certificate-signature/known/strict", true, "login", cardtest.StrictAll},
		{"further-signature", true, "sign", 0},
		{"further-signature/strict", true, "sign", cardtest.StrictAll},
	} {
		b.Run(x.name, func(b *testing.B) {
			m := newMachine(b, cardtest.Profile{Strict: x.strict})
			if x.known {
				m.steps(exe, so, benchSteps...)
			}
			var sum cost
			n := 0
			for b.Loop() {
				if !x.known {
					m.forget()
				}
				c := m.steps(exe, so, benchSteps...)[x.step]
				sum.card, n = c.card, n+1
				sum.cpu += c.cpu
				sum.wall += c.wall
				sum.resident += c.resident
			}
			b.ReportMetric(float64(sum.card.APDUs), "APDUs")
			b.ReportMetric(float64(sum.card.BytesUp), "B-up")
			b.ReportMetric(float64(sum.card.BytesDown), "B-down")
			b.ReportMetric(float64(sum.card.DeviceAuthentications), "device-auths")
			b.ReportMetric(sum.card.Modelled.Seconds(), "modelled-s")
			b.ReportMetric(sum.cpu/float64(n), "cpu-ms")
			b.ReportMetric(sum.wall/float64(n), "host-ms")
			b.ReportMetric(sum.resident/float64(n), "resident-MB")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// forget empties the cache.
func (m *machine) forget() {
	m.t.Helper()
	if err := os.RemoveAll(m.cache); err != nil {
		m.t.Fatal(err)
	}
}

// checkModes checks that other users cannot read the cache, which must have want files.
func (m *machine) checkModes(want int) {
	m.t.Helper()
	files := 0
	if err := filepath.WalkDir(m.cache, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o600)
		if d.IsDir() {
			mode = fs.ModeDir | 0o700
		} else {
			files++
		}
		if info.Mode() != mode {
			m.t.Errorf("%s has mode %v, want %v", d.Name(), info.Mode(), mode)
		}
		return nil
	}); err != nil {
		m.t.Error(err)
	}
	if files != want {
		m.t.Errorf("%d files in the cache, want %d", files, want)
	}
}
