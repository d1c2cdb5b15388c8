package main

import (
	"strings"
	"testing"

	"cie/card"
	"cie/gui/text"
)

func TestNoticeHasRemainingTries(t *testing.T) {
	tests := []struct {
		l       string
		ref     card.PINRef
		left    int
		summary string
		body    string
		urgent  bool
	}{
		{"it", card.PIN, 2, "PIN sbagliato", "Restano 2 tentativi.", false},
		{"en", card.PIN, 2, "Wrong PIN", "2 attempts are left.", false},
		{"it", card.PIN, 1, "PIN sbagliato", "Resta 1 tentativo", true},
		{"en", card.PIN, 0, "Wrong PIN", "PIN is blocked", true},
		{"en", card.PUK, 9, "Wrong PUK", "9 attempts", false},
		{"it", card.PUK, 0, "PUK sbagliato", "PUK è bloccato", true},
		{"de", card.PIN, 2, "Falsche PIN", "Noch 2 Versuche.", false},
		{"en", card.PIN, -1, "Wrong PIN", "8 digits", false},
	}
	for _, tt := range tests {
		m := notice(text.Load(tt.l), tt.ref, tt.left)
		if m.Summary != tt.summary || !strings.Contains(m.Body, tt.body) || m.Urgent != tt.urgent || strings.Contains(m.Body, "%") {
			t.Errorf("%v %v %d: %+v", tt.l, tt.ref, tt.left, m)
		}
	}
	for _, l := range text.Languages {
		c := text.Load(l.Code)
		for _, level := range []card.Level{card.NotGenuine, card.IssuerUnknown, card.TestCard, card.VirtualCard} {
			if m := refusal(c, level); strings.HasPrefix(m.Body, "notify.") || strings.HasPrefix(m.Summary, "notify.") {
				t.Errorf("%s: no text for %s: %+v", l.Code, level, m)
			}
		}
	}
}
