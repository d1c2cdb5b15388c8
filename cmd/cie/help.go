package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cie/cmd/cie/internal/msg"
)

// row is a name and what it is, in a list of the help.
type row struct{ name, what string }

// isTopic reports whether c is a chapter of the help and no command.
func isTopic(c *cobra.Command) bool { return !c.Runnable() && !c.HasSubCommands() }

// useLine is how a command is called.
func (a *app) useLine(c *cobra.Command) string {
	use := c.CommandPath()
	if _, arguments, ok := strings.Cut(c.Use, " "); ok {
		use += " " + arguments
	}
	if c.HasAvailableSubCommands() {
		use += " " + a.text(msg.CommandWord)
	}
	return use + " " + a.text(msg.Placeholder)
}

// subRows are the commands below c, or the topics.
func subRows(c *cobra.Command, topics bool) []row {
	var rows []row
	for _, sub := range c.Commands() {
		if sub.Hidden || isTopic(sub) != topics {
			continue
		}
		name := sub.Name()
		if topics {
			name = c.Name() + " help " + name
		}
		rows = append(rows, row{name, sub.Short})
	}
	return rows
}

// flagRows are options.
func (a *app) flagRows(set *pflag.FlagSet) []row {
	var rows []row
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name := "    --" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", --" + f.Name
		}
		switch f.Value.Type() {
		case "bool":
		case "stringArray":
			name += " FILE"
		case "string":
			name += " " + metavar(f.Name)
		default:
			name += " " + f.Value.Type()
		}
		what := f.Usage
		if f.Value.Type() == "string" && f.DefValue != "" {
			what += " (" + a.text(msg.HelpDefault, f.DefValue) + ")"
		}
		rows = append(rows, row{name, what})
	})
	return rows
}

// metavar is what stands for the value of an option.
func metavar(flag string) string {
	switch flag {
	case "out", "report":
		return "FILE"
	case "reader":
		return "NAME"
	}
	return strings.ToUpper(flag)
}

// description is the long text of a command, or its short one as a sentence.
func description(c *cobra.Command) string {
	if c.Long != "" {
		return c.Long
	}
	return c.Short + "."
}

// help prints the help about a command or a topic on standard output.
func (a *app) help(c *cobra.Command) {
	w := a.stdout
	if isTopic(c) {
		fmt.Fprintf(w, "%s\n\n%s\n", a.style.bold(c.Short), c.Long)
		return
	}
	fmt.Fprintf(w, "%s\n\n%s\n  %s\n", description(c), a.style.bold(a.text(msg.HelpUsage)), a.useLine(c))
	if c.Example != "" {
		fmt.Fprintf(w, "\n%s\n", a.style.bold(a.text(msg.HelpExamples)))
		for _, line := range strings.Split(c.Example, "\n") {
			fmt.Fprintln(w, "  "+line)
		}
	}
	a.helpRows(a.text(msg.HelpCommands), subRows(c, false))
	a.helpRows(a.text(msg.HelpFlags), a.flagRows(c.LocalNonPersistentFlags()))
	if c.HasParent() {
		a.helpRows(a.text(msg.HelpGlobal), a.flagRows(c.InheritedFlags()))
	} else {
		a.helpRows(a.text(msg.HelpGlobal), a.flagRows(c.PersistentFlags()))
	}
	a.helpRows(a.text(msg.HelpTopics), subRows(c, true))
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n%s\n", a.text(msg.HelpMore, c.CommandPath()))
	}
}

func (a *app) helpRows(title string, rows []row) {
	if len(rows) == 0 {
		return
	}
	width := 0
	for _, r := range rows {
		width = max(width, len(r.name))
	}
	fmt.Fprintf(a.stdout, "\n%s\n", a.style.bold(title))
	for _, r := range rows {
		indent := strings.Repeat(" ", width+4)
		line := fmt.Sprintf("  %-*s  ", width, r.name)
		fmt.Fprintln(a.stdout, line+wrapAt(r.what, indent, 92-len(indent)))
	}
}

// wrapAt breaks text for the right column of a list.
func wrapAt(text, indent string, width int) string {
	lines := strings.Split(wrapText(text, "", max(width, 30)), "\n")
	return strings.Join(lines, "\n"+indent)
}
