package main

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cie/cmd/internal/tty"
)

// row is a name and what it is, in a list of the help.
type row struct{ name, what string }

// isTopic reports whether c is a chapter of the help and no command.
func isTopic(c *cobra.Command) bool { return !c.Runnable() && !c.HasSubCommands() }

// useLine returns how a command is called.
func (a *app) useLine(c *cobra.Command) string {
	use := c.CommandPath()
	if _, arguments, ok := strings.Cut(c.Use, " "); ok {
		use += " " + arguments
	}
	if c.HasAvailableSubCommands() {
		use += " " + a.text("help.placeholder.command")
	}
	return use + " " + a.text("help.placeholder.options")
}

// subRows returns the commands below c, or the topics.
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
		case "int":
			name += " N"
		default:
			name += " " + f.Value.Type()
		}
		what := f.Usage
		if f.Value.Type() == "string" && f.DefValue != "" {
			what += " (" + a.text("help.default", f.DefValue) + ")"
		}
		rows = append(rows, row{name, what})
	})
	return rows
}

// metavar returns the placeholder for the value of an option.
func metavar(flag string) string {
	switch flag {
	case "out", "report", "module", "picture", "extract", "content":
		return "FILE"
	case "out-dir":
		return "DIR"
	case "tsa":
		return "URL"
	case "reader":
		return "NAME"
	}
	return strings.ToUpper(flag)
}

// description returns the long text of a command, or its short one as a sentence.
func description(c *cobra.Command) string {
	if c.Long != "" {
		return c.Long
	}
	return c.Short + "."
}

// columns returns how long lines are that are meant to be read.
func (a *app) columns() int { return min(tty.Width(a.stdout), 92) }

// gap matches what precedes a text in its own column: a name and blanks.
var gap = regexp.MustCompile(`^ *\S+(?: \S+)* {2,}`)

// reflow wraps the lines of a text again: paragraphs, and the texts next to the names
// of a list.
func reflow(text string, width int) string {
	var out []string
	item, column := "", -1 // a line with what continues it, and where that begins
	flush := func() {
		if column >= 0 {
			out = append(out, hang(item, column, width))
		}
		item, column = "", -1
	}
	for _, line := range strings.Split(text, "\n") {
		lead := len(line) - len(strings.TrimLeft(line, " "))
		name := gap.FindString(line)
		switch {
		case line == "":
			flush()
			out = append(out, "")
			continue
		case column >= 0 && lead == column && name == "":
			item += " " + line[lead:]
			continue
		}
		flush()
		item, column = line, lead
		if name != "" {
			column = utf8.RuneCountInString(name)
		}
	}
	flush()
	return strings.Join(out, "\n")
}

// hang wraps a line whose continuation begins in a column.
func hang(line string, column, width int) string {
	name := gap.FindString(line)
	indent := strings.Repeat(" ", column)
	if name == "" {
		return tty.Wrap(line, indent, width)
	}
	return name + strings.TrimLeft(tty.Wrap(indent+line[len(name):], indent, width), " ")
}

// help prints the help about a command or a topic on standard output.
func (a *app) help(c *cobra.Command) {
	w := a.stdout
	if isTopic(c) {
		fmt.Fprintf(w, "%s\n\n%s\n", a.style.Bold(c.Short), reflow(c.Long, a.columns()))
		return
	}
	fmt.Fprintf(w, "%s\n\n%s\n  %s\n", reflow(description(c), a.columns()), a.style.Bold(a.text("help.usage")), a.useLine(c))
	if c.Example != "" {
		fmt.Fprintf(w, "\n%s\n", a.style.Bold(a.text("help.examples")))
		for _, line := range strings.Split(c.Example, "\n") {
			fmt.Fprintln(w, "  "+line)
		}
	}
	a.helpRows(a.text("help.commands"), subRows(c, false))
	a.helpRows(a.text("help.options"), a.flagRows(c.LocalNonPersistentFlags()))
	if c.HasParent() {
		a.helpRows(a.text("help.global"), a.flagRows(c.InheritedFlags()))
	} else {
		a.helpRows(a.text("help.global"), a.flagRows(c.PersistentFlags()))
	}
	a.helpRows(a.text("help.topics"), subRows(c, true))
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n%s\n", a.text("help.more", c.CommandPath()))
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
	fmt.Fprintf(a.stdout, "\n%s\n", a.style.Bold(title))
	for _, r := range rows {
		indent := strings.Repeat(" ", width+4)
		line := fmt.Sprintf("  %-*s  ", width, r.name)
		fmt.Fprintln(a.stdout, line+wrapAt(r.what, indent, a.columns()-len(indent)))
	}
}

// wrapAt breaks text for the right column of a list.
func wrapAt(text, indent string, width int) string {
	lines := strings.Split(tty.Wrap(text, "", max(width, 30)), "\n")
	return strings.Join(lines, "\n"+indent)
}
