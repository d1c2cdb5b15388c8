package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"cie/cmd/internal/doctor"
	"cie/gui/text"
)

// languages returns the codes of all languages.
func languages() []string {
	var codes []string
	for _, l := range text.Languages {
		codes = append(codes, l.Code)
	}
	return codes
}

// inLanguage returns a text of the command line.
func inLanguage(code, key string) string { return text.Load(code).For("cli").T(key) }

// prose is text that users read: two words side by side.
var prose = regexp.MustCompile(`[a-zàèéìòù]{2,} [a-zàèéìòù]{2,}`)

// Nothing that the user reads is outside of the catalogue.
func TestTextsAreInTheCatalogue(t *testing.T) {
	// What is not for users: errors of the program's own checks, which show as
	// details; commands of a shell; what --debug prints.
	allowed := regexp.MustCompile(`^(?:` + strings.Join([]string{
		`cie .*`, `cie-virtual demo`, `sudo cie .*`, `openssl .*`, `completion bash.*`, `  cie cert .*`, `  openssl .*`,
		`debug: .*`, `no %s: %v`,
		`already reported`, `not a file descriptor`, `a PDF can only be signed into a file`, `the two new PINs differ`, `stopped by signal: `,
	}, "|") + `)$`)
	set := token.NewFileSet()
	files, err := filepath.Glob("*.go")
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
					t.Errorf("%s: %q is not in the catalogue", set.Position(lit.Pos()), line)
				}
			}
			return true
		})
	}
	if seen < 100 {
		t.Errorf("only %d strings seen", seen)
	}
}

// Every name that package doctor gives to a step, a finding, a remedy or a
// judgement has a text, on every system.
func TestNamesOfTheDoctorHaveTexts(t *testing.T) {
	prefixes := map[string]string{"ID": "doctor.step.", "Finding": "doctor.find.", "Remedy": "doctor.do.", "Status": "doctor.mark."}
	files, err := filepath.Glob("../internal/doctor/*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	check := func(key string) {
		for _, l := range languages() {
			if c := text.Load(l).For("cli"); !c.Has(key) {
				t.Errorf("%s lacks %s", l, key)
			}
		}
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			typ, _ := spec.Type.(*ast.Ident)
			lit, ok := spec.Values[0].(*ast.BasicLit)
			if typ == nil || !ok || prefixes[typ.Name] == "" {
				return true
			}
			value, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			seen[typ.Name]++
			check(prefixes[typ.Name] + value)
			return true
		})
	}
	for typ := range prefixes {
		if seen[typ] < 4 {
			t.Errorf("only %d names of type %s found", seen[typ], typ)
		}
	}
	for _, s := range []doctor.BrowserState{doctor.BrowserReady, doctor.BrowserRestart, doctor.BrowserNotLoadable, doctor.BrowserOff, doctor.BrowserElsewhere,
		doctor.BrowserDamaged, doctor.BrowserNeverStarted, doctor.BrowserSandboxed, doctor.BrowserUnavailable} {
		check("doctor.find." + string(doctor.FindingOf(s)))
	}
	for _, s := range []doctor.Status{doctor.OK, doctor.Warn, doctor.Fail} {
		check("doctor.result." + string(s))
	}
}
