package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cie/apdu/readers"
	"cie/cmd/cie/internal/msg"
	"cie/cmd/internal/i18n"
)

// eventJSON is a line of "cie watch --json".
type eventJSON struct {
	Event  string `json:"event"`
	Reader string `json:"reader,omitempty"`
	ATR    string `json:"atr,omitempty"`
	Error  string `json:"error,omitempty"`
}

// events are the kinds of events, for programs and for people.
var events = map[readers.EventKind]struct {
	name string
	text i18n.Text
}{
	readers.ReaderAdded:   {"reader-added", msg.EvReaderAdded},
	readers.ReaderRemoved: {"reader-removed", msg.EvReaderRemoved},
	readers.CardInserted:  {"card-inserted", msg.EvCardInserted},
	readers.CardRemoved:   {"card-removed", msg.EvCardRemoved},
	readers.CardMute:      {"card-mute", msg.EvCardMute},
	readers.ServiceLost:   {"service-lost", msg.EvServiceLost},
	readers.ServiceBack:   {"service-back", msg.EvServiceBack},
}

func (a *app) watchCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "watch",
		Short: a.text(msg.WatchShort),
		Long:  a.text(msg.WatchLong),
		RunE:  func(c *cobra.Command, _ []string) error { return a.watch(c.Context()) },
	}
}

func (a *app) watch(ctx context.Context) error {
	s, err := a.service(true)
	if err != nil {
		return err
	}
	defer s.Close()
	list, err := s.Watch(ctx)
	if err != nil {
		return err
	}
	a.note(a.text(msg.WatchIntro))
	for e := range list {
		if e.Reader != "" && !strings.Contains(strings.ToLower(e.Reader), strings.ToLower(a.reader)) {
			continue
		}
		if err := a.printEvent(e); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printEvent(e readers.Event) error {
	kind, ok := events[e.Kind]
	if !ok {
		return nil
	}
	var lost report
	if e.Kind == readers.ServiceLost {
		lost = a.explain(e.Err)
	}
	if a.json {
		line := eventJSON{Event: kind.name, Reader: e.Reader, Error: lost.Code}
		if len(e.ATR) > 0 {
			line.ATR = fmt.Sprintf("%X", e.ATR)
		}
		return a.encodeJSON(line, "")
	}
	text := a.text(kind.text)
	if e.Reader != "" {
		text = a.style.Bold(e.Reader) + ": " + text
	}
	if lost.Code == "access-denied" {
		text = lost.Message
	}
	a.println(a.style.Dim(a.now().Format("15:04:05")) + "  " + text)
	if lost.Code == "access-denied" {
		for _, line := range lost.advice {
			a.note(line)
		}
	}
	return nil
}
