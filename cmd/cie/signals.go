package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// stopped is the error of a run that a signal ended.
type stopped struct{ signal syscall.Signal }

func (s *stopped) Error() string { return "stopped by signal: " + s.signal.String() }

// exit returns the code that shells expect: 128 and the number of the signal.
func (s *stopped) exit() int { return 128 + int(s.signal) }

// guard ends the run at SIGINT, SIGQUIT, SIGTERM and SIGHUP, but never while a code is
// on its way to the card: then the signal waits until the card has finished.
type guard struct {
	// notice reports that the signal was received: waits means that the card must
	// finish first.
	notice func(waits bool)

	mu     sync.Mutex
	cancel context.CancelCauseFunc
	busy   bool
	got    *stopped
	waited bool // the signal arrived while busy: the outcome must be reported
	pipe   chan os.Signal
	// undo is done before a second signal ends the process at once.
	undo []func()
}

// watch returns a context that ends with the first signal.
func (g *guard) watch(parent context.Context) (ctx context.Context, stop func()) {
	ctx, g.cancel = context.WithCancelCause(parent)
	signals := make(chan os.Signal, 4)
	// SIGQUIT (Ctrl-\) too: the runtime of Go would end the process at once, with
	// the echo off and the card wherever it is.
	signal.Notify(signals, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				select {
				case <-done: // both came
					return
				default:
					g.receive(s)
				}
			case <-done:
				return
			}
		}
	}()
	return ctx, func() {
		// The exit code is that of the first signal. A user who presses Ctrl-C twice does
		// not change it, nor end the process by the second.
		if g.received() == nil {
			signal.Stop(signals)
		}
		close(done)
		g.cancel(nil)
	}
}

// receive handles one signal.
func (g *guard) receive(s os.Signal) {
	g.mu.Lock()
	first := g.got == nil
	if first {
		number, _ := s.(syscall.Signal)
		g.got = &stopped{signal: number}
	}
	busy, undo := g.busy, g.undo
	if first {
		g.waited = busy
	}
	atOnce := !first && !busy && !g.waited
	if !busy {
		g.cancel(g.got)
	}
	got := g.got
	g.mu.Unlock()
	if first {
		g.notice(busy)
	}
	if atOnce {
		// The user ends the wait, whatever the run waits for.
		for _, f := range undo {
			f()
		}
		os.Exit(got.exit())
	}
}

// enter begins a stretch in which the card must not be left alone.
func (g *guard) enter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy {
		return
	}
	g.busy = true
	// SIGPIPE must not end the run now either: while the signal is caught, writing
	// to a closed pipe only returns an error.
	g.pipe = make(chan os.Signal, 1)
	signal.Notify(g.pipe, syscall.SIGPIPE)
}

// leave ends it, and delivers a signal that arrived meanwhile.
func (g *guard) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.busy {
		return
	}
	g.busy = false
	signal.Stop(g.pipe)
	if g.got != nil {
		g.cancel(g.got)
	}
}

// received returns the signal that arrived, nil if none did.
func (g *guard) received() *stopped {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.got
}

// onExit registers what must be undone even if the process ends at once.
func (g *guard) onExit(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.undo = append(g.undo, f)
}
