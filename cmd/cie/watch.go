package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cie/apdu/readers"
)

// eventJSON is a line of "cie watch --json".
type eventJSON struct {
	Event  string `json:"event"`
	Reader string `json:"reader,omitempty"`
	ATR    string `json:"atr,omitempty"`
	Error  string `json:"error,omitempty"`
}

// events are the kinds of events, for programs and for users.
var events = map[readers.EventKind]struct {
	name string
	text string
}{
	readers.ReaderAdded:   {"reader-added", "watch.reader-added"},
	readers.ReaderRemoved: {"reader-removed", "watch.reader-removed"},
	readers.CardInserted:  {"card-inserted", "watch.card-inserted"},
	readers.CardRemoved:   {"card-removed", "watch.card-removed"},
	readers.CardMute:      {"card-mute", "watch.card-mute"},
	readers.ServiceLost:   {"service-lost", "watch.service-lost"},
	readers.ServiceBack:   {"service-back", "watch.service-back"},
}

func (a *app) watchCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "watch",
		Short: a.text("cmd.watch.short"),
		Long:  a.text("cmd.watch.long"),
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
	a.note(a.text("watch.intro"))
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
