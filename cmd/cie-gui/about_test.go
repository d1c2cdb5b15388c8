//go:build x11 || wayland || !linux

package main

import (
	"strings"
	"testing"

	"cie/cmd/internal/harness/await"
)

// Every module that the program is linked with has its licence named.
func TestEveryLinkedModuleHasALicence(t *testing.T) {
	out, err := await.Command(t, "go", "list", "-tags", "x11", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(out)) {
		if name != "cie" && licences[name] == "" {
			t.Errorf("no licence for %s", name)
		}
	}
}
