package msg

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// entry is a text of the catalogue as it stands in the source.
type entry struct{ name, en, it, place string }

// catalogue reads all texts from the source of this package.
func catalogue(t *testing.T) []entry {
	t.Helper()
	set := token.NewFileSet()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []entry
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, v := range spec.Values {
				ast.Inspect(v, func(n ast.Node) bool {
					call, ok := n.(*ast.CallExpr)
					if !ok || len(call.Args) != 2 || call.Fun.(*ast.Ident).Name != "text" {
						return true
					}
					all = append(all, entry{
						name:  spec.Names[i].Name,
						en:    literal(t, call.Args[0]),
						it:    literal(t, call.Args[1]),
						place: set.Position(call.Pos()).String(),
					})
					return false
				})
			}
			return false
		})
	}
	if len(all) < 100 {
		t.Fatalf("only %d texts found", len(all))
	}
	return all
}

func literal(t *testing.T, e ast.Expr) string {
	t.Helper()
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		t.Fatalf("%T instead of a literal", e)
	}
	s, err := strconv.Unquote(lit.Value)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var verb = regexp.MustCompile(`%(?:\[(\d+)\])?([a-z%])`)

// verbs are the arguments that a text takes, "1s 2d", whatever their order.
func verbs(s string) string {
	var list []string
	next := 1
	for _, m := range verb.FindAllStringSubmatch(s, -1) {
		if m[2] == "%" {
			continue
		}
		if m[1] != "" {
			next, _ = strconv.Atoi(m[1])
		}
		list = append(list, fmt.Sprintf("%d%s", next, m[2]))
		next++
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), " ")
}

// same are the texts that are the same in both languages.
var same = []string{"LabelChip", "LabelNIS", "LabelPIN", "LabelPUK"}

func TestCatalogueIsComplete(t *testing.T) {
	for _, e := range catalogue(t) {
		switch {
		case strings.TrimSpace(e.en) == "" || strings.TrimSpace(e.it) == "":
			t.Errorf("%s: %s lacks a language", e.place, e.name)
		case verbs(e.en) != verbs(e.it):
			t.Errorf("%s: %s takes %q in English and %q in Italian", e.place, e.name, verbs(e.en), verbs(e.it))
		case (e.en == e.it) != slices.Contains(same, e.name):
			t.Errorf("%s: %s is in one language only", e.place, e.name)
		case strings.ContainsFunc(e.en, func(r rune) bool { return r > unicode.MaxASCII }):
			t.Errorf("%s: %s is not plain ASCII in English", e.place, e.name)
		case strings.ContainsFunc(e.it, func(r rune) bool { return r > unicode.MaxASCII && !strings.ContainsRune("àèéìòùÀÈ", r) }):
			t.Errorf("%s: %s has a letter that is not replaced where only ASCII is shown", e.place, e.name)
		case strings.HasSuffix(e.en, ".") != strings.HasSuffix(e.it, "."),
			strings.HasSuffix(e.en, ": ") != strings.HasSuffix(e.it, ": "):
			t.Errorf("%s: %s ends differently in the two languages", e.place, e.name)
		}
	}
}

func TestVerbs(t *testing.T) {
	for s, want := range map[string]string{
		"":                      "",
		"100%%":                 "",
		"%s and %d":             "1s 2d",
		"%[2]d before %[1]s":    "1s 2d",
		"%d of %[1]d":           "1d",
		"a %q, then %[1]q, %v!": "1q 2v",
	} {
		if got := verbs(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

// A text that nobody says is a translation nobody will keep up to date.
func TestCatalogueIsUsed(t *testing.T) {
	files, err := filepath.Glob("../../*.go")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(b)
	}
	for _, e := range catalogue(t) {
		if !regexp.MustCompile(`\bmsg\.` + e.name + `\b`).MatchString(source.String()) {
			t.Errorf("%s: nobody says %s", e.place, e.name)
		}
	}
}

// prose is text that people read: two words side by side.
var prose = regexp.MustCompile(`[a-zàèéìòù]{2,} [a-zàèéìòù]{2,}`)

// Nothing that the user reads stands outside of the catalogue.
func TestNoTextOutsideOfCatalogue(t *testing.T) {
	// What is not for users: errors of the program's own checks, which show as
	// details; commands of a shell; what --debug prints.
	allowed := regexp.MustCompile(`^(?:` + strings.Join([]string{
		`cie .*`, `sudo cie .*`, `openssl .*`, `completion bash.*`, `  cie cert .*`, `  openssl .*`,
		`debug: .*`, `no cache: %v`, `no state: %v`,
		`already reported`, `not a file descriptor`, `a PDF can only be signed into a file`, `the two new PINs differ`, `stopped by signal: `,
		`no private PC/SC service on this system`,
		// the details of a demonstration that failed
		`a code for the copy`, `tries of the copy`, `a wrong PIN`, `a PIN of 5 digits`, `a PIN in sequence`,
		`the last try without consent`, `the right PIN while blocked`, `tries of the PUK`,
		`the server answered %s`, `the server let somebody in without a card`, `the server saw`, `version of TLS`,
		`the service did not notice the card`,
	}, "|") + `)$`)
	set := token.NewFileSet()
	files, err := filepath.Glob("../../*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			s, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			seen++
			for _, line := range strings.Split(s, "\n") {
				if prose.MatchString(line) && !allowed.MatchString(line) {
					t.Errorf("%s: %q stands outside of the catalogue", set.Position(lit.Pos()), line)
				}
			}
			return true
		})
	}
	if seen < 100 {
		t.Errorf("only %d strings seen", seen)
	}
}
