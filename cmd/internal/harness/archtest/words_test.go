package archtest

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// plainFolders lists the folders, subfolders included, and documents whose comments and
// text must avoid the words below.
var plainFolders = []string{
	"CONTRIBUTING.md", "SECURITY.md",
	"apdu/apdu.go", "apdu/apdutest", "apdu/bench_test.go", "apdu/client.go", "apdu/client_test.go", "apdu/command.go",
	"apdu/command_test.go", "apdu/example_test.go", "apdu/printable", "apdu/readers", "apdu/sm", "apdu/status.go", "apdu/status_test.go", "apdu/tlv.go",
	"apdu/tlv_test.go",
	"card/ades", "card/cardtest", "card/domain", "card/identity", "card/internal", "card/sod", "card/state", "card/userdir",
	"cmd/cie-pkcs11",
	"cmd/internal/harness/consumertest", "cmd/internal/loopback", "cmd/internal/notify", "cmd/internal/online", "cmd/internal/probe", "cmd/internal/sysdir",
	"cmd/internal/syslib", "cmd/internal/tty", "cmd/internal/version",
	"installer",
	"pkcs11mod",
}

// replaced lists words with plain replacements. They are put together from pieces so that
// this file passes its own test.
var replaced = compile([][2]string{
	{"in " + "vain|for want " + "of|le" + "st", "without success; for lack of; so that ... not"},
	{"from a" + "far", "remote"},
	{"(?:take|takes|taken|took) a" + "way|goes a" + "way|went a" + "way", "remove, lose, end"},
	{"(?:give|gives|given|gave|hands|handed) b" + "ack", "return, release"},
	{"no" + "body|some" + "body|any" + "body|every" + "body|who" + "ever", "the user, the caller, another program"},
	{"out of its m" + "ind|dis" + "honest|li" + "ar", "misbehaving, forged"},
	{"st" + "ands?|st" + "ood", "is, is in, uses, remains"},
	{"te" + "lls?|to" + "ld", "report, notify, distinguish"},
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

var cComment = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`)

// wordsOf returns the part of a file that is checked: comments of Go and C, all of a document.
func wordsOf(path string, content []byte) string {
	switch filepath.Ext(path) {
	case ".go":
		return comments(content)
	case ".c", ".h":
		return strings.Join(cComment.FindAllString(string(content), -1), "\n")
	case ".md":
		return string(content)
	}
	return ""
}

func TestCommentsUsePlainWords(t *testing.T) {
	top, checked := root(t), 0
	for _, folder := range plainFolders {
		err := filepath.WalkDir(filepath.Join(top, filepath.FromSlash(folder)), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(top, path)
			if err != nil {
				return err
			}
			if text := wordsOf(path, content); text != "" {
				checked++
				for _, f := range plainWords(text) {
					t.Errorf("%s: %s", filepath.ToSlash(rel), f)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if checked < 300 {
		t.Errorf("only %d files checked", checked)
	}
}

func TestPlainWordsAreFound(t *testing.T) {
	const source = "package p\n\n// F te" + "lls the caller.\nvar s = \"no" + "body\" // Le" + "st it fails.\n"
	if got := plainWords(comments([]byte(source))); len(got) != 2 || !strings.HasPrefix(got[0], "te"+"lls") || !strings.HasPrefix(got[1], "Le"+"st") {
		t.Errorf("%q", got)
	}
	if got := plainWords(wordsOf("a.c", []byte("int x; /* st"+"ands */ // to"+"ld\n"))); len(got) != 2 {
		t.Errorf("%q", got)
	}
	if got := plainWords("understand, standard, outstanding, retell, toldra"); len(got) != 0 {
		t.Errorf("%q", got)
	}
	if !slices.IsSorted(plainFolders) {
		t.Error("plainFolders is not sorted")
	}
}
