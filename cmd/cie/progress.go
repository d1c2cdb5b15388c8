package main

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"cie/card"
	"cie/cmd/internal/tty"
)

// stepText returns a step of the card in words, inside of a sentence.
func (a *app) stepText(name card.StepName) string {
	if key := "step." + string(name); a.texts.Has(key) {
		return a.inside(key)
	}
	return a.inside("step.other")
}

// progress is called before every step of the card.
func (a *app) progress(p card.Progress) {
	if !a.operating.Load() {
		return // in the background, while the user types
	}
	if p.Name.MustFinish() {
		a.guard.enter()
	} else {
		a.guard.leave() // another operation: the card has finished the one before
	}
	a.bar.show(p.Step, p.Total, a.stepText(p.Name)+" ("+a.inside("progress.title")+")")
}

// onCard does one operation of the card: afterwards the progress bar is gone
// and a signal that had to wait has its effect.
func (a *app) onCard(f func() error) error {
	a.operating.Store(true)
	defer a.operating.Store(false)
	defer a.guard.leave()
	defer a.bar.clear()
	return f()
}

// noteSignal reports that Ctrl-C was received, if it has no visible effect at once.
func (a *app) noteSignal(waits bool) {
	switch {
	case waits:
		a.bar.message(a.text("stop.wait"))
	case a.operating.Load():
		a.bar.message(a.text("stop.soon"))
	}
}

// bar is a progress bar on the last line of the terminal.
type bar struct {
	w    io.Writer
	on   bool
	utf8 bool

	mu    sync.Mutex
	shown bool
}

const barWidth = 16

func (b *bar) show(step, total int, what string) {
	if !b.on || total <= 0 {
		return
	}
	full, empty := "#", "-"
	if b.utf8 {
		full, empty = "█", "░"
	}
	// A step that has begun is not done.
	n := min(barWidth*(step-1)/total, barWidth)
	b.mu.Lock()
	defer b.mu.Unlock()
	line := []rune(fmt.Sprintf("%s%s %d/%d %s", strings.Repeat(full, n), strings.Repeat(empty, barWidth-n), step, total, what))
	// A line that wraps could not be erased.
	if width := tty.Width(b.w); len(line) >= width {
		line = line[:width-1]
	}
	fmt.Fprintf(b.w, "\r\x1b[K%s", string(line))
	b.shown = true
}

func (b *bar) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shown {
		fmt.Fprint(b.w, "\r\x1b[K")
		b.shown = false
	}
}

// message prints a line above the bar, also where no bar is shown.
func (b *bar) message(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shown {
		fmt.Fprint(b.w, "\r\x1b[K")
		b.shown = false
	}
	fmt.Fprintln(b.w, line)
}
