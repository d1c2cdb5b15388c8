package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"cie/cmd/internal/version"
	"cie/gui/text"
)

func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "gen-man DIR",
		Short:  a.text("cmd.gen-man.short"),
		Long:   a.text("cmd.gen-man.long"),
		Hidden: true,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return a.hint(c, a.usage("usage.one-directory"))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.genMan(args[0]) },
	}
}

// genMan writes the manual pages of every command in every language.
func (a *app) genMan(dir string) error {
	for _, l := range text.Languages {
		sub := filepath.Join(l.Code, "man1")
		if l == text.Languages[0] {
			sub = "man1"
		}
		speaker := newApp(a.env)
		speaker.texts, speaker.ascii = text.Load(l.Code).For("cli"), false
		to := filepath.Join(dir, sub)
		if err := os.MkdirAll(to, 0o755); err != nil {
			return a.problem("failed", exitFailed, "error.write", to, cause(err))
		}
		if err := speaker.manPages(speaker.rootCommand(), to); err != nil {
			return err
		}
	}
	return nil
}

// manPages writes the page of c and those of the commands below it. The
// topics are chapters of the page of the program.
func (a *app) manPages(c *cobra.Command, dir string) error {
	name := filepath.Join(dir, manName(c)+".1")
	if err := os.WriteFile(name, []byte(a.manPage(c)), 0o644); err != nil {
		return a.problem("failed", exitFailed, "error.write", name, cause(err))
	}
	for _, sub := range manual(c) {
		if err := a.manPages(sub, dir); err != nil {
			return err
		}
	}
	return nil
}

// manual returns the commands below c that have a page.
func manual(c *cobra.Command) []*cobra.Command {
	var list []*cobra.Command
	for _, sub := range c.Commands() {
		if !sub.Hidden && !isTopic(sub) && sub.Name() != "help" {
			list = append(list, sub)
		}
	}
	return list
}

func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// manPage returns the page of a command in the man macros of roff.
func (a *app) manPage(c *cobra.Command) string {
	var b strings.Builder
	section := func(t string) { fmt.Fprintf(&b, ".SH \"%s\"\n", roff(a.text(t))) }
	rows := func(t string, rows []row) {
		if len(rows) == 0 {
			return
		}
		section(t)
		for _, r := range rows {
			fmt.Fprintf(&b, ".TP\n\\fB%s\\fR\n%s\n", roff(strings.TrimSpace(r.name)), roffLine(r.what))
		}
	}
	fmt.Fprintf(&b, ".TH \"%s\" 1 \"\" \"cie %s\" \"%s\"\n", strings.ToUpper(manName(c)), roff(version.String()), roff(a.text("man.title")))
	section("man.name")
	fmt.Fprintf(&b, "%s \\- %s\n", roff(manName(c)), roff(c.Short))
	section("man.synopsis")
	fmt.Fprintf(&b, "\\fB%s\\fR%s\n", roff(c.CommandPath()), roff(strings.TrimPrefix(a.useLine(c), c.CommandPath())))
	section("man.description")
	for i, paragraph := range strings.Split(description(c), "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		for _, line := range strings.Split(paragraph, "\n") {
			b.WriteString(roffLine(line) + "\n")
		}
	}
	rows("man.commands", subRows(c, false))
	rows("man.options", a.flagRows(c.LocalNonPersistentFlags()))
	if c.HasParent() {
		rows("man.global", a.flagRows(c.InheritedFlags()))
	} else {
		rows("man.global", a.flagRows(c.PersistentFlags()))
	}
	if c.Example != "" {
		section("man.examples")
		literal(&b, c.Example)
	}
	for _, sub := range c.Commands() {
		if isTopic(sub) && !sub.Hidden {
			fmt.Fprintf(&b, ".SH \"%s\"\n", roff(strings.ToUpper(sub.Short)))
			literal(&b, reflow(sub.Long, 72))
		}
	}
	section("man.see-also")
	b.WriteString(strings.Join(seeAlso(c), ",\n") + "\n")
	return b.String()
}

// seeAlso returns the pages next to c: the one above, and those below.
func seeAlso(c *cobra.Command) []string {
	var list []string
	page := func(c *cobra.Command) { list = append(list, fmt.Sprintf("\\fB%s\\fR(1)", roff(manName(c)))) }
	if c.HasParent() {
		page(c.Parent())
	}
	for _, sub := range manual(c) {
		page(sub)
	}
	list = append(list, "\\fBpcscd\\fR(8)", "\\fBopenssl\\-dgst\\fR(1ssl)")
	return list
}

// literal writes lines unchanged.
func literal(b *strings.Builder, text string) {
	b.WriteString(".PP\n.nf\n")
	for _, line := range strings.Split(text, "\n") {
		b.WriteString(roffLine(line) + "\n")
	}
	b.WriteString(".fi\n")
}

var roffEscapes = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `"`, `\(dq`, `'`, `\(aq`, "`", `\(ga`, `^`, `\(ha`, `~`, `\(ti`)

// roff escapes what is special within a line.
func roff(s string) string { return roffEscapes.Replace(s) }

// roffLine returns a line of text, which must not begin like a request.
func roffLine(s string) string {
	s = roff(s)
	if strings.HasPrefix(s, ".") {
		return `\&` + s
	}
	return s
}
