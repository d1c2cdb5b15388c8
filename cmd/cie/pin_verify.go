package main

import (
	"github.com/spf13/cobra"

	"cie/cmd/cie/internal/msg"
)

func (a *app) pinVerifyCommand() *cobra.Command {
	var codes codeFlags
	c := &cobra.Command{
		Use:     "verify",
		Short:   a.text(msg.PINVerifyShort),
		Long:    a.text(msg.PINVerifyLong),
		Example: "cie pin verify\ncie pin verify --pin-fd 3 3< pin.txt",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withPIN(c.Context(), &codes, func(u *inUse) error {
				return a.pinDone(u, "verified", msg.PINVerified)
			})
		},
	}
	codes.addPIN(a, c)
	return c
}
