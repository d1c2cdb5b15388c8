// Package i18ntest checks the texts of programs in their source.
package i18ntest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// Entry is a text of a catalogue, and where it is written.
type Entry struct{ Name, EN, IT, Place string }

// Catalogue returns the texts in the Go files that match the pattern: the calls
// text(EN, IT) in values of variables. There must be at least min.
func Catalogue(t *testing.T, pattern string, min int) []Entry {
	t.Helper()
	set := token.NewFileSet()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	var all []Entry
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
					if !ok || len(call.Args) != 2 || !isText(call.Fun) {
						return true
					}
					all = append(all, Entry{
						Name:  spec.Names[i].Name,
						EN:    literal(t, call.Args[0]),
						IT:    literal(t, call.Args[1]),
						Place: set.Position(call.Pos()).String(),
					})
					return false
				})
			}
			return false
		})
	}
	if len(all) < min {
		t.Fatalf("only %d texts found", len(all))
	}
	return all
}

func isText(f ast.Expr) bool {
	name, ok := f.(*ast.Ident)
	return ok && name.Name == "text"
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

// Complete checks that every text has both languages with the same arguments and
// the letters that programs can show. The texts in same are the same in both
// languages.
func Complete(t *testing.T, all []Entry, same ...string) {
	t.Helper()
	for _, e := range all {
		switch {
		case strings.TrimSpace(e.EN) == "" || strings.TrimSpace(e.IT) == "":
			t.Errorf("%s: %s lacks a language", e.Place, e.Name)
		case verbs(e.EN) != verbs(e.IT):
			t.Errorf("%s: %s takes %q in English and %q in Italian", e.Place, e.Name, verbs(e.EN), verbs(e.IT))
		case (e.EN == e.IT) != slices.Contains(same, e.Name):
			t.Errorf("%s: %s is in one language only", e.Place, e.Name)
		case strings.ContainsFunc(e.EN, func(r rune) bool { return r > unicode.MaxASCII }):
			t.Errorf("%s: %s is not plain ASCII in English", e.Place, e.Name)
		case strings.ContainsFunc(e.IT, func(r rune) bool { return r > unicode.MaxASCII && !strings.ContainsRune("àèéìòùÀÈ", r) }):
			t.Errorf("%s: %s has a letter that is not replaced where only ASCII is shown", e.Place, e.Name)
		case strings.HasSuffix(e.EN, ".") != strings.HasSuffix(e.IT, "."),
			strings.HasSuffix(e.EN, ": ") != strings.HasSuffix(e.IT, ": "):
			t.Errorf("%s: %s ends differently in the two languages", e.Place, e.Name)
		}
	}
}
