// Command cie uses the Italian electronic identity card (CIE) from the command
// line: it shows the card and whether it is genuine, verifies, changes and
// unblocks the PIN, reads the certificate and signs. "cie-virtual demo" does all
// of it on a virtual card.
package main

import (
	"os"
	"time"

	"cie/apdu/pcsc"
	"cie/apdu/readers"
	"cie/cmd/internal/options"
	_ "cie/cmd/internal/syslib" // before libraries are loaded
	"cie/cmd/internal/tty"
)

func main() { os.Exit(run(systemEnv())) }

// systemEnv returns the production environment.
func systemEnv() *env {
	return &env{
		args:     os.Args[1:],
		stdin:    os.Stdin,
		stdout:   os.Stdout,
		stderr:   os.Stderr,
		getenv:   os.Getenv,
		now:      time.Now,
		service:  openPCSC,
		terminal: func() (terminal, error) { return openTerminal() },
		sources:  options.System(),
	}
}

// openTerminal keeps a nil *tty.Terminal from becoming a terminal that is not nil.
func openTerminal() (terminal, error) {
	t, err := tty.Open()
	if err != nil {
		return nil, err
	}
	return t, nil
}

// openPCSC connects to the PC/SC service of the machine.
func openPCSC(wait bool) (readers.Service, error) {
	if wait {
		return pcsc.New(pcsc.Config{}), nil
	}
	c, err := pcsc.Establish()
	if err != nil {
		return nil, err // not a nil *pcsc.Context in a Service
	}
	return c, nil
}
