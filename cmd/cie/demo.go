package main

import (
	"context"

	"github.com/spf13/cobra"

	"cie/cmd/cie/internal/msg"
)

func (a *app) demoCommand() *cobra.Command {
	var inProcess bool
	c := &cobra.Command{
		Use:   "demo",
		Short: a.text(msg.DemoShort),
		Long:  a.text(msg.DemoLong),
		RunE:  func(c *cobra.Command, _ []string) error { return a.demo(c.Context(), inProcess) },
	}
	c.Flags().BoolVar(&inProcess, "in-process", false, a.text(msg.FlagInProcess))
	return c
}

func (a *app) demo(ctx context.Context, inProcess bool) error { return nil }
