package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// replaced lists words with plain replacements. They are put together from pieces so that
// this file passes its own test.
var replaced = compile([][2]string{
	{"in " + "vain|for want " + "of|le" + "st", "without success; for lack of; so that ... not"},
	{"from a" + "far", "remote"},
	{"(?:take|takes|taken|took) a" + "way|goes a" + "way|went a" + "way", "remove, lose, end"},
	{`(?:give|gives|given|gave|hands|handed) (?:\w+ ){0,3}b` + "ack", "return, release"},
	{"no" + "body|some" + "body|any" + "body|every" + "body|who" + "ever", "the user, the caller, another program"},
	{"out of its m" + "ind|dis" + "honest|li" + "ar", "misbehaving, forged"},
	{"st" + "ands?|st" + "ood", "is, is in, uses, remains"},
	{"te" + "lls?|to" + "ld", "report, notify, distinguish"},
	{"fe" + "ll silent|fa" + "lls silent", "stopped answering"},
	{"an" + "ew", "again, re-"},
	{"says? whe" + "ther", "reports whether"},
	{"ta" + "ken back|le" + "ts? go of|for e" + "ver", "unregistered, undone; release; permanently"},
	{"do(?:es)? its p" + "art|as it st" + "ands", "executes; unchanged"},
})

type word struct {
	pattern *regexp.Regexp
	better  string
}

func compile(list [][2]string) (all []word) {
	for _, w := range list {
		all = append(all, word{regexp.MustCompile(`(?i)\b(?:` + w[0] + `)\b`), w[1]})
	}
	return all
}

// plainWords returns the findings in a text, one for each word and line.
func plainWords(text string) (found []string) {
	for line := range strings.Lines(text) {
		for _, r := range replaced {
			for _, m := range r.pattern.FindAllString(line, -1) {
				found = append(found, m+" (better: "+r.better+") in: "+strings.TrimSpace(line))
			}
		}
	}
	return found
}

// comments returns the comments of a Go file.
func comments(source []byte) string {
	var s scanner.Scanner
	set := token.NewFileSet()
	s.Init(set.AddFile("", set.Base(), len(source)), source, nil, scanner.ScanComments)
	var all []string
	for {
		_, tok, text := s.Scan()
		switch tok {
		case token.EOF:
			return strings.Join(all, "\n")
		case token.COMMENT:
			all = append(all, text)
		}
	}
}

// messageCalls are the functions and methods whose strings are messages of errors and
// tests. The texts for users are in gui/text.
var messageCalls = map[string]bool{
	"New": true, "Errorf": true, "Error": true, "Fatal": true, "Fatalf": true, "Skip": true, "Skipf": true,
	"Log": true, "Logf": true, "panic": true,
}

// messages returns the string literals that a Go file passes to messageCalls.
func messages(source []byte) (string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	var all []string
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		name := ""
		switch f := call.Fun.(type) {
		case *ast.Ident:
			name = f.Name
		case *ast.SelectorExpr:
			name = f.Sel.Name
		}
		for _, arg := range call.Args {
			if lit, ok := arg.(*ast.BasicLit); ok && messageCalls[name] && lit.Kind == token.STRING {
				all = append(all, lit.Value)
			}
		}
		return true
	})
	return strings.Join(all, "\n"), nil
}

// nounDocs returns the doc comments of functions with results that describe what the function
// is instead of what it returns or does.
func nounDocs(source []byte) (found []string, err error) {
	file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution|parser.ParseComments)
	if err != nil {
		return nil, err
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Doc == nil || f.Type.Results == nil {
			continue
		}
		text, ok := strings.CutPrefix(f.Doc.Text(), f.Name.Name+" ")
		if ok && nounDoc.MatchString(text) {
			line, _, _ := strings.Cut(f.Doc.Text(), "\n")
			found = append(found, line)
		}
	}
	return found, nil
}

var nounDoc = regexp.MustCompile(`^(?:is|are) (?:the|a|an|all|what|where|how)\b`)

func TestDocsOfFunctionsHaveVerbs(t *testing.T) {
	eachFile(t, func(path string, content []byte) {
		if filepath.Ext(path) != ".go" {
			return
		}
		found, err := nounDocs(content)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for _, line := range found {
			t.Errorf("%s: say what the function returns or does: %s", path, line)
		}
	})
	for doc, want := range map[string]int{"F is the root.": 1, "F are all roots.": 1, "F returns the root.": 0, "F is called by C.": 0} {
		found, err := nounDocs([]byte("package p\n\n// " + doc + "\nfunc F() int { return 0 }\n"))
		if err != nil || len(found) != want {
			t.Errorf("%s: %q, %v", doc, found, err)
		}
	}
}

var cComment = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`)

// scriptComment matches comments of the shell, of make and of the installer for Windows.
var scriptComment = regexp.MustCompile(`(?m)(?:^|[ \t])[#;]+ .*$`)

// wordsOf returns the part of a file that is checked: comments and messages of Go,
// comments of C and of scripts, all of a document.
func wordsOf(path string, content []byte) (string, error) {
	switch ext := filepath.Ext(path); {
	case ext == ".go":
		text, err := messages(content)
		return comments(content) + "\n" + text, err
	case ext == ".c", ext == ".h", ext == ".m":
		return strings.Join(cComment.FindAllString(string(content), -1), "\n"), nil
	case ext == ".sh", ext == ".nsi", ext == ".txtar", filepath.Base(path) == "Makefile", bytes.HasPrefix(content, []byte("#!")):
		return strings.Join(scriptComment.FindAllString(string(content), -1), "\n"), nil
	case ext == ".md":
		return string(content), nil
	}
	return "", nil
}

func TestTreeUsesPlainWords(t *testing.T) {
	checked := 0
	eachFile(t, func(path string, content []byte) {
		text, err := wordsOf(path, content)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if text == "" {
			return
		}
		checked++
		for _, f := range plainWords(text) {
			t.Errorf("%s: %s", path, f)
		}
	})
	if checked < 600 {
		t.Errorf("only %d files checked", checked)
	}
}

func TestPlainWordsAreFound(t *testing.T) {
	tests := []struct {
		path, content string
		want          []string // how the findings begin
	}{
		{"a.go", "package p\n\n// F te" + "lls the caller.\nvar s = \"no" + "body\" // Le" + "st it fails.\n", []string{"te" + "lls", "Le" + "st"}},
		{"a.go", "package p\n\nvar err = errors.New(\"no" + "body answers\")\n", []string{"no" + "body"}},
		{"a.go", "package p\n\nfunc f() { t.Errorf(`it st" + "ands`, \"to" + "ld\") }\n", []string{"st" + "ands", "to" + "ld"}},
		{"a.c", "int x; /* st" + "ands */ // to" + "ld\n", []string{"st" + "ands", "to" + "ld"}},
		{"a.sh", "x=\"st" + "ands\"\n# some" + "body\ny=1 # to" + "ld\n", []string{"some" + "body", "to" + "ld"}},
		{"Makefile", "# st" + "and\n", []string{"st" + "and"}},
		{"A.md", "it st" + "ands; no" + "body\n", []string{"st" + "ands", "no" + "body"}},
		{"A.md", "understand, standard, outstanding, retell, toldra", nil},
		{"a.json", "no" + "body", nil},
	}
	for _, tt := range tests {
		text, err := wordsOf(tt.path, []byte(tt.content))
		if err != nil {
			t.Fatal(err)
		}
		got := plainWords(text)
		for _, want := range tt.want {
			if !slices.ContainsFunc(got, func(f string) bool { return strings.HasPrefix(f, want+" ") }) {
				t.Errorf("%s %q: no finding %q in %q", tt.path, tt.content, want, got)
			}
		}
		if len(got) != len(tt.want) {
			t.Errorf("%s %q: %q", tt.path, tt.content, got)
		}
	}
}
