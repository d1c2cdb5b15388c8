//go:build !linux

// Package session makes cie-gui a part of a desktop session.
package session

import "context"

// Once has nothing to do: without a session bus each start is a program of its own.
type Once struct{}

// Claim always succeeds.
func Claim(context.Context, bool, []string) (sole *Once, unanswered bool) { return &Once{}, false }

// Serve does nothing.
func (*Once) Serve(func([]string)) {}

// Close does nothing.
func (*Once) Close() {}
