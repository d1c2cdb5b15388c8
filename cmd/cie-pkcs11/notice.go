package main

import (
	"context"
	"os"
	"strings"
	"sync"

	"cie/card"
	"cie/cmd/internal/notify"
	"cie/gui/text"
)

// After a wrong PIN, browsers ask again without an explanation. The module therefore shows
// a notification on the desktop, with the remaining tries.

// refusal returns the notification about a card that gets no code.
func refusal(c *text.Catalogue, level card.Level) notify.Message {
	body := "notify.not-genuine"
	switch level {
	case card.IssuerUnknown, card.TestCard, card.VirtualCard:
		body = "notify." + string(level)
	}
	return notify.Message{App: "CIE", Icon: "cie", Summary: c.T("notify.no-code"), Body: c.T(body), Urgent: true}
}

// notAccepted shows the notification.
func notAccepted(level card.Level) { show(refusal(texts(), level)) }

// notice returns the notification about a refused code.
func notice(c *text.Catalogue, ref card.PINRef, left int) notify.Message {
	code := strings.ToLower(ref.String())
	m := notify.Message{App: "CIE", Icon: "cie", Summary: c.T("notify.wrong-" + code), Urgent: left >= 0 && left <= 1}
	switch {
	case left < 0:
		m.Body = c.T("notify.tries-unknown")
	case left == 0:
		m.Body = c.T("notify." + code + "-blocked")
	default:
		m.Body = c.N("notify.tries", left)
	}
	return m
}

// texts returns the texts in the language of the session.
func texts() *text.Catalogue { return text.Load(text.FromEnvironment(os.Getenv)) }

// last is the previous notification, which a new one replaces.
var last struct {
	sync.Mutex
	id uint32
}

// wrongCode shows the notification, or nothing if there is no desktop.
func wrongCode(ref card.PINRef, left int) { show(notice(texts(), ref, left)) }

// show shows a notification in the place of the last one.
func show(m notify.Message) {
	last.Lock()
	defer last.Unlock()
	m.Replaces = last.id
	if id, err := notify.Send(context.Background(), m); err == nil {
		last.id = id
	}
}
