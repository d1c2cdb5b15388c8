package pcsc

import (
	"context"
	"strings"
	"testing"

	"cie/apdu/printable"
	"cie/apdu/readers"
)

func TestNamesArePrintableAndLeadBackToTheReader(t *testing.T) {
	raws := []string{
		"ACS ACR122U PICC Interface 00 00",
		"Evil\x1b[2K\x1b[1A 01 00",
		"Evil [2K [1A 01 00", // what the one above looks like
		"\u202eEvil\u202c 02 00",
		"Evil 02 00",
		"bad \xff utf-8\nCard: genuine 03 00",
		strings.Repeat("è", 5000) + " 04 00",
		strings.Repeat("è", 5000) + " 05 00",
		strings.Repeat("è", 4000) + " 05 00",
	}
	var n names
	seen := map[string]bool{}
	for range 2 {
		for _, raw := range raws {
			name := n.show(raw)
			if !printable.IsClean(name) || len(name) > maxName {
				t.Errorf("%q is shown as %q", raw, name)
			}
			if n.raw(name) != raw {
				t.Errorf("%q leads to %q, not to %q", name, n.raw(name), raw)
			}
			seen[name] = true
		}
	}
	if len(seen) != len(raws) {
		t.Errorf("%d names for %d readers: %v", len(seen), len(raws), seen)
	}
	if n.show(raws[0]) != raws[0] || n.raw("not seen 00 00") != "not seen 00 00" {
		t.Error("a name that is printable is changed")
	}
}

func TestWatcherReportsPrintableNames(t *testing.T) {
	var n names
	w := &watcher{ctx: context.Background(), names: &n, calls: &calls{}, events: make(chan readers.Event)}
	const raw = "A\x1b[31m\u202e 00 00"
	go func() {
		w.sync([]string{raw})
		w.sync([]string{raw})
		w.sync(nil)
		close(w.events)
	}()
	var events []readers.Event
	for e := range w.events {
		events = append(events, e)
		if e.Reader != "A [31m 00 00" || n.raw(e.Reader) != raw {
			t.Errorf("%q", e.Reader)
		}
	}
	if len(events) != 2 {
		t.Errorf("%+v", events)
	}
}
