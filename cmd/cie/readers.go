package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cie/apdu"
	"cie/apdu/readers"
)

// readerJSON is a reader in the answer of "cie readers --json".
type readerJSON struct {
	Name  string `json:"name"`
	State string `json:"state"`
	ATR   string `json:"atr,omitempty"`
}

// readersJSON is that answer.
type readersJSON struct {
	Readers []readerJSON `json:"readers"`
}

func (a *app) readersCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "readers",
		Short: a.text("cmd.readers.short"),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.readers()
		},
	}
}

// readers lists the readers. That none is connected is an answer too, with
// its own exit code.
func (a *app) readers() error {
	s, err := a.service(false)
	if err != nil {
		return err
	}
	defer s.Close()
	list, err := a.find(s)
	if err != nil && (!errors.Is(err, apdu.ErrNoReader) || !a.json) {
		return err
	}
	out := readersJSON{Readers: []readerJSON{}}
	width := 0
	for _, r := range list {
		out.Readers = append(out.Readers, readerJSON{Name: r.Name, State: readerState(r), ATR: fmt.Sprintf("%X", r.ATR)})
		width = max(width, len([]rune(r.Name)))
	}
	if a.json {
		if err := a.printJSON(out); err != nil {
			return err
		}
		if len(list) == 0 {
			return &reported{code: exitNothing}
		}
		return nil
	}
	for _, r := range list {
		a.println(a.style.Bold(r.Name) + strings.Repeat(" ", width-len([]rune(r.Name))) + "  " + a.readerStateText(r))
	}
	return nil
}

func readerState(r readers.State) string {
	switch {
	case !r.Present:
		return "empty"
	case r.Mute:
		return "mute"
	case r.InUse:
		return "in-use"
	}
	return "card"
}

func (a *app) readerStateText(r readers.State) string {
	switch readerState(r) {
	case "empty":
		return a.style.Dim(a.text("reader.empty"))
	case "mute":
		return a.style.Amber(a.text("reader.mute"))
	case "in-use":
		return a.text("reader.in-use")
	}
	return a.style.Green(a.text("reader.card"))
}
