package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"cie/card/cardtest"
)

// console executes commands from standard input until quit, its end or the end of
// ctx. The end of /dev/null, which services have for input, is no command.
func (a *app) console(ctx context.Context, slots []*slot) error {
	lines := make(chan string)
	failed := make(chan error, 1)
	go func() {
		in := bufio.NewScanner(a.stdin)
		for in.Scan() {
			select {
			case lines <- in.Text():
			case <-ctx.Done():
				return
			}
		}
		if err := in.Err(); err != nil {
			failed <- err
			return
		}
		if !endless(a.stdin) {
			close(lines)
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-failed:
			return err
		case line, ok := <-lines:
			if !ok || a.obey(ctx, slots, strings.Fields(line)) {
				return nil
			}
		}
	}
}

// endless reports whether the end of standard input has no meaning: it is a device,
// but no terminal.
func endless(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err != nil || st.Mode()&os.ModeCharDevice != 0 && !term.IsTerminal(int(f.Fd()))
}

// obey executes one line; quit is true for the last one.
func (a *app) obey(ctx context.Context, slots []*slot, words []string) (quit bool) {
	if len(words) == 0 || strings.HasPrefix(words[0], "#") {
		return false
	}
	verb, args := strings.ToLower(words[0]), words[1:]
	known := map[string]func(*slot){
		"insert": func(s *slot) { s.insert(ctx) },
		"remove": func(s *slot) {
			if s.remove() {
				s.report("virtual.removed")
			} else {
				s.report("virtual.already-out")
			}
		},
		"reset":  func(s *slot) { s.card.Reset(); s.report("virtual.reset") },
		"status": a.status,
	}
	switch verb {
	case "quit", "exit":
		return true
	case "help":
		a.say("virtual.console.help", faultLines())
		return false
	case "faults":
		a.faults(slots, args)
		return false
	}
	do, ok := known[verb]
	if !ok {
		a.say("virtual.unknown-command", words[0])
		return false
	}
	if len(args) > 1 {
		a.say("virtual.too-many", strings.Join(args[1:], " "))
		return false
	}
	if len(args) == 1 {
		s, ok := a.find(slots, args[0])
		if !ok {
			return false
		}
		slots = []*slot{s}
	}
	for _, s := range slots {
		do(s)
	}
	return false
}

// find takes the number of a card.
func (a *app) find(slots []*slot, word string) (*slot, bool) {
	n, err := strconv.Atoi(word)
	if err != nil || n < 1 || n > len(slots) {
		a.say("virtual.unknown-card", word, len(slots))
		return nil, false
	}
	return slots[n-1], true
}

func (a *app) status(s *slot) {
	pin, puk := s.card.Tries()
	st := s.card.Stats()
	s.report("virtual.status", a.text(s.state()), s.addr, pin, cardtest.MaxPINTries, puk, cardtest.MaxPUKTries,
		st.APDUs, st.Resets, st.Signatures)
}

func faultNames() string {
	var names []string
	for _, k := range cardtest.FaultKinds() {
		names = append(names, k.String())
	}
	return strings.Join(names, " ")
}

// faultLines returns the names, a few on each line of the help.
func faultLines() string {
	indent := strings.Repeat(" ", 25) // where the text has them
	var b strings.Builder
	width := len(indent)
	for i, name := range strings.Fields(faultNames()) {
		switch {
		case i > 0 && width+1+len(name) > columns:
			b.WriteString("\n" + indent)
			width = len(indent)
		case i > 0:
			b.WriteString(" ")
			width++
		}
		b.WriteString(name)
		width += len(name)
	}
	return b.String()
}

// faults sets the faults of the card: [N] KIND@M ..., split=BYTES, none.
func (a *app) faults(slots []*slot, args []string) {
	if len(args) > 0 {
		if _, err := strconv.Atoi(args[0]); err == nil {
			s, ok := a.find(slots, args[0])
			if !ok {
				return
			}
			slots, args = []*slot{s}, args[1:]
		}
	}
	f, bad, ok := parseFaults(args)
	if !ok {
		a.say("virtual.unknown-fault", bad, faultNames())
		return
	}
	for _, s := range slots {
		s.card.SetFaults(f)
		if len(f.Events) == 0 && f.SplitAnswers == 0 {
			s.report("virtual.no-faults")
		} else {
			s.report("virtual.faults", strings.Join(args, " "))
		}
	}
}

// parseFaults reads faults; bad is the word that is none.
func parseFaults(words []string) (f cardtest.Faults, bad string, ok bool) {
	kinds := map[string]cardtest.FaultKind{}
	for _, k := range cardtest.FaultKinds() {
		kinds[k.String()] = k
	}
	for _, w := range words {
		if w == "none" {
			f = cardtest.Faults{}
			continue
		}
		if size, found := strings.CutPrefix(w, "split="); found {
			n, err := strconv.Atoi(size)
			if err != nil || n < 1 {
				return f, w, false
			}
			f.SplitAnswers = n
			continue
		}
		name, at, found := strings.Cut(w, "@")
		n, err := strconv.Atoi(at)
		kind, exists := kinds[name]
		if !found || err != nil || n < 1 || !exists {
			return f, w, false
		}
		f.Events = append(f.Events, cardtest.Fault{At: n, Kind: kind})
	}
	return f, "", true
}
