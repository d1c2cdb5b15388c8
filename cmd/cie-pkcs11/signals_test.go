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

// A host has handlers for every signal, as OpenSSL while it asks for a PIN, and the module
// works. It must not interrupt its own threads by a signal.
func TestPromptOfHostTakesEverySignal(t *testing.T) { hostWithSignals(t, "prompt", "GOGC=1") }

// The host blocks a signal and waits for it.
func TestSigwaitOfHostReceivesSignal(t *testing.T) { hostWithSignals(t, "sigwait") }

func hostWithSignals(t *testing.T, how string, env ...string) {
	m := newMachine(t, cardtest.Profile{})
	m.env = append(m.env, env...)
	m.run(program(t, "signals"), library(t), string(cardtest.DefaultPIN()), how)
}
