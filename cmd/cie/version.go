package main

import (
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"cie/cmd/cie/internal/msg"
	"cie/cmd/internal/version"
)

// versionJSON is the answer of "cie version --json".
type versionJSON struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: a.text(msg.VersionShort),
		RunE:  func(*cobra.Command, []string) error { return a.version() },
	}
}

func (a *app) version() error {
	if a.json {
		return a.printJSON(versionJSON{
			Version:  version.String(),
			Go:       runtime.Version(),
			Platform: runtime.GOOS + "/" + runtime.GOARCH,
		})
	}
	if a.debug {
		a.println(strings.TrimSuffix(version.Long("cie"), "\n"))
		return nil
	}
	a.println("cie " + version.String())
	return nil
}
