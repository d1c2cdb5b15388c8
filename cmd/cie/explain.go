package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"cie/apdu"
	"cie/card"
	"cie/cmd/cie/internal/msg"
	"cie/cmd/internal/doctor"
	"cie/cmd/internal/i18n"
	"cie/cmd/internal/tty"
)

// report is an error as people and programs get to see it.
type report struct {
	Code     string   `json:"code"`
	Exit     int      `json:"exit"`
	Message  string   `json:"message"`
	Tries    *int     `json:"tries,omitempty"`
	CodeRef  string   `json:"code_ref,omitempty"`
	Step     string   `json:"step,omitempty"`
	Detail   string   `json:"detail,omitempty"`
	PINState string   `json:"pin_state,omitempty"`
	Readers  []string `json:"readers,omitempty"`
	// Level of a card that gets no code.
	Level card.Level `json:"authenticity,omitempty"`

	// Of "cie sign": what was finished, and what was not.
	Signed    []signedJSON `json:"signed,omitempty"`
	NotSigned []string     `json:"not_signed,omitempty"`

	advice []string // what to do, one paragraph each
	list   []string // shown as it is, one per line
}

// problem is an error of this program itself, already in words.
type problem struct{ report }

func (p *problem) Error() string { return p.Code + ": " + p.Message }

// problem makes one from a text of the catalogue.
func (a *app) problem(code string, exit int, t i18n.Text, args ...any) *problem {
	return &problem{report{Code: code, Exit: exit, Message: a.text(t, args...)}}
}

// usage is a command line that cannot be.
func (a *app) usage(t i18n.Text, args ...any) *problem {
	return a.problem("usage", exitUsage, t, args...)
}

// do adds what to do about it.
func (p *problem) do(lines ...string) *problem {
	p.advice = append(p.advice, lines...)
	return p
}

// explain turns an error into words, an exit code and what to do. It is the
// one place where that happens.
func (a *app) explain(err error) report {
	r := a.classify(err)
	if step := new(card.StepError); errors.As(err, &step) {
		r.Step = string(step.Step)
	}
	return r
}

func (a *app) classify(err error) report {
	var own *problem
	var sig *stopped
	var half *card.InterruptedError
	var lost *card.UncertainError
	var wrong *card.PINError
	var last *card.LastTryError
	var trust *card.NotAcceptedError
	switch {
	case errors.As(err, &own):
		return own.report
	case errors.As(err, &sig):
		return report{Code: "stopped", Exit: sig.exit(), Message: a.text(msg.Interrupted)}
	case errors.Is(err, context.Canceled):
		return report{Code: "stopped", Exit: exitFailed, Message: a.text(msg.Interrupted)}
	case errors.As(err, &half):
		return a.explainHalf(half)
	case errors.As(err, &lost):
		r := a.saying("uncertain", exitLost, pick(lost.Ref, msg.UncertainPIN, msg.UncertainPUK), msg.UncertainDo)
		r.CodeRef, r.Detail = lost.Ref.String(), lost.Err.Error()
		return r
	case errors.As(err, &trust):
		return a.explainTrust(trust)
	case errors.Is(err, card.ErrNotGenuine):
		r := a.saying("not-genuine", exitFake, msg.NotGenuine, msg.NotGenuineDo)
		r.Detail = err.Error()
		return r
	case errors.As(err, &wrong):
		return a.explainWrong(wrong)
	case errors.As(err, &last):
		title := pick(last.Ref, msg.LastTryPIN, msg.LastTryPUK)
		if last.Ref == card.PUK && !last.Tries.Reported {
			title = msg.LastTryPUKUnknown
		}
		r := a.saying("last-try", exitChoose, title, msg.LastTryDo)
		r.CodeRef = last.Ref.String()
		return r
	}
	if r, ok := a.explainCode(err); ok {
		return r
	}
	return a.explainLink(err)
}

// explainTrust is for a code that was withheld from a card below genuine.
func (a *app) explainTrust(e *card.NotAcceptedError) report {
	title, do := msg.NotAccepted, msg.NotAcceptedDo
	switch e.Level {
	case card.TestCard:
		title = msg.NotAcceptedTest
	case card.VirtualCard:
		title, do = msg.NotAcceptedVirtual, msg.NotAcceptedVirtualDo
	}
	r := a.saying("not-accepted", exitChoose, title, do)
	r.Detail, r.Level = e.Error(), e.Level
	return r
}

// saying is a report with its title and what to do.
func (a *app) saying(code string, exit int, title i18n.Text, do ...i18n.Text) report {
	r := report{Code: code, Exit: exit, Message: a.text(title)}
	for _, t := range do {
		r.advice = append(r.advice, a.text(t))
	}
	return r
}

// pick is the text for a code.
func pick(ref card.PINRef, pin, puk i18n.Text) i18n.Text {
	if ref == card.PUK {
		return puk
	}
	return pin
}

// explainWrong is for a code that the card refused.
func (a *app) explainWrong(e *card.PINError) report {
	var r report
	switch {
	case e.Blocked() && e.Ref == card.PIN:
		r = a.saying("pin-blocked", exitBlocked, msg.BlockedPIN, msg.BlockedPINDo)
	case e.Blocked():
		r = a.saying("puk-blocked", exitBlocked, msg.BlockedPUK, msg.BlockedPUKDo)
	case e.Ref == card.PIN && e.Tries == 1:
		r = a.saying("wrong-pin", exitWrongCode, msg.WrongPIN, msg.WrongPINBlocksDo, msg.WrongPINDo)
	case e.Ref == card.PIN:
		r = a.saying("wrong-pin", exitWrongCode, msg.WrongPIN, msg.WrongPINDo)
	default:
		r = a.saying("wrong-puk", exitWrongCode, msg.WrongPUK, msg.WrongPUKDo, msg.WhereHalves, msg.LostPUK)
	}
	r.CodeRef = e.Ref.String()
	if e.Tries >= 0 {
		tries := e.Tries
		r.Tries = &tries
		if tries > 0 {
			r.Message += ". " + strings.TrimSuffix(a.text(msg.TriesLeftAfter.For(tries), tries), ".")
		}
	}
	return r
}

// explainHalf is for a change of PIN or an unblocking that was cut off.
func (a *app) explainHalf(e *card.InterruptedError) report {
	title, do, state := msg.HalfUnchanged, msg.HalfUnchangedDo, "unchanged"
	if e.State == card.PINUnknown {
		title, do, state = msg.HalfUnknown, msg.HalfUnknownDo, "unknown"
	}
	r := a.saying("interrupted-change", exitLost, title, do)
	r.CodeRef, r.PINState, r.Detail = e.Ref.String(), state, e.Err.Error()
	return r
}

// explainCode is for codes that were not sent.
func (a *app) explainCode(err error) (report, bool) {
	var format *card.FormatError
	var weak *card.WeakPINError
	switch {
	case errors.As(err, &format):
		return a.saying("bad-format", exitBadCode, msg.BadFormat, msg.WhereHalves), true
	case errors.As(err, &weak):
		title := map[card.Weakness]i18n.Text{
			card.WeakSame:      msg.WeakSame,
			card.WeakRun:       msg.WeakRun,
			card.WeakUnchanged: msg.WeakUnchanged,
		}[weak.Reason]
		r := a.saying("weak-pin", exitBadCode, title, msg.WeakDo)
		r.Detail = string(weak.Reason)
		return r, true
	case errors.Is(err, tty.ErrNoTerminal):
		return a.saying("no-terminal", exitUsage, msg.NoTerminal, msg.NoTerminalDo), true
	case errors.Is(err, card.ErrPINRequired):
		return a.saying("pin-lost", exitLost, msg.PINGone, msg.PINGoneDo), true
	}
	return report{}, false
}

// links are the errors of the way to the card.
var links = []struct {
	err       error
	code      string
	exit      int
	title, do i18n.Text
}{
	{card.ErrNotCIE, "not-cie", exitNotCIE, msg.NotCIEPlain, msg.NotCIEDo},
	{apdu.ErrNoService, "no-service", exitNothing, msg.NoService, msg.NoServiceDo},
	{apdu.ErrNoReader, "no-reader", exitNothing, msg.NoReader, msg.NoReaderDo},
	{apdu.ErrNoCard, "no-card", exitNothing, msg.NoCard, msg.NoCardDo},
	{apdu.ErrMute, "mute", exitLost, msg.Mute, msg.MuteDo},
	{apdu.ErrRemoved, "removed", exitLost, msg.Removed, msg.RemovedDo},
	{apdu.ErrReset, "reset", exitLost, msg.WasReset, msg.WasResetDo},
	{apdu.ErrBusy, "busy", exitLost, msg.Busy, msg.BusyDo},
	{apdu.ErrTimeout, "timeout", exitLost, msg.ReaderTimeout, msg.ReaderTimeoutDo},
}

// admission reports whether the service runs and does not admit this user, as
// "cie doctor" judges it.
func (a *app) admission(err error) (doctor.Check, bool) {
	return doctor.Env{Root: a.root, Getenv: a.getenv}.Admission(err)
}

// explainLink is for everything else.
func (a *app) explainLink(err error) report {
	if errors.Is(err, apdu.ErrNoService) {
		if c, ok := a.admission(err); ok {
			return report{
				Code: "access-denied", Exit: exitNothing, Message: a.findingText(c, false),
				advice: []string{a.remedyText(c.Remedy)}, Detail: err.Error(),
			}
		}
	}
	for _, l := range links {
		if errors.Is(err, l.err) {
			r := a.saying(l.code, l.exit, l.title, l.do)
			r.Detail = err.Error()
			return r
		}
	}
	if step := new(card.StepError); errors.As(err, &step) {
		r := a.saying("step-failed", exitFailed, msg.StepFailed, msg.StepFailedDo)
		r.Message = a.text(msg.StepFailed, a.stepText(step.Step))
		r.Detail = step.Err.Error()
		return r
	}
	return report{Code: "failed", Exit: exitFailed, Message: a.text(msg.Failed, err)}
}

// printReport shows an error: in JSON on standard output, in words on
// standard error.
func (a *app) printReport(r report) {
	if a.json {
		_ = a.printJSON(map[string]report{"error": r})
		return
	}
	title := a.text(msg.ErrorWord) + ": " + r.Message
	if !strings.HasSuffix(title, ":") {
		title += "."
	}
	width := a.errWidth()
	fmt.Fprintln(a.stderr, a.errStyle().Red(tty.Wrap(title, "  ", width)))
	for _, line := range r.list {
		fmt.Fprintln(a.stderr, "  "+line)
	}
	for _, line := range r.advice {
		switch {
		case strings.HasPrefix(line, "  "): // to be copied as it is
			fmt.Fprintln(a.stderr, line)
		case len(r.advice) > 1:
			fmt.Fprintln(a.stderr, tty.Wrap("- "+line, "  ", width))
		default:
			fmt.Fprintln(a.stderr, tty.Wrap(line, "", width))
		}
	}
	if a.debug && r.Detail != "" {
		a.trace("%s", r.Detail)
	}
}

// errWidth is where lines on standard error are broken: nowhere, if a program
// reads them.
func (a *app) errWidth() int {
	if !tty.IsTerminal(a.stderr) {
		return math.MaxInt
	}
	return min(tty.Width(a.stderr), 100)
}

// errStyle is style for standard error.
func (a *app) errStyle() tty.Style { return tty.StyleFor(a.stderr, a.getenv) }
