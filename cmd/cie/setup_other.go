//go:build !windows

package main

import "github.com/spf13/cobra"

// setupCommands: packages have scripts of their own.
func (a *app) setupCommands() []*cobra.Command { return nil }
