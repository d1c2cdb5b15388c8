package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card"
	"cie/cmd/internal/doctor"
	"cie/cmd/internal/probe"
)

// checkJSON is one step in the answer of "cie doctor --json".
type checkJSON struct {
	ID       doctor.ID         `json:"id"`
	Status   doctor.Status     `json:"status"`
	Finding  doctor.Finding    `json:"finding"`
	Subject  string            `json:"subject,omitempty"`
	Values   map[string]string `json:"values"`
	Remedy   doctor.Remedy     `json:"remedy,omitempty"`
	Detail   string            `json:"detail,omitempty"`
	Message  string            `json:"message"`
	WhatToDo string            `json:"what_to_do,omitempty"`
}

// doctorJSON is that answer.
type doctorJSON struct {
	Status doctor.Status `json:"status"`
	Checks []checkJSON   `json:"checks"`
}

func (a *app) doctorCommand() *cobra.Command {
	var withPIN bool
	var module, report string
	var codes codeFlags
	c := &cobra.Command{
		Use:     "doctor",
		Short:   a.text("cmd.doctor.short"),
		Long:    a.text("cmd.doctor.long"),
		Example: "cie doctor\ncie doctor --pin\ncie doctor --report report.txt",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.doctor(c.Context(), module, report, &codes, withPIN || codes.pin.set)
		},
	}
	c.Flags().BoolVar(&withPIN, "pin", false, a.text("flag.doctor-pin"))
	c.Flags().StringVar(&report, "report", "", a.text("flag.report"))
	c.Flags().StringVar(&module, "module", "", a.text("flag.module"))
	_ = c.MarkFlagFilename("module", "so")
	codes.addPIN(a, c)
	return c
}

// doctorEnv describes this machine to package doctor.
func (a *app) doctorEnv(module string) (doctor.Env, error) {
	machine, err := a.machine(module)
	if err != nil {
		return doctor.Env{}, err
	}
	prober, err := probe.Self(probeVerb)
	if err != nil {
		return doctor.Env{}, err
	}
	opts, err := a.cardOptions()
	if err != nil {
		return doctor.Env{}, err
	}
	env := doctor.Env{
		Root: a.root, Getenv: a.getenv, Now: a.now, Card: opts, Machine: machine, Prober: prober, Guard: a.onCard,
		PCSC: func() (readers.Service, error) { return a.service(false) },
	}
	if a.reader != "" {
		env.Reader = func(name string) bool {
			return strings.Contains(strings.ToLower(name), strings.ToLower(a.reader))
		}
	}
	return env, nil
}

// doctor walks the path of a login and shows what it finds.
func (a *app) doctor(ctx context.Context, module, report string, f *codeFlags, withPIN bool) error {
	env, err := a.doctorEnv(module)
	if err != nil {
		return err
	}
	file, err := a.openOutput(report, 0o600)
	if err != nil {
		return err
	}
	defer file.discard()
	var ask doctor.PINFunc
	if withPIN {
		pin, err := a.fromFD(ctx, f.pin)
		if err != nil {
			return err
		}
		defer func() { clear(pin) }()
		d, err := a.openDialog(pin)
		if err != nil {
			return err
		}
		defer d.close()
		ask = func(ctx context.Context, reader string, tries card.Tries) ([]byte, []card.CodeOption, error) {
			return a.askDoctorPIN(ctx, d, f, pin, reader, tries)
		}
	}
	var show func(doctor.Check)
	if !a.json {
		show = func(c doctor.Check) { a.bar.clear(); a.printCheck(c) }
	}
	checks, err := doctor.Run(ctx, env, ask, show)
	if err != nil {
		return err
	}
	worst := doctor.Worst(checks)
	if report != "" {
		if err := file.write([]byte(a.doctorReport(&env, checks))); err != nil {
			return err
		}
	}
	if a.json {
		err = a.printJSON(a.doctorJSON(worst, checks))
	} else {
		a.println("")
		a.println(a.text("doctor.result." + string(worst)))
		if report != "" {
			a.note(a.text("doctor.report-written", report))
		}
	}
	if err == nil && worst == doctor.Fail {
		return &reported{code: exitFound}
	}
	return err
}

// askDoctorPIN returns the PIN of --pin-fd, or asks for it, and requires consent
// before a last try.
func (a *app) askDoctorPIN(ctx context.Context, d *dialog, f *codeFlags, given []byte, reader string, tries card.Tries) ([]byte, []card.CodeOption, error) {
	if err := a.chosen(ctx, reader); err != nil {
		return nil, nil, err
	}
	d.say("doctor.ask-pin", reader)
	if tries.Left >= 0 {
		d.write(a.count("tries.pin", tries.Left, tries.Max))
	}
	opts, err := a.consent(ctx, d, card.PIN, tries, f.lastTry)
	if err != nil {
		return nil, nil, err
	}
	if given != nil {
		return given, opts, nil
	}
	pin, err := d.code(ctx, "ask.pin")
	return pin, opts, err
}

// chosen refuses a card that the user did not choose: the doctor checks the first
// one, but a code may be sent only to the card that the user means.
func (a *app) chosen(ctx context.Context, reader string) error {
	s, err := a.service(false)
	if err != nil {
		return err
	}
	defer s.Close()
	one, err := a.pickOne(ctx, s, a.command+" --pin")
	if err == nil && one.Name != reader {
		err = apdu.ErrRemoved
	}
	return err
}

func (a *app) doctorJSON(worst doctor.Status, checks []doctor.Check) doctorJSON {
	out := doctorJSON{Status: worst, Checks: []checkJSON{}}
	for _, c := range checks {
		j := checkJSON{
			ID: c.ID, Status: c.Status, Finding: c.Finding, Subject: c.Subject, Values: map[string]string{},
			Remedy: c.Remedy, Detail: c.Detail, Message: a.findingText(c, false), WhatToDo: a.remedyText(c),
		}
		for _, v := range c.Values {
			j.Values[v.Name] = v.Text
		}
		out.Checks = append(out.Checks, j)
	}
	return out
}

// printCheck shows one step.
func (a *app) printCheck(c doctor.Check) {
	mark := a.text("doctor.mark." + string(c.Status))
	style := map[doctor.Status]func(string) string{
		doctor.OK: a.style.Green, doctor.Warn: a.style.Amber, doctor.Fail: a.style.Red, doctor.Skipped: a.style.Dim,
	}[c.Status]
	line := a.checkText(c.ID)
	if c.Subject != "" && c.ID != doctor.Identity {
		line += " " + printable(c.Subject)
	}
	a.println(style(fmt.Sprintf("[%s]", mark)) + strings.Repeat(" ", max(1, 9-len([]rune(mark)))) + a.style.Bold(line))
	if c.Status == doctor.Skipped && c.Finding == doctor.Waits {
		return
	}
	a.paragraph("    ", printable(a.findingText(c, false)))
	if text := a.remedyText(c); text != "" {
		a.paragraph("    -> ", text)
	}
	if a.debug && c.Detail != "" {
		a.trace("%s", c.Detail)
	}
}

// doctorReport returns the text for a bug report: no value that is private, and
// nothing that identifies the machine or its user.
func (a *app) doctorReport(env *doctor.Env, checks []doctor.Check) string {
	var b strings.Builder
	fmt.Fprintf(&b, "cie doctor, %s\n%s\n\n", a.now().UTC().Format(time.DateOnly), a.text("diagnostics.private"))
	for _, line := range doctor.System(a.root) {
		fmt.Fprintln(&b, line)
	}
	b.WriteString("\n")
	for _, c := range checks {
		fmt.Fprintf(&b, "[%s] %s: %s", c.Status, c.ID, c.Finding)
		if c.Remedy != "" {
			fmt.Fprintf(&b, " -> %s", c.Remedy)
		}
		b.WriteString("\n")
		for _, line := range []string{c.Subject, a.findingText(c, true), c.Detail} {
			if line = strings.TrimSpace(line); line != "" {
				fmt.Fprintf(&b, "    %s\n", printable(line))
			}
		}
	}
	return env.Clean(b.String())
}
