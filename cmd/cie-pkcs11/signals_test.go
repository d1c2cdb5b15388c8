//go:build linux

package main

import (
	"testing"

	"cie/card/cardtest"
)

// The threads of the Go runtime block all signals except those that the runtime unblocks
// itself. The masks of the host's threads are unchanged.
func TestThreadsBlockSignalsOfHost(t *testing.T) { hostWithSignals(t, "mask") }

// A host with a handler without SA_ONSTACK gets signals while it signs. No handler may run
// on a stack of the Go runtime.
func TestSignalHandlerWithoutAltStack(t *testing.T) { hostWithSignals(t, "shot") }

// The host blocks a signal and waits for it.
func TestSigwaitOfHostReceivesSignal(t *testing.T) { hostWithSignals(t, "sigwait") }

func hostWithSignals(t *testing.T, how string) {
	m := newMachine(t, cardtest.Profile{})
	m.run(program(t, "signals"), library(t), string(cardtest.DefaultPIN()), how)
}
