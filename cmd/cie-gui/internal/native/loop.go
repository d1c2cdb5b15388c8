//go:build x11 || wayland || !linux

// Package native does with the window what the toolkit offers no function for: it
// lets the event loop wait, reports where the window is, and that it was minimised.
package native

import (
	"sync"
	"time"

	"fyne.io/fyne/v2"
	"github.com/go-gl/glfw/v3.4/glfw"
)

// Loop lets the event loop of the toolkit wait for events while nothing happens. In
// Fyne 2.8.0 the loop polls for events 60 times a second, which takes more than a
// hundredth of a core (https://github.com/fyne-io/fyne/issues/2506; a loop that waits is
// proposed in https://github.com/fyne-io/fyne/pull/5422).
//
// An animation without end is called by the loop in each of its rounds, on its thread. It
// waits there, for at most a nap, until the system has an event or a function is
// queued with Do. After each of them the loop runs as it does without Loop for a while,
// so that the animations of the toolkit are smooth.
type Loop struct {
	// moving reports whether something on the window moves by itself.
	moving func() bool

	awakeUntil time.Time
	turn       bool // this round may wait; every other one does not

	mu      sync.Mutex
	queued  bool // a function was queued since the last round
	waiting bool // the loop waits for events
}

// A nap bounds the delay of what the toolkit itself queues without an event, as for
// a change of the system's colours; it is awake for longer than its animations last.
const (
	nap   = 500 * time.Millisecond
	awake = time.Second
)

// Start begins to let the loop wait. It is called before the loop runs.
func (l *Loop) Start(moving func() bool) {
	l.moving = moving
	l.awakeUntil = time.Now().Add(awake)
	(&fyne.Animation{Duration: time.Hour, RepeatCount: fyne.AnimationRepeatForever, Tick: func(float32) { l.round() }}).Start()
}

// Do queues f for the thread of the windows, like fyne.Do, and wakes the loop.
func (l *Loop) Do(f func()) {
	fyne.Do(f)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queued = true
	if l.waiting {
		glfw.PostEmptyEvent()
	}
}

// DoAndWait is Do, and returns when f has run.
func (l *Loop) DoAndWait(f func()) {
	done := make(chan struct{})
	l.Do(func() { defer close(done); f() })
	<-done
}

// round waits for events if nothing happened for a while. Functions that were
// queued run between two rounds, so every other round does not wait.
func (l *Loop) round() {
	l.turn = !l.turn
	if !l.begin() {
		return
	}
	before := time.Now()
	glfw.WaitEventsTimeout(nap.Seconds())
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = false
	if now.Sub(before) < nap {
		l.awakeUntil = now.Add(awake)
	}
}

// begin reports whether the loop may wait now.
func (l *Loop) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.queued || l.moving() {
		l.queued = false
		l.awakeUntil = now.Add(awake)
	}
	l.waiting = l.turn && now.After(l.awakeUntil)
	return l.waiting
}
