package main

import (
	"strings"
	"testing"

	"cie/card"
	"cie/cmd/internal/i18n"
)

func TestNoticeHasRemainingTries(t *testing.T) {
	tests := []struct {
		l       i18n.Language
		ref     card.PINRef
		left    int
		summary string
		body    string
		urgent  bool
	}{
		{i18n.Italian, card.PIN, 2, "PIN errato", "Restano 2 tentativi.", false},
		{i18n.English, card.PIN, 2, "Wrong PIN", "2 tries are left.", false},
		{i18n.Italian, card.PIN, 1, "PIN errato", "un solo tentativo", true},
		{i18n.English, card.PIN, 0, "Wrong PIN", "PIN is blocked", true},
		{i18n.English, card.PUK, 9, "Wrong PUK", "9 tries", false},
		{i18n.Italian, card.PUK, 0, "PUK errato", "PUK è bloccato", true},
		{i18n.English, card.PIN, -1, "Wrong PIN", "8 digits", false},
	}
	for _, tt := range tests {
		m := notice(tt.l, tt.ref, tt.left)
		if m.Summary != tt.summary || !strings.Contains(m.Body, tt.body) || m.Urgent != tt.urgent || strings.Contains(m.Body, "%") {
			t.Errorf("%v %v %d: %+v", tt.l, tt.ref, tt.left, m)
		}
	}
	for _, text := range []i18n.Text{wrongPIN, wrongPUK, triesLeft.One, triesLeft.Other, triesUnknown, pinBlocked, pukBlocked} {
		if text.EN == "" || text.IT == "" {
			t.Errorf("not translated: %+v", text)
		}
	}
}
