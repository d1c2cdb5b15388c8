package main

import (
	"github.com/spf13/cobra"
)

func (a *app) pinVerifyCommand() *cobra.Command {
	var codes codeFlags
	c := &cobra.Command{
		Use:     "verify",
		Short:   a.text("cmd.pin.verify.short"),
		Long:    a.text("cmd.pin.verify.long"),
		Example: "cie pin verify\ncie pin verify --pin-fd 3 3< pin.txt",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withPIN(c.Context(), &codes, func(u *inUse) error {
				return a.pinDone(u, "verified", "pin.verified")
			})
		},
	}
	codes.addPIN(a, c)
	return c
}
