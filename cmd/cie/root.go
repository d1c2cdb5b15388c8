package main

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// rootCommand returns the tree of commands, with its texts in the user's language.
func (a *app) rootCommand() *cobra.Command {
	cobra.EnableCommandSorting = false // as they are needed in life
	var version bool
	root := &cobra.Command{
		Use:               "cie",
		Short:             a.text("cmd.short"),
		Long:              a.text("cmd.long"),
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRun:  func(c *cobra.Command, _ []string) { a.command = c.CommandPath() },
		RunE: func(c *cobra.Command, args []string) error {
			if version && len(args) == 0 {
				return a.version(c.Context(), "")
			}
			return a.group(c, args)
		},
	}
	root.Flags().BoolVar(&version, "version", false, a.text("flag.version"))
	f := root.PersistentFlags()
	f.BoolP("help", "h", false, a.text("flag.help"))
	f.StringVar(&a.reader, "reader", "", a.text("flag.reader"))
	wanted := a.json // as newApp saw it: an option that is wrong ends the parsing before --json
	f.BoolVar(&a.json, "json", false, a.text("flag.json"))
	f.BoolVar(&a.debug, "debug", false, a.text("flag.debug"))
	f.StringArrayVar(&a.csca, "csca", nil, a.text("flag.csca"))
	_ = root.RegisterFlagCompletionFunc("reader", a.completeReaders)
	_ = root.MarkPersistentFlagFilename("csca", "pem", "crt", "cer", "der")

	root.AddCommand(
		a.readersCommand(),
		a.statusCommand(),
		a.pinCommand(),
		a.cardsCommand(),
		a.certCommand(),
		a.signCommand(),
		a.verifyCommand(),
		a.browsersCommand(),
		a.doctorCommand(),
		a.probeCommand(),
		a.watchCommand(),
		a.versionCommand(),
		a.completionCommand(),
		a.manCommand(),
		a.topic("codes", "topic.codes.short", "topic.codes.long"),
		a.topic("signatures", "topic.signatures.short", "topic.signatures.long"),
		a.topic("exit", "topic.exit.short", "topic.exit.long"),
		a.topic("json", "topic.json.short", "topic.json.long"),
		a.topic("files", "topic.files.short", "topic.files.long"),
	)
	root.AddCommand(a.setupCommands()...)
	root.SetHelpCommand(a.helpCommand())
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { a.help(c) })
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		a.json = a.json || wanted
		return a.flagError(c, err)
	})
	root.InitDefaultHelpCmd()
	a.sealArguments(root)
	return root
}

// sealArguments makes every command without a rule for its arguments report that it
// takes none: cobra's error would be in English, and would repeat a code that the user
// typed there.
func (a *app) sealArguments(c *cobra.Command) {
	if c.Args == nil && !c.HasSubCommands() {
		c.Args = a.noArguments
	}
	if c.HasSubCommands() {
		// group answers for the arguments.
		c.Args = cobra.ArbitraryArgs
	}
	for _, sub := range c.Commands() {
		a.sealArguments(sub)
	}
}

// group returns a command that only has others below it.
func (a *app) group(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	if looksLikeCode(args[0]) {
		return a.hint(c, a.usage("usage.code-argument"))
	}
	p := a.usage("usage.unknown-command", c.CommandPath(), args[0])
	c.SuggestionsMinimumDistance = 2
	if c == c.Root() && args[0] == "demo" {
		p.do(a.text("usage.did-you-mean", "cie-virtual demo"))
	} else if s := c.SuggestionsFor(args[0]); len(s) > 0 {
		p.do(a.text("usage.did-you-mean", c.CommandPath()+" "+s[0]))
	}
	return a.hint(c, p)
}

// noArguments refuses arguments.
func (a *app) noArguments(c *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case slices.ContainsFunc(args, looksLikeCode):
		return a.hint(c, a.usage("usage.code-argument"))
	default:
		return a.hint(c, a.usage("usage.no-arguments", args[0]))
	}
}

// looksLikeCode reports whether an argument may be a code that the user typed in a
// wrong place. It is not repeated on the screen.
func looksLikeCode(arg string) bool {
	digits := 0
	for _, c := range arg {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	return digits >= 4
}

// code8 is an argument that is a whole code, or an option with one.
var code8 = regexp.MustCompile(`^(?:-.*=)?[0-9]{8}$`)

// hint adds where the help is.
func (a *app) hint(c *cobra.Command, p *problem) *problem {
	return p.do(a.text("usage.hint", c.CommandPath()))
}

// flagError puts the errors of the option parser into words.
func (a *app) flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var needs *pflag.ValueRequiredError
	var bad *pflag.InvalidValueError
	var syntax *pflag.InvalidSyntaxError
	// If the user typed a code in a wrong place, the error explains it and does not
	// repeat the code.
	typed := a.hint(c, a.usage("usage.code-option"))
	switch {
	case errors.As(err, &unknown) && slices.ContainsFunc(a.args, code8.MatchString):
		return typed
	case errors.As(err, &unknown):
		name := "--" + unknown.GetSpecifiedName()
		if s := unknown.GetSpecifiedShortnames(); s != "" {
			name = "-" + unknown.GetSpecifiedName()
		}
		if looksLikeCode(name) {
			return typed
		}
		return a.hint(c, a.usage("usage.unknown-option", name))
	case errors.As(err, &needs):
		return a.hint(c, a.usage("usage.needs-value", "--"+needs.GetSpecifiedName()))
	case errors.As(err, &bad):
		if errors.Is(bad.Unwrap(), errBadFD) {
			// The value may be a code.
			return a.hint(c, a.usage("usage.fd", bad.GetFlag().Name))
		}
		if looksLikeCode(bad.GetValue()) {
			return typed
		}
		return a.hint(c, a.usage("usage.bad-value", bad.GetValue(), bad.GetFlag().Name))
	case errors.As(err, &syntax) && looksLikeCode(syntax.GetSpecifiedFlag()):
		return typed
	case errors.As(err, &syntax):
		return a.hint(c, a.usage("usage.bad-syntax", syntax.GetSpecifiedFlag()))
	}
	return a.hint(c, a.usage("error.other.title", err))
}

// completeReaders completes the names of readers.
func (a *app) completeReaders(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	s, err := a.service(false)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer s.Close()
	known, _ := s.Status()
	var list []string
	for _, name := range names(known) {
		if strings.HasPrefix(strings.ToLower(name), strings.ToLower(typed)) {
			list = append(list, name)
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// topic returns a chapter of the help that is no command.
func (a *app) topic(name string, short, long string) *cobra.Command {
	return &cobra.Command{Use: name, Short: a.text(short), Long: a.text(long)}
}

// helpCommand is "cie help".
func (a *app) helpCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "help " + a.text("help.placeholder.command"),
		Short: a.text("cmd.help.short"),
		Args:  cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			target, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				if slices.ContainsFunc(args, looksLikeCode) {
					return a.hint(c.Root(), a.usage("usage.code-argument"))
				}
				return a.hint(c.Root(), a.usage("help.no-topic", strings.Join(args, " ")))
			}
			a.help(target)
			return nil
		},
	}
	c.ValidArgsFunction = func(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		target, _, err := c.Root().Find(args)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var list []string
		for _, sub := range target.Commands() {
			if !sub.Hidden && strings.HasPrefix(sub.Name(), typed) {
				list = append(list, sub.Name()+"\t"+sub.Short)
			}
		}
		return list, cobra.ShellCompDirectiveNoFileComp
	}
	return c
}
