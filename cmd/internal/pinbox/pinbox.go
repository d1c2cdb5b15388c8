// Package pinbox is the box in which the agent of Windows' key storage provider asks for the
// PIN: plain controls of Windows, which screen readers know, in the language of the user. What
// the box says is decided here; box_windows.go shows it.
package pinbox

import (
	"errors"
	"strings"

	"cie/card"
	"cie/cmd/internal/kspagent"
	"cie/gui/text"
)

// content is what a box shows, from top to bottom.
type content struct {
	title   string
	lead    string // what the user shall do
	why     string
	warning string // what went wrong or may go wrong
	tries   string
	label   string // of the field for the digits; empty: the box has none
	confirm string // of the check box without which no PIN is accepted; empty: none
	ok      string // empty: there is nothing to do but close the box
	cancel  string
	digits  string // shown when fewer digits were typed
}

// forQuestion returns the box for a question.
func forQuestion(c *text.Catalogue, q kspagent.Question) content {
	b := content{
		title: c.T("pinbox.title"), lead: c.T("pinbox.pin"), why: c.T("pinbox.why"), label: c.T("pinbox.label"),
		ok: c.T("pinbox.ok"), cancel: c.T("cancel"), digits: c.T("pinbox.digits"),
	}
	if q.Holder != "" {
		b.lead = c.T("pinbox.pin.of", q.Holder)
	}
	switch {
	case q.Tries.Left < 0:
		b.tries = c.T("tries.silent")
	case q.Tries.Reported:
		b.tries = c.N("tries.pin", q.Tries.Left, q.Tries.Max)
	case q.Tries.Pending:
		b.tries = c.N("tries.pin", q.Tries.Left, q.Tries.Max) + " " + c.T("tries.pending")
	default:
		b.tries = c.N("tries.pin", q.Tries.Left, q.Tries.Max) + " " + c.T("tries.last-seen")
	}
	var warnings []string
	if q.Wrong {
		warnings = append(warnings, c.T("error.pin-wrong-unknown.title")+".")
	}
	if q.Last() {
		warnings = append(warnings, c.T("ask.last-pin"))
		b.confirm = c.T("pinbox.last")
	}
	b.warning = strings.Join(warnings, " ")
	return b
}

// forCard returns the box that asks for a card.
func forCard(c *text.Catalogue, holder string) content {
	b := content{
		title: c.T("pinbox.title"), lead: c.T("pinbox.insert"), why: c.T("pinbox.insert.why"),
		ok: c.T("pinbox.retry"), cancel: c.T("cancel"),
	}
	if holder != "" {
		b.lead = c.T("pinbox.insert.of", holder)
	}
	return b
}

// explanations are the texts for the errors after which no PIN is asked for.
var explanations = map[card.Kind][2]string{
	card.KindNotAccepted: {"error.not-accepted.title", "error.not-accepted.remedy"},
	card.KindNotGenuine:  {"error.not-genuine.title", "error.not-genuine.remedy"},
	card.KindPINBlocked:  {"error.pin-blocked.title", "error.pin-blocked.remedy"},
	card.KindPUKBlocked:  {"error.puk-blocked.title", "error.puk-blocked.remedy"},
}

// levels are the titles that depend on the level of the card.
var levels = map[card.Level]string{
	card.TestCard: "error.not-accepted.test-card", card.VirtualCard: "error.not-accepted.virtual-card",
}

// forError returns the box that explains why a card gets no PIN.
func forError(c *text.Catalogue, err error) content {
	b := content{title: c.T("pinbox.title"), cancel: c.T("pinbox.close")}
	kind := card.Classify(err)
	keys, ok := explanations[kind]
	if !ok {
		b.lead = c.T("error.other.title", err)
		return b
	}
	var refused *card.NotAcceptedError
	if errors.As(err, &refused) && levels[refused.Level] != "" {
		keys[0] = levels[refused.Level]
	}
	b.lead, b.why = c.T(keys[0])+".", c.T(keys[1])
	if kind == card.KindNotAccepted || kind == card.KindPINBlocked {
		b.why += " " + c.T("pinbox.do")
	}
	return b
}

// takeDigits copies what was typed, in UTF-16, to pin, and reports whether it is a PIN.
func takeDigits(typed []uint16, pin []byte) bool {
	if len(typed) != len(pin) {
		return false
	}
	for i, c := range typed {
		if c < '0' || c > '9' {
			clear(pin)
			return false
		}
		pin[i] = byte(c)
	}
	return true
}
