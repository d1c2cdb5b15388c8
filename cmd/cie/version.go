package main

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cie/cmd/internal/probe"
	"cie/cmd/internal/version"
	"cie/installer/browsers"
)

// versionJSON is the answer of "cie version --json".
type versionJSON struct {
	Version         string              `json:"version"`
	Commit          string              `json:"commit,omitempty"`
	Date            string              `json:"date,omitempty"` // of the commit
	Go              string              `json:"go"`
	Platform        string              `json:"platform"`
	Module          versionModuleJSON   `json:"module"`
	Libraries       []libraryJSON       `json:"libraries"`
	SystemLibraries []systemLibraryJSON `json:"system_libraries"`
}

// versionModuleJSON is the module in that answer. Version is what it reports of
// itself to programs, which has room for two numbers; build is the one in its file.
type versionModuleJSON struct {
	moduleJSON
	Build  string `json:"build,omitempty"`
	Commit string `json:"commit,omitempty"`
}

// libraryJSON is a Go module that the program is made of.
type libraryJSON struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// systemLibraryJSON is a library of the system through which cards are reached.
type systemLibraryJSON struct {
	Name string `json:"name"`
	Path string `json:"path,omitempty"`
}

func (a *app) versionCommand() *cobra.Command {
	var f browserFlags
	c := &cobra.Command{
		Use:     "version",
		Short:   a.text("cmd.version.short"),
		Long:    a.text("cmd.version.long"),
		Example: "cie version\ncie version --json",
		RunE:    func(c *cobra.Command, _ []string) error { return a.version(c.Context(), f.module) },
	}
	f.addModule(a, c)
	return c
}

func (a *app) version(ctx context.Context, module string) error {
	switch {
	case a.json:
		m, err := a.versionModule(ctx, module)
		if err != nil {
			return err
		}
		return a.printJSON(newVersionJSON(version.Read(), m))
	case a.debug:
		a.println(strings.TrimSuffix(version.Long("cie"), "\n"))
	default:
		a.println("cie " + version.Read().String())
	}
	return nil
}

func newVersionJSON(b version.Build, m versionModuleJSON) versionJSON {
	out := versionJSON{
		Version: b.Version, Commit: b.Commit, Module: m,
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Libraries: []libraryJSON{}, SystemLibraries: []systemLibraryJSON{},
	}
	if !b.Time.IsZero() {
		out.Date = b.Time.UTC().Format(time.RFC3339)
	}
	for _, l := range version.Libraries() {
		out.Libraries = append(out.Libraries, libraryJSON{l.Path, l.Version})
	}
	for _, l := range version.System() {
		out.SystemLibraries = append(out.SystemLibraries, systemLibraryJSON{l.Name, l.Path})
	}
	return out
}

// versionModule finds the module and asks it what it is; no reader and no card
// is looked at for that.
func (a *app) versionModule(ctx context.Context, given string) (versionModuleJSON, error) {
	env, err := a.machine(given)
	if err != nil {
		return versionModuleJSON{}, err
	}
	path := env.Module
	m := versionModuleJSON{moduleJSON: moduleJSON{Path: path, Loadable: browsers.LoadNo}}
	if _, err := os.Stat(path); err != nil {
		m.Why, m.Detail = string(probe.ReasonMissing), err.Error()
		m.Exists = !errors.Is(err, os.ErrNotExist)
		return m, nil
	}
	m.Exists = true
	// A module of another vendor, or of a plain go build, has no version.
	if b, err := version.OfFile(path); err == nil {
		m.Build, m.Commit = b.Version, b.Commit
	}
	prober, err := probe.Self(probeVerb)
	if err != nil {
		return versionModuleJSON{}, err
	}
	info, err := prober.Identify(ctx, path)
	switch {
	case ctx.Err() != nil:
		return versionModuleJSON{}, context.Cause(ctx)
	case err != nil:
		m.Why, m.Detail = string(probe.Of(err)), err.Error()
	default:
		m.Loadable, m.Version = browsers.LoadYes, info.Version
	}
	return m, nil
}
