package main

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"cie/card"
	"cie/cmd/internal/doctor"
	"cie/cmd/internal/tty"
)

// report is an error as users and programs get to see it.
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
func (a *app) problem(code string, exit int, t string, args ...any) *problem {
	return &problem{report{Code: code, Exit: exit, Message: a.inside(t, args...)}}
}

// usage returns the error for an invalid command line.
func (a *app) usage(t string, args ...any) *problem {
	return a.problem("usage", exitUsage, t, args...)
}

// do adds what to do about it.
func (p *problem) do(lines ...string) *problem {
	p.advice = append(p.advice, lines...)
	return p
}

// answer is what the program prints for a kind of errors: name in JSON, exit code,
// what happened and what to do.
type answer struct {
	code  string
	exit  int
	title string
	do    []string
}

// answers has one for every Kind. Kinds that concern no user are "failed".
var answers = map[card.Kind]answer{
	card.KindOther:              {"failed", exitFailed, "error.other.title", nil},
	card.KindInterrupted:        {"interrupted-change", exitLost, "error.interrupted-unchanged.title", []string{"error.interrupted-unchanged.remedy"}},
	card.KindInterruptedUnknown: {"interrupted-change", exitLost, "error.interrupted-unknown.title", []string{"error.interrupted-unknown.remedy"}},
	card.KindUncertain:          {"uncertain", exitLost, "error.uncertain.title", []string{"error.uncertain.remedy"}},
	card.KindNotAccepted:        {"not-accepted", exitChoose, "error.not-accepted.title", []string{"error.not-accepted.remedy"}},
	card.KindNotGenuine:         {"not-genuine", exitFake, "error.not-genuine.title", []string{"error.not-genuine.remedy"}},
	card.KindPINBlocked:         {"pin-blocked", exitBlocked, "error.pin-blocked.title", []string{"error.pin-blocked.remedy"}},
	card.KindPUKBlocked:         {"puk-blocked", exitBlocked, "error.puk-blocked.title", []string{"error.puk-blocked.remedy"}},
	card.KindPINWrong:           {"wrong-pin", exitWrongCode, "error.pin-wrong-unknown.title", []string{"error.pin-wrong.remedy"}},
	card.KindPUKWrong:           {"wrong-puk", exitWrongCode, "error.puk-wrong-unknown.title", []string{"error.puk-wrong.remedy", "code.where", "ask.lost-puk"}},
	card.KindLastTry:            {"last-try", exitChoose, "error.last-try.pin", []string{"error.last-try.remedy"}},
	card.KindFormat:             {"bad-format", exitBadCode, "error.format.title", []string{"error.format.remedy", "code.where"}},
	card.KindWeak:               {"weak-pin", exitBadCode, "error.weak-same-digit.title", []string{"error.weak-run.remedy"}},
	card.KindCanceled:           {"stopped", exitFailed, "error.canceled.title", nil},
	card.KindDeadline:           {"failed", exitFailed, "error.other.title", nil},
	card.KindPINRequired:        {"pin-lost", exitLost, "error.pin-required.title", []string{"error.pin-required.remedy"}},
	card.KindNotCIE:             {"not-cie", exitNotCIE, "error.not-cie.title", []string{"error.not-cie.remedy"}},
	card.KindDataTooLong:        {"failed", exitFailed, "error.other.title", nil},
	card.KindUnsupported:        {"failed", exitFailed, "error.other.title", nil},
	card.KindMarkMoved:          {"failed", exitFailed, "error.other.title", nil},
	card.KindState:              {"state", exitFailed, "error.state.title", nil},
	card.KindClosed:             {"failed", exitFailed, "error.other.title", nil},
	card.KindNoService:          {"no-service", exitNothing, "error.no-service.title", []string{"error.no-service.remedy"}},
	card.KindNoReader:           {"no-reader", exitNothing, "error.no-reader.title", []string{"error.no-reader.remedy"}},
	card.KindNoCard:             {"no-card", exitNothing, "error.no-card.title", []string{"error.no-card.remedy"}},
	card.KindMute:               {"mute", exitLost, "error.mute.title", []string{"error.mute.remedy"}},
	card.KindRemoved:            {"removed", exitLost, "error.removed.title", []string{"error.removed.remedy"}},
	card.KindReset:              {"reset", exitLost, "error.reset.title", []string{"error.reset.remedy"}},
	card.KindBusy:               {"busy", exitLost, "error.busy.title", []string{"error.busy.remedy"}},
	card.KindTimeout:            {"timeout", exitLost, "error.timeout.title", []string{"error.timeout.remedy"}},
	card.KindStep:               {"step-failed", exitFailed, "error.step.title", []string{"error.step.remedy"}},
}

// Titles that depend on more than the Kind.
var (
	lastTryTitles = map[card.Stake]string{
		card.StakeLastPIN: "error.last-try.pin", card.StakeFewPUK: "error.last-try.puk", card.StakeUnknownPUK: "error.last-try.puk-silent",
	}
	notAcceptedTitles = map[card.Level]string{
		card.TestCard: "error.not-accepted.test-card", card.VirtualCard: "error.not-accepted.virtual-card",
	}
	weakTitles = map[card.Weakness]string{
		card.WeakSame: "error.weak-same-digit.title", card.WeakRun: "error.weak-run.title", card.WeakUnchanged: "error.weak-unchanged.title",
	}
)

// explain turns an error into words, an exit code and what to do. It is the
// one place where that happens.
func (a *app) explain(err error) report {
	r := a.classify(err)
	if step, ok := errors.AsType[*card.StepError](err); ok {
		r.Step = string(step.Step)
	}
	return r
}

func (a *app) classify(err error) report {
	if own, ok := errors.AsType[*problem](err); ok {
		return own.report
	}
	if sig, ok := errors.AsType[*stopped](err); ok {
		return report{Code: "stopped", Exit: sig.exit(), Message: a.inside("error.canceled.title")}
	}
	if errors.Is(err, tty.ErrNoTerminal) {
		return a.saying("no-terminal", exitUsage, "error.no-terminal.title", "error.no-terminal.remedy")
	}
	kind := card.Classify(err)
	if kind == card.KindNoService {
		if c, ok := a.admission(err); ok {
			return report{
				Code: "access-denied", Exit: exitNothing, Message: a.texts.Inside(strings.TrimSuffix(a.findingText(c, false), ".")),
				advice: []string{a.remedyText(c)}, Detail: err.Error(),
			}
		}
	}
	w := answers[kind]
	r := a.saying(w.code, w.exit, w.title, w.do...)
	a.detail(&r, kind, err)
	return r
}

// detail adds what an error holds besides its Kind.
func (a *app) detail(r *report, kind card.Kind, err error) {
	switch kind {
	case card.KindCanceled, card.KindFormat, card.KindPINRequired:
	case card.KindInterrupted, card.KindInterruptedUnknown:
		e, _ := errors.AsType[*card.InterruptedError](err)
		r.CodeRef, r.Detail, r.PINState = e.Ref.String(), e.Err.Error(), "unchanged"
		if e.State == card.PINUnknown {
			r.PINState = "unknown"
		}
	case card.KindUncertain:
		e, _ := errors.AsType[*card.UncertainError](err)
		r.CodeRef, r.Detail = e.Ref.String(), e.Err.Error()
		if e.Ref == card.PUK {
			r.Message = a.inside("error.uncertain.title")
		}
	case card.KindNotAccepted:
		e, _ := errors.AsType[*card.NotAcceptedError](err)
		r.Detail, r.Level = e.Error(), e.Level
		if title, ok := notAcceptedTitles[e.Level]; ok {
			r.Message = a.inside(title)
		}
		if e.Level == card.VirtualCard {
			r.advice = []string{a.text("error.not-accepted.virtual-card.remedy")}
		}
	case card.KindPINBlocked, card.KindPUKBlocked, card.KindPINWrong, card.KindPUKWrong:
		e, _ := errors.AsType[*card.PINError](err)
		a.refusedDetail(r, e)
	case card.KindLastTry:
		e, _ := errors.AsType[*card.LastTryError](err)
		r.CodeRef = e.Ref.String()
		r.Message = a.inside(lastTryTitles[e.Tries.Stake(e.Ref)])
	case card.KindWeak:
		e, _ := errors.AsType[*card.WeakPINError](err)
		r.Message, r.Detail = a.inside(weakTitles[e.Reason]), string(e.Reason)
	case card.KindStep:
		step := card.StepError{Err: err}
		if e, ok := errors.AsType[*card.StepError](err); ok {
			step = *e
		}
		r.Message, r.Detail = a.inside("error.step.title", a.stepText(step.Step)), step.Err.Error()
	case card.KindState:
		r.Message, r.Detail = a.inside("error.state.title", err), err.Error()
	default:
		if r.Code == "failed" {
			r.Message = a.inside("error.other.title", err)
		} else {
			r.Detail = err.Error()
		}
	}
}

// refusedDetail adds the count of a code that the card refused.
func (a *app) refusedDetail(r *report, e *card.PINError) {
	r.CodeRef = e.Ref.String()
	if e.Tries < 0 {
		return
	}
	tries := e.Tries
	r.Tries = &tries
	if tries > 0 {
		r.Message = a.texts.Inside(a.count("error."+strings.ToLower(e.Ref.String())+"-wrong.title", tries))
	}
	if (card.Tries{Left: tries}).Stake(e.Ref) == card.StakeLastPIN {
		r.advice = append([]string{a.text("error.pin-wrong.blocks")}, r.advice...)
	}
}

// saying returns a report with its title and what to do.
func (a *app) saying(code string, exit int, title string, do ...string) report {
	r := report{Code: code, Exit: exit, Message: a.inside(title)}
	for _, t := range do {
		r.advice = append(r.advice, a.text(t))
	}
	return r
}

// admission reports whether the service runs and does not admit this user, as
// "cie doctor" judges it.
func (a *app) admission(err error) (doctor.Check, bool) {
	return doctor.Env{Root: a.root, Getenv: a.getenv}.Admission(err)
}

// printReport shows an error: in JSON on standard output, in words on
// standard error.
func (a *app) printReport(r report) {
	if a.json {
		_ = a.printJSON(map[string]report{"error": r})
		return
	}
	title := a.text("error.word") + ": " + r.Message
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

// errWidth returns where lines on standard error are broken: nowhere, if a program
// reads them.
func (a *app) errWidth() int {
	if !tty.IsTerminal(a.stderr) {
		return math.MaxInt
	}
	return min(tty.Width(a.stderr), 100)
}

// errStyle is style for standard error.
func (a *app) errStyle() tty.Style { return tty.StyleFor(a.stderr, a.getenv) }
