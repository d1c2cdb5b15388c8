package archtest

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// finding is something that a file of the tree must not contain.
type finding struct {
	what    string
	pattern *regexp.Regexp
	allowed []string // directories where it is allowed
}

// The patterns are put together from pieces so that this file passes its own test.
var findings = []finding{
	{"a path of a developer's machine", regexp.MustCompile(`(?:/(?:home|Users)/[a-z][a-z0-9._-]*/` + `|/wo` + `rk/[a-z]|[A-Z]:\\` + `Users\\)`), nil},
	{"a private key", regexp.MustCompile(`-----BEGIN (?:[A-Z]+ )?PRIV` + `ATE KEY-----\s*[A-Za-z0-9+/=]{16}`), []string{"card/cardtest", "testdata"}},
	{"an access token", regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{36}|AKIA[0-9A-Z]{16}|glpat-[A-Za-z0-9_-]{20})\b`), nil},
	{"unfinished work", regexp.MustCompile(`\b(?:TO` + `DO|FIX` + `ME|XX` + `X)\b[:( ]`), nil},
}

// skipped are the names at the top that contain no source.
var skipped = map[string]bool{".git": true, "bin": true, "dist": true, "artifacts": true}

func check(path string, content []byte) (what []string) {
	for _, f := range findings {
		ok := false
		for _, dir := range f.allowed {
			ok = ok || strings.HasPrefix(path, dir+"/")
		}
		if !ok && f.pattern.Match(content) {
			what = append(what, f.what)
		}
	}
	return what
}

// eachFile calls f with the path below the top, with slashes, and the content of every
// file of the tree, and returns the number of files.
func eachFile(t *testing.T, f func(path string, content []byte)) (files int) {
	t.Helper()
	top := root(t)
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		if skipped[rel] && !d.IsDir() {
			return nil // .git is a file in a linked worktree
		}
		if d.IsDir() {
			if skipped[rel] {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil // a temporary file of another process
		}
		if err != nil {
			return err
		}
		files++
		f(filepath.ToSlash(rel), content)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestTreeContainsNothingPrivate(t *testing.T) {
	files := eachFile(t, func(path string, content []byte) {
		if bytes.IndexByte(content, 0) >= 0 {
			return // binary
		}
		for _, what := range check(path, content) {
			t.Errorf("%s contains %s", path, what)
		}
	})
	if files < 10 {
		t.Errorf("only %d files seen", files)
	}
}

func TestFindingsAreFound(t *testing.T) {
	key := "-----BEGIN RSA PRIV" + "ATE KEY-----\nMIIEpAIBAAKCAQEA0000\n"
	tests := []struct {
		path, content string
		found         bool
	}{
		{"apdu/a.go", `open("/ho` + `me/mario/x")`, true},
		{"apdu/a.go", `open("/ho` + `me")`, false},
		{"apdu/a.go", "see /wo" + "rk/main", true},
		{"apdu/a.go", "// TO" + "DO: later", true},
		{"apdu/a.go", "// the method", false},
		{"card/store.go", key, true},
		{"card/cardtest/pki.pem", key, false},
		{"README.md", "gh" + "p_" + strings.Repeat("a", 36), true},
	}
	for _, tt := range tests {
		if got := len(check(tt.path, []byte(tt.content))) > 0; got != tt.found {
			t.Errorf("%s %q: found=%v, want %v", tt.path, tt.content, got, tt.found)
		}
	}
}

// The top level is part of the layout: a new name there is a decision, not an accident.
func TestTopLevelHasOnlyTheLayoutsNames(t *testing.T) {
	allowed := map[string]bool{}
	for _, name := range strings.Fields(`apdu card pkcs11mod cmd gui installer testdata go.mod go.sum README.md README.it.md LICENSE
		CHANGELOG.md CONTRIBUTING.md SECURITY.md Makefile bin dist artifacts`) {
		allowed[name] = true
	}
	entries, err := os.ReadDir(root(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !allowed[e.Name()] && !strings.HasPrefix(e.Name(), ".") {
			t.Errorf("%s is at the top level", e.Name())
		}
	}
}

// The licence is the one the documents name, in full.
func TestLicenceIsComplete(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "LICENSE"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"EUROPEAN UNION PUBLIC LICENCE v. 1.2", "15.Applicable Law", "Appendix"} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("LICENSE lacks %q", want)
		}
	}
}
