package desktop

import (
	"context"
	"os"
	"strings"
	"time"

	"cie/apdu/pcsc"
	"cie/apdu/readers"
	"cie/card"
	"cie/cmd/internal/doctor"
	"cie/gui"
	"cie/installer/browsers"
)

// ProbeVerb is the argument with which the program starts itself to load the module.
const ProbeVerb = "probe-module"

// doctorEnv describes this machine to package doctor.
func (d *desktop) doctorEnv() (doctor.Env, error) {
	machine, err := d.machine()
	if err != nil {
		return doctor.Env{}, err
	}
	opts := d.cards.opts
	opts.Trace = d.cards.trace
	return doctor.Env{
		Getenv: os.Getenv, Now: time.Now, Machine: machine, Prober: d.prober,
		Card: opts,
		PCSC: func() (readers.Service, error) {
			c, err := pcsc.Establish()
			if err != nil {
				return nil, err // not a nil *pcsc.Context in a Service
			}
			return c, nil
		},
	}, nil
}

// Diagnose implements gui.Service.
func (d *desktop) Diagnose(ctx context.Context, with gui.Diagnosis, found func(gui.Finding)) error {
	env, err := d.doctorEnv()
	if err != nil {
		return err
	}
	d.cards.release() // the diagnostics and the module need the card
	return diagnose(ctx, env, with, func(c doctor.Check) {
		if c.Status == doctor.Fail {
			d.files.problem("diagnostics", foundError{c})
		}
		found(finding(c))
	})
}

// diagnose runs the checks, with the PIN if there is one.
func diagnose(ctx context.Context, env doctor.Env, with gui.Diagnosis, found func(doctor.Check)) error {
	if with.PIN == nil {
		_, err := doctor.Run(ctx, env, nil, found)
		return err
	}
	env.Reader = func(name string) bool { return name == with.Reader }
	env.Card.Progress = with.Progress
	checks, err := doctor.Run(ctx, env, func(_ context.Context, reader string, tries card.Tries) ([]byte, []card.CodeOption, error) {
		if reader != with.Reader {
			return nil, nil, nil // the PIN belongs to another card
		}
		if err := tries.Check(card.PIN, with.AllowLastTry); err != nil {
			return nil, nil, err
		}
		return with.PIN, codeOptions(with.CodeOptions), nil
	}, found)
	if err != nil {
		return err
	}
	return refusal(checks)
}

// refusal returns the error for a PIN that the card refused.
func refusal(checks []doctor.Check) error {
	for _, c := range checks {
		if c.Refused != nil {
			return c.Refused
		}
	}
	return nil
}

// Report implements gui.Service.
func (d *desktop) Report(text string) string {
	env := doctor.Env{Machine: &browsers.Env{Home: d.files.home}}
	return env.Clean(text + "\n" + strings.Join(doctor.System(""), "\n") + "\n")
}

// foundError converts a failed check to an error for the log.
type foundError struct{ doctor.Check }

func (e foundError) Error() string {
	return strings.TrimSuffix(string(e.ID)+": "+string(e.Finding)+": "+e.Detail, ": ")
}

// finding converts a check for the window.
func finding(c doctor.Check) gui.Finding {
	level := map[doctor.Status]gui.FindingLevel{
		doctor.OK: gui.FindingOK, doctor.Warn: gui.FindingWarning, doctor.Fail: gui.FindingError, doctor.Skipped: gui.FindingSkipped,
	}[c.Status]
	f := gui.Finding{
		Step: string(c.ID), Level: level, Subject: c.Subject, Found: string(c.Finding), Remedy: string(c.Remedy), Detail: c.Detail,
		Distribution: string(c.Distribution),
	}
	for _, v := range c.Values {
		f.Values = append(f.Values, gui.FindingValue{Name: v.Name, Text: v.Text, Private: v.Private})
	}
	return f
}
