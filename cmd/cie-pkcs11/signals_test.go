//go:build linux

package main

import (
	"testing"

	"cie/card/cardtest"
)

// TestSignalMask reads the mask of every thread: those of the Go runtime block
// all signals but the ones that it unblocks itself, the host's are unchanged.
func TestSignalMask(t *testing.T) { hostWithSignals(t, "mask") }

// TestSignalHandlerWithoutAltStack sends signals to a host whose handler has no
// SA_ONSTACK, while it signs: no handler may run on a stack of the Go runtime.
func TestSignalHandlerWithoutAltStack(t *testing.T) { hostWithSignals(t, "shot") }

// TestSigwait sends a signal that the host blocks and waits for.
func TestSigwait(t *testing.T) { hostWithSignals(t, "sigwait") }

func hostWithSignals(t *testing.T, how string) {
	m := newMachine(t, cardtest.Profile{})
	m.run(program(t, "signals"), library(t), string(cardtest.DefaultPIN()), how)
}
