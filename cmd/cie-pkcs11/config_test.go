package main

import (
	"testing"

	"cie/pkcs11mod/ck"
)

func TestLibraryVersionIsThatOfTheBuild(t *testing.T) {
	for build, want := range map[string]ck.Version{
		"1.2.3":             {Major: 1, Minor: 2},
		"10.25.0":           {Major: 10, Minor: 25},
		"2.0.0-rc.1":        {Major: 2},
		"1.2.3+4.g0f1e2d3c": {Major: 1, Minor: 2},
		"0.0.0-dev":         {},
		"256.1.0":           {}, // a number of the structure is a byte
		"1.x.0":             {},
		"1":                 {},
		"":                  {},
	} {
		if got := libraryVersion(build); got != want {
			t.Errorf("libraryVersion(%q) = %d.%d, want %d.%d", build, got.Major, got.Minor, want.Major, want.Minor)
		}
	}
}
