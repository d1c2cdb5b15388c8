//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"cie/card/cardtest"
)

// cost is what a step cost a program and the card.
type cost struct {
	card     cardtest.Stats
	cpu      float64 // ms
	wall     float64 // ms, pcscd and the virtual chip included
	resident float64 // MB that the program grew by
}

// steps runs the bench program through its steps on a machine.
func (m *machine) steps(exe, so string, steps ...string) map[string]cost {
	m.t.Helper()
	cmd := exec.Command(exe, so, string(cardtest.DefaultPIN()))
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

// TestCost holds the module, through pcscd, to what the command line may cost.
func TestCost(t *testing.T) {
	exe, so := program(t, "bench"), library(t)
	for _, family := range []cardtest.Family{cardtest.NXP, cardtest.Gemalto, cardtest.STM, cardtest.Actalis1} {
		t.Run(family.String(), func(t *testing.T) {
			m := newMachine(t, cardtest.Profile{Family: family})
			m.steps(exe, so, benchSteps...)
			got := m.steps(exe, so, benchSteps...)
			for step, most := range map[string]int{"load": 0, "slots": 8, "login": 22, "sign": 3} {
				if n := got[step].card.APDUs; n > most {
					t.Errorf("%s: %d APDUs, at most %d", step, n, most)
				}
			}
			if n := got["login"].card.DeviceAuthentications; n != 1 {
				t.Errorf("%d device authentications", n)
			}
			if n := got["sign"].card.DeviceAuthentications; n != 0 {
				t.Errorf("%d device authentications for another signature", n)
			}
			m.checkModes()
		})
	}
}

// BenchmarkModule reports what programs pay, through the module and pcscd, on a
// slow card at 106 kbit/s.
func BenchmarkModule(b *testing.B) {
	exe, so := program(b, "bench"), library(b)
	for _, x := range []struct {
		name  string
		known bool
		step  string
	}{
		{"load", false, "load"},
		{"initialise-and-list-slots/unknown", false, "slots"},
		{"initialise-and-list-slots/known", true, "slots"},
		{"login-certificate-signature/unknown", false, "login"},
		{"login-certificate-signature/known", true, "login"},
		{"further-signature", true, "sign"},
	} {
		b.Run(x.name, func(b *testing.B) {
			m := newMachine(b, cardtest.Profile{})
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

// checkModes looks at who else can read the cache.
func (m *machine) checkModes() {
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
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = fs.ModeDir | 0o700
		} else {
			files++
		}
		if info.Mode() != want {
			m.t.Errorf("%s has mode %v, want %v", d.Name(), info.Mode(), want)
		}
		return nil
	}); err != nil {
		m.t.Error(err)
	}
	if files != 2 {
		m.t.Errorf("%d files in the cache: the card's constants and its certificate expected", files)
	}
}
