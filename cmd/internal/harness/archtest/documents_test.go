package archtest

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	quoted = regexp.MustCompile("`([^`\n]+)`")

	// link matches the target of a link that is no address, without its fragment.
	link = regexp.MustCompile(`\]\(([^):#\s]+)(?:#[^)]*)?\)`)

	// treePath matches paths with a slash, and names of documents. Paths outside of
	// the tree begin with "/", "~" or "$".
	treePath = regexp.MustCompile(`^(?:[A-Za-z0-9._-]+/[A-Za-z0-9._/-]*|[A-Za-z0-9._-]+\.md)$`)

	// placeholder matches the words that represent any name in a path.
	placeholder = regexp.MustCompile(`CODE|NAME|VERB`)

	// declared matches a name and the file that contains it.
	declared = regexp.MustCompile("`([A-Za-z0-9_]+)` (?:of|in) `([^`\n]+)`")
)

// missing returns the names in a document that do not exist in the tree below top: paths
// in backquotes, targets of links, and names of which the document states the file.
// document is the path of the document below top.
func missing(top, document, text string) (names []string) {
	exists := func(name string) bool {
		found, err := filepath.Glob(filepath.Join(top, filepath.FromSlash(placeholder.ReplaceAllString(name, "*"))))
		return err == nil && len(found) > 0
	}
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		if first, _, _ := strings.Cut(m[1], "/"); treePath.MatchString(m[1]) && !skipped[first] && !exists(m[1]) {
			names = append(names, m[1])
		}
	}
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		if name := path.Join(path.Dir(document), m[1]); !exists(name) {
			names = append(names, name)
		}
	}
	for _, m := range declared.FindAllStringSubmatch(text, -1) {
		if !treePath.MatchString(m[2]) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(m[2])))
		if err == nil && !regexp.MustCompile(`\b`+m[1]+`\b`).Match(content) {
			names = append(names, m[1]+" in "+m[2])
		}
	}
	return names
}

func TestDocumentsNameExistingPaths(t *testing.T) {
	top := root(t)
	// The other documents of the installer name paths of other programs.
	for _, document := range []string{
		"CONTRIBUTING.md", "README.md", "README.it.md", "SECURITY.md", "cmd/cie-pkcs11/CONSUMERS.md", "installer/WINDOWS.md",
	} {
		text, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(document)))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, name := range missing(top, document, string(text)) {
			t.Errorf("%s names %s, which does not exist", document, name)
		}
	}
}

func TestMissingPathsAreFound(t *testing.T) {
	tests := []struct{ document, text, want string }{
		{"A.md", "`card/pin.go`, `card/`, `card/cardtest`, `README.md`, `gui/text/CODE.json`", ""},
		{"A.md", "`/usr/lib`, `~/.config/x`, `$HOME/x`, `bin/cie`, `tls.Client`, `cie sign a/b`", ""},
		{"A.md", "[a](LICENSE) [b](CONTRIBUTING.md#how-to-add) [c](https://example.org/x) [d](#here)", ""},
		{"cmd/A.md", "[a](../LICENSE) `card/pin.go`", ""},
		{"A.md", "`familyMarks` of `card/family.go`", ""},
		{"A.md", "`card/pins.go`", "card/pins.go"},
		{"A.md", "`crd/pin.go`", "crd/pin.go"},
		{"A.md", "`READ.md`", "READ.md"},
		{"A.md", "`gui/texts/CODE.json`", "gui/texts/CODE.json"},
		{"cmd/A.md", "[a](LICENSE)", "cmd/LICENSE"},
		{"A.md", "`familyMark` of `card/family.go`", "familyMark in card/family.go"},
	}
	for _, tt := range tests {
		if got := strings.Join(missing(root(t), tt.document, tt.text), ", "); got != tt.want {
			t.Errorf("%s: %s: missing %q, want %q", tt.document, tt.text, got, tt.want)
		}
	}
}
