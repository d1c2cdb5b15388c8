package main

import (
	"context"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/windows"

	"cie/apdu/pcsc"
	"cie/apdu/readers"
	"cie/card"
	"cie/cmd/internal/kspagent"
	"cie/cmd/internal/pinbox"
	"cie/gui/text"
	"cie/installer/browsers/keystore"
	"cie/pkcs11mod"
)

// kspAgentCommand returns the verb that cie-ksp.dll starts from the process of a browser: see
// kspagent. Its argument is an inherited handle of that process, in hexadecimal.
func (a *app) kspAgentCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "ksp-agent HANDLE",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			parent, err := strconv.ParseUint(args[0], 16, 32)
			if err != nil {
				return a.usage("usage.no-arguments", args[0])
			}
			return a.kspAgent(c.Context(), windows.Handle(parent))
		},
	}
}

func (a *app) kspAgent(ctx context.Context, parent windows.Handle) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		// Another process may hold the pipe open, so its end alone does not show that
		// of the browser.
		if _, err := windows.WaitForSingleObject(parent, windows.INFINITE); err == nil {
			cancel()
			time.Sleep(time.Second)
			os.Exit(exitFailed)
		}
	}()
	agent := kspagent.New(kspagent.Config{
		Module: pkcs11mod.New(pkcs11mod.Config{
			Readers: func() (readers.Service, error) { return pcsc.New(pcsc.Config{}), nil },
			Card:    func() card.Options { return a.sources.Card(func(string, error) {}) },
			// The channel is opened while the user types in the box.
			IdleTime: card.AheadTime,
		}),
		Dialog: pinbox.New(text.Load(text.FromEnvironment(a.getenv))),
		Known:  keystore.Find,
	})
	if err := agent.Serve(ctx, os.Stdin, os.Stdout); err != nil && ctx.Err() == nil {
		return &reported{code: exitFailed}
	}
	return nil
}
