package msg

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"cie/cmd/internal/i18n/i18ntest"
)

// same are the texts that are the same in both languages.
var same = []string{"LabelChip", "LabelNIS", "LabelPIN", "LabelPUK"}

func TestCatalogueIsComplete(t *testing.T) { i18ntest.Complete(t, catalogue(t), same...) }

// catalogue returns all texts of this package.
func catalogue(t *testing.T) []i18ntest.Entry {
	t.Helper()
	return i18ntest.Catalogue(t, "*.go", 100)
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
	said := map[string]bool{}
	for _, m := range regexp.MustCompile(`\bmsg\.(\w+)`).FindAllStringSubmatch(source.String(), -1) {
		said[m[1]] = true
	}
	for _, e := range catalogue(t) {
		if !said[e.Name] {
			t.Errorf("%s: nobody says %s", e.Place, e.Name)
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
		`cie .*`, `cie-virtual demo`, `sudo cie .*`, `openssl .*`, `completion bash.*`, `  cie cert .*`, `  openssl .*`,
		`debug: .*`, `no %s: %v`,
		`already reported`, `not a file descriptor`, `a PDF can only be signed into a file`, `the two new PINs differ`, `stopped by signal: `,
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
