package pinbox

import (
	"strings"
	"testing"

	"cie/card"
	"cie/cmd/internal/kspagent"
	"cie/gui/text"
)

func each(t *testing.T, f func(t *testing.T, c *text.Catalogue)) {
	for _, l := range text.Languages {
		t.Run(l.Code, func(t *testing.T) { f(t, text.Load(l.Code)) })
	}
}

// wantWords expects texts without keys and verbs that were not filled in.
func wantWords(t *testing.T, b content) {
	t.Helper()
	for _, s := range []string{b.title, b.lead, b.why, b.warning, b.tries, b.label, b.confirm, b.ok, b.cancel, b.digits} {
		if strings.Contains(s, "pinbox.") || strings.Contains(s, "error.") || strings.Contains(s, "%") {
			t.Errorf("%q", s)
		}
	}
}

func TestQuestionShowsTriesAndConfirmsTheLast(t *testing.T) {
	each(t, func(t *testing.T, c *text.Catalogue) {
		for _, left := range []int{3, 2, 1, -1} {
			q := kspagent.Question{Holder: "MARIA PROVA", Tries: card.Tries{Left: left, Max: 3, Reported: true}, Wrong: left == 2}
			b := forQuestion(c, q)
			wantWords(t, b)
			if (b.confirm != "") != (left == 1) || (b.warning != "") != (left == 1 || left == 2) || !strings.Contains(b.lead, q.Holder) || b.label == "" {
				t.Errorf("%d left: %+v", left, b)
			}
			if left == 3 && !strings.Contains(b.tries, "3") {
				t.Errorf("%q", b.tries)
			}
		}
		wantWords(t, forQuestion(c, kspagent.Question{Tries: card.Tries{Left: 2, Max: 3}}))
	})
}

func TestErrorsAreExplainedWithoutAField(t *testing.T) {
	each(t, func(t *testing.T, c *text.Catalogue) {
		leads := map[string]bool{}
		for _, err := range []error{
			&card.PINError{Ref: card.PIN}, &card.PINError{Ref: card.PUK}, card.ErrNotGenuine,
			&card.NotAcceptedError{Level: card.IssuerUnknown}, &card.NotAcceptedError{Level: card.TestCard}, &card.NotAcceptedError{Level: card.VirtualCard},
		} {
			b := forError(c, err)
			wantWords(t, b)
			if b.label != "" || b.ok != "" || b.why == "" || b.cancel == "" || leads[b.lead] {
				t.Errorf("%v: %+v", err, b)
			}
			leads[b.lead] = true
		}
		wantWords(t, forCard(c, ""))
		if b := forCard(c, "MARIA PROVA"); !strings.Contains(b.lead, "MARIA PROVA") || b.label != "" {
			t.Errorf("%+v", b)
		}
	})
}

func TestTakeDigitsTakesEightDigitsOnly(t *testing.T) {
	utf16 := func(s string) []uint16 {
		var l []uint16
		for _, r := range s {
			l = append(l, uint16(r))
		}
		return l
	}
	pin := make([]byte, card.CodeLength)
	if !takeDigits(utf16("13572468"), pin) || string(pin) != "13572468" {
		t.Errorf("%q", pin)
	}
	for _, s := range []string{"", "1357", "135724689", "1357246a", "1357246٣"} {
		clear(pin)
		if takeDigits(utf16(s), pin) || string(pin) != string(make([]byte, card.CodeLength)) {
			t.Errorf("%q: %q", s, pin)
		}
	}
}
