package version

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

const commit = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"

func TestReadParsesStamp(t *testing.T) {
	vcs := []debug.BuildSetting{{Key: "vcs.revision", Value: commit}, {Key: "vcs.time", Value: "2026-03-21T10:20:30Z"}}
	then := time.Date(2026, 3, 21, 10, 20, 30, 0, time.UTC)
	tests := []struct {
		name     string
		stamp    string
		settings []debug.BuildSetting
		want     Build
		text     string
	}{
		{"released", "cie-build:1.2.3:" + commit + ":1774088430;", nil,
			Build{"1.2.3", commit, then}, "1.2.3 (0f1e2d3c4b5a, 2026-03-21)"},
		{"after a release", "cie-build:1.2.3+4.g0f1e2d3.dirty:" + commit + ":1774088430;", vcs,
			Build{"1.2.3+4.g0f1e2d3.dirty", commit, then}, "1.2.3+4.g0f1e2d3.dirty (0f1e2d3c4b5a, 2026-03-21)"},
		{"without git", "cie-build:0.0.0-dev::;", nil, Build{Version: "0.0.0-dev"}, "0.0.0-dev"},
		{"with a date only", "cie-build:0.0.0-dev::0;", nil, Build{"0.0.0-dev", "", time.Unix(0, 0).UTC()}, "0.0.0-dev (1970-01-01)"},
		{"plain go build", "", vcs, Build{"0.0.0-dev", commit, then}, "0.0.0-dev (0f1e2d3c4b5a, 2026-03-21)"},
		{"plain go build without git", "", nil, Build{Version: "0.0.0-dev"}, "0.0.0-dev"},
		{"a stamp cut short", "cie-build:1.2.3:" + commit, nil, Build{Version: "0.0.0-dev"}, "0.0.0-dev"},
	}
	for _, tt := range tests {
		got := read(tt.stamp, tt.settings)
		if got != tt.want || got.String() != tt.text {
			t.Errorf("%s: %+v %q", tt.name, got, got)
		}
	}
}

func TestOfFileFindsStamp(t *testing.T) {
	file := func(content string) string {
		path := filepath.Join(t.TempDir(), "module")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	// Every program contains the mark alone, as part of the pattern.
	b, err := OfFile(file("\x7fELF cie-build: \x00cie-build:([0-9\x00cie-build:2.0.1:" + commit + ":1774088430;cie-build:"))
	if err != nil || b.Version != "2.0.1" || b.Commit != commit {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := OfFile(file("\x7fELF something else")); !errors.Is(err, ErrUnmarked) {
		t.Errorf("no stamp: %v", err)
	}
	if _, err := OfFile(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestLongListsParts(t *testing.T) {
	text := Long("cie")
	for _, want := range []string{"cie " + String(), "\ngo1."} {
		if !strings.Contains(text, want) {
			t.Errorf("Long lacks %q:\n%s", want, text)
		}
	}
	if !strings.HasSuffix(text, "\n") {
		t.Error("Long does not end with a newline")
	}
}
