//go:build x11 || wayland || !linux

package main

import (
	"context"
	"os"
	"strings"
	"time"

	"cie/apdu/pcsc"
	"cie/card"
	"cie/cmd/internal/doctor"
	"cie/cmd/internal/probe"
	"cie/gui"
	"cie/installer"
)

// probeVerb leads the program to be the child that loads the module.
const probeVerb = "probe-module"

// doctorPCSC is the way of the diagnostics to the cards of this computer.
type doctorPCSC struct{ *pcsc.Context }

func (p doctorPCSC) Connect(reader string) (doctor.Conn, error) {
	c, err := p.Context.Connect(reader)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// patient is this machine as the diagnostics see it.
func (d *desktop) patient() (doctor.Env, error) {
	machine, err := installer.NewEnv(d.module)
	if err != nil {
		return doctor.Env{}, err
	}
	prober, err := probe.Self(probeVerb)
	if err != nil {
		return doctor.Env{}, err
	}
	return doctor.Env{
		Getenv: os.Getenv, Now: time.Now, Machine: machine, Prober: prober,
		Card: card.Options{Store: d.store, Roots: d.roots, Trace: d.cards.trace},
		PCSC: func() (doctor.PCSC, error) {
			c, err := pcsc.Establish()
			if err != nil {
				return nil, err
			}
			return doctorPCSC{c}, nil
		},
	}, nil
}

// Diagnose implements gui.Service.
func (d *desktop) Diagnose(ctx context.Context, found func(gui.Finding)) error {
	env, err := d.patient()
	if err != nil {
		return err
	}
	d.cards.release() // the card is for the diagnostics and the module now
	_, err = doctor.Run(ctx, env, nil, func(c doctor.Check) {
		if c.Status == doctor.Fail {
			d.files.problem("diagnostics", foundError{c})
		}
		found(finding(c))
	})
	return err
}

// Report implements gui.Service.
func (d *desktop) Report(text string) string {
	env := doctor.Env{Machine: &installer.Env{Home: d.files.home}}
	return env.Clean(text + "\n" + strings.Join(doctor.System(""), "\n") + "\n")
}

// foundError is a failed check as an error of the log.
type foundError struct{ doctor.Check }

func (e foundError) Error() string {
	return strings.TrimSuffix(string(e.ID)+": "+string(e.Finding)+": "+e.Detail, ": ")
}

// finding is a check as the windows want it.
func finding(c doctor.Check) gui.Finding {
	level := map[doctor.Status]gui.FindingLevel{
		doctor.OK: gui.FindingOK, doctor.Warn: gui.FindingWarning, doctor.Fail: gui.FindingError, doctor.Skipped: gui.FindingSkipped,
	}[c.Status]
	f := gui.Finding{
		Step: string(c.ID), Level: level, Subject: c.Subject, Found: string(c.Finding), Remedy: string(c.Remedy), Detail: c.Detail,
	}
	for _, v := range c.Values {
		f.Values = append(f.Values, gui.FindingValue{Name: v.Name, Text: v.Text, Private: v.Private})
	}
	return f
}
