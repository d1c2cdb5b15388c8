package main

import (
	"errors"
	"fmt"
	"math"
	"strings"

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

// answer is what the program says of a kind of errors: name in JSON, exit code,
// what happened and what to do.
type answer struct {
	code  string
	exit  int
	title i18n.Text
	do    []i18n.Text
}

// answers has one for every Kind. Kinds that concern no user are "failed".
var answers = map[card.Kind]answer{
	card.KindOther:              {"failed", exitFailed, msg.Failed, nil},
	card.KindInterrupted:        {"interrupted-change", exitLost, msg.HalfUnchanged, []i18n.Text{msg.HalfUnchangedDo}},
	card.KindInterruptedUnknown: {"interrupted-change", exitLost, msg.HalfUnknown, []i18n.Text{msg.HalfUnknownDo}},
	card.KindUncertain:          {"uncertain", exitLost, msg.UncertainPIN, []i18n.Text{msg.UncertainDo}},
	card.KindNotAccepted:        {"not-accepted", exitChoose, msg.NotAccepted, []i18n.Text{msg.NotAcceptedDo}},
	card.KindNotGenuine:         {"not-genuine", exitFake, msg.NotGenuine, []i18n.Text{msg.NotGenuineDo}},
	card.KindPINBlocked:         {"pin-blocked", exitBlocked, msg.BlockedPIN, []i18n.Text{msg.BlockedPINDo}},
	card.KindPUKBlocked:         {"puk-blocked", exitBlocked, msg.BlockedPUK, []i18n.Text{msg.BlockedPUKDo}},
	card.KindPINWrong:           {"wrong-pin", exitWrongCode, msg.WrongPIN, []i18n.Text{msg.WrongPINDo}},
	card.KindPUKWrong:           {"wrong-puk", exitWrongCode, msg.WrongPUK, []i18n.Text{msg.WrongPUKDo, msg.WhereHalves, msg.LostPUK}},
	card.KindLastTry:            {"last-try", exitChoose, msg.LastTryPIN, []i18n.Text{msg.LastTryDo}},
	card.KindFormat:             {"bad-format", exitBadCode, msg.BadFormat, []i18n.Text{msg.WhereHalves}},
	card.KindWeak:               {"weak-pin", exitBadCode, msg.WeakSame, []i18n.Text{msg.WeakDo}},
	card.KindCanceled:           {"stopped", exitFailed, msg.Interrupted, nil},
	card.KindDeadline:           {"failed", exitFailed, msg.Failed, nil},
	card.KindPINRequired:        {"pin-lost", exitLost, msg.PINGone, []i18n.Text{msg.PINGoneDo}},
	card.KindNotCIE:             {"not-cie", exitNotCIE, msg.NotCIEPlain, []i18n.Text{msg.NotCIEDo}},
	card.KindDataTooLong:        {"failed", exitFailed, msg.Failed, nil},
	card.KindUnsupported:        {"failed", exitFailed, msg.Failed, nil},
	card.KindMarkMoved:          {"failed", exitFailed, msg.Failed, nil},
	card.KindState:              {"state", exitFailed, msg.StateUnavailable, nil},
	card.KindClosed:             {"failed", exitFailed, msg.Failed, nil},
	card.KindNoService:          {"no-service", exitNothing, msg.NoService, []i18n.Text{msg.NoServiceDo}},
	card.KindNoReader:           {"no-reader", exitNothing, msg.NoReader, []i18n.Text{msg.NoReaderDo}},
	card.KindNoCard:             {"no-card", exitNothing, msg.NoCard, []i18n.Text{msg.NoCardDo}},
	card.KindMute:               {"mute", exitLost, msg.Mute, []i18n.Text{msg.MuteDo}},
	card.KindRemoved:            {"removed", exitLost, msg.Removed, []i18n.Text{msg.RemovedDo}},
	card.KindReset:              {"reset", exitLost, msg.WasReset, []i18n.Text{msg.WasResetDo}},
	card.KindBusy:               {"busy", exitLost, msg.Busy, []i18n.Text{msg.BusyDo}},
	card.KindTimeout:            {"timeout", exitLost, msg.ReaderTimeout, []i18n.Text{msg.ReaderTimeoutDo}},
	card.KindStep:               {"step-failed", exitFailed, msg.StepFailed, []i18n.Text{msg.StepFailedDo}},
}

// Titles that depend on more than the Kind.
var (
	lastTryTitles = map[card.Stake]i18n.Text{
		card.StakeLastPIN: msg.LastTryPIN, card.StakeFewPUK: msg.LastTryPUK, card.StakeUnknownPUK: msg.LastTryPUKUnknown,
	}
	notAcceptedTitles = map[card.Level]i18n.Text{
		card.TestCard: msg.NotAcceptedTest, card.VirtualCard: msg.NotAcceptedVirtual,
	}
	weakTitles = map[card.Weakness]i18n.Text{
		card.WeakSame: msg.WeakSame, card.WeakRun: msg.WeakRun, card.WeakUnchanged: msg.WeakUnchanged,
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
		return report{Code: "stopped", Exit: sig.exit(), Message: a.text(msg.Interrupted)}
	}
	if errors.Is(err, tty.ErrNoTerminal) {
		return a.saying("no-terminal", exitUsage, msg.NoTerminal, msg.NoTerminalDo)
	}
	kind := card.Classify(err)
	if kind == card.KindNoService {
		if c, ok := a.admission(err); ok {
			return report{
				Code: "access-denied", Exit: exitNothing, Message: a.findingText(c, false),
				advice: []string{a.remedyText(c.Remedy)}, Detail: err.Error(),
			}
		}
	}
	w := answers[kind]
	r := a.saying(w.code, w.exit, w.title, w.do...)
	a.detail(&r, kind, err)
	return r
}

// detail adds what an error says besides its Kind.
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
			r.Message = a.text(msg.UncertainPUK)
		}
	case card.KindNotAccepted:
		e, _ := errors.AsType[*card.NotAcceptedError](err)
		r.Detail, r.Level = e.Error(), e.Level
		if title, ok := notAcceptedTitles[e.Level]; ok {
			r.Message = a.text(title)
		}
		if e.Level == card.VirtualCard {
			r.advice = []string{a.text(msg.NotAcceptedVirtualDo)}
		}
	case card.KindPINBlocked, card.KindPUKBlocked, card.KindPINWrong, card.KindPUKWrong:
		e, _ := errors.AsType[*card.PINError](err)
		a.refusedDetail(r, e)
	case card.KindLastTry:
		e, _ := errors.AsType[*card.LastTryError](err)
		r.CodeRef = e.Ref.String()
		r.Message = a.text(lastTryTitles[e.Tries.Stake(e.Ref)])
	case card.KindWeak:
		e, _ := errors.AsType[*card.WeakPINError](err)
		r.Message, r.Detail = a.text(weakTitles[e.Reason]), string(e.Reason)
	case card.KindStep:
		step := card.StepError{Err: err}
		if e, ok := errors.AsType[*card.StepError](err); ok {
			step = *e
		}
		r.Message, r.Detail = a.text(msg.StepFailed, a.stepText(step.Step)), step.Err.Error()
	case card.KindState:
		r.Message, r.Detail = a.text(msg.StateUnavailable, err), err.Error()
	default:
		if r.Code == "failed" {
			r.Message = a.text(msg.Failed, err)
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
		r.Message += ". " + strings.TrimSuffix(a.text(msg.TriesLeftAfter.For(tries), tries), ".")
	}
	if (card.Tries{Left: tries}).Stake(e.Ref) == card.StakeLastPIN {
		r.advice = append([]string{a.text(msg.WrongPINBlocksDo)}, r.advice...)
	}
}

// saying is a report with its title and what to do.
func (a *app) saying(code string, exit int, title i18n.Text, do ...i18n.Text) report {
	r := report{Code: code, Exit: exit, Message: a.text(title)}
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
