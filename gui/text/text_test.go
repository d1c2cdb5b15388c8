package text

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

var verb = regexp.MustCompile(`%(?:\[(\d+)\])?([-+.0-9]*[a-z%])|\{[a-z]+\}`)

// placeholders returns what is filled into a text, "1s 2d {path}", whatever its order.
func placeholders(s string) string {
	var list []string
	next := 1
	for _, m := range verb.FindAllStringSubmatch(s, -1) {
		switch {
		case m[2] == "":
			list = append(list, m[0])
			continue
		case m[2] == "%":
			continue
		case m[1] != "":
			next, _ = strconv.Atoi(m[1])
		}
		list = append(list, fmt.Sprintf("%d%s", next, m[2]))
		next++
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), " ")
}

func TestPlaceholdersOfATextAreFound(t *testing.T) {
	for s, want := range map[string]string{
		"":                       "",
		"100%%":                  "",
		"%s and %d":              "1s 2d",
		"%[2]d before %[1]s":     "1s 2d",
		"%d of %[1]d":            "1d",
		"a %q, then %[1]q, %v!":  "1q 2v",
		"%.0f points, in {file}": "1.0f {file}",
	} {
		if got := placeholders(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func TestEveryFileIsALanguage(t *testing.T) {
	found, err := fs.Glob(files, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, l := range Languages {
		want = append(want, l.Code+".json")
	}
	slices.Sort(want)
	if !slices.Equal(found, want) {
		t.Errorf("files %v, languages %v", found, want)
	}
}

// Every language has the same keys, with the same placeholders and endings.
func TestLanguagesAreComplete(t *testing.T) {
	base := Load(Languages[0].Code)
	if len(base.texts) < 400 {
		t.Fatalf("only %d texts", len(base.texts))
	}
	for _, l := range Languages[1:] {
		other := Load(l.Code)
		for key, s := range base.texts {
			o, ok := other.texts[key]
			switch {
			case !ok:
				t.Errorf("%s lacks %s", l.Code, key)
			case placeholders(s) != placeholders(o):
				t.Errorf("%s: %s takes %q, not %q", l.Code, key, placeholders(o), placeholders(s))
			case strings.HasSuffix(s, ".") != strings.HasSuffix(o, "."), strings.HasSuffix(s, " ") != strings.HasSuffix(o, " "):
				t.Errorf("%s: %s ends differently: %q, %q", l.Code, key, s, o)
			}
		}
		for key := range other.texts {
			if _, ok := base.texts[key]; !ok {
				t.Errorf("%s has %s, which %s lacks", l.Code, key, base.Language)
			}
		}
	}
}

// A key that is in a file twice would hide a text.
func TestFilesAreInOrder(t *testing.T) {
	for _, l := range Languages {
		data, err := files.ReadFile(l.Code + ".json")
		if err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(strings.NewReader(string(data)))
		last := ""
		for i := 0; dec.More() || i == 0; i++ {
			tok, err := dec.Token()
			if err != nil {
				t.Fatal(err)
			}
			key, ok := tok.(string)
			switch {
			case !ok || i%2 == 0:
			case key <= last:
				t.Errorf("%s: %s after %s", l.Code, key, last)
			default:
				last = key
			}
		}
	}
}

func TestTextsHaveNoStrayCharacters(t *testing.T) {
	for _, l := range Languages {
		for key, s := range Load(l.Code).texts {
			if strings.TrimSpace(s) == "" {
				t.Errorf("%s: %s is empty", l.Code, key)
			}
			if strings.Contains(s, " \n") || strings.Contains(s, "\t") {
				t.Errorf("%s: %s has blanks that do not show", l.Code, key)
			}
			if a := ASCII(s); strings.ContainsFunc(a, func(r rune) bool { return r > unicode.MaxASCII }) {
				t.Errorf("%s: %s has a letter that ASCII does not replace: %q", l.Code, key, a)
			}
		}
		if n := len(strings.Fields(Load(l.Code).T("months"))); n != 12 {
			t.Errorf("%s has %d months", l.Code, n)
		}
	}
}

// Labels of buttons fit in the width of a window.
func TestButtonsAreShort(t *testing.T) {
	source := literals(t)
	buttons := 0
	for _, key := range source.buttons {
		buttons++
		for _, l := range Languages {
			if s := Load(l.Code).T(key); utf8.RuneCountInString(s) > 36 {
				t.Errorf("%s: %s is too long for a button: %q", l.Code, key, s)
			}
		}
	}
	if buttons < 15 {
		t.Errorf("only %d buttons found", buttons)
	}
}

// source is the code of the programs and the window, where keys are used.
type source struct {
	strings map[string]string // string literals that may be keys, and where
	buttons []string          // keys of buttons
}

var (
	keyLike = regexp.MustCompile(`^\.?[a-z][a-z0-9]*([.-][A-Za-z0-9]+)*\.?$`)
	maker   = regexp.MustCompile(`^(new|primary)Button$`)
)

// literals reads the sources of all programs and of the window, for every system.
func literals(t *testing.T) source {
	t.Helper()
	found := source{strings: map[string]string{}}
	set := token.NewFileSet()
	for _, top := range []string{"../../cmd", ".."} {
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BasicLit:
					if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && keyLike.MatchString(s) {
						found.strings[s] = set.Position(n.Pos()).String()
					}
				case *ast.CallExpr:
					name, ok := n.Fun.(*ast.Ident)
					if !ok || !maker.MatchString(name.Name) || len(n.Args) == 0 {
						break
					}
					call, ok := n.Args[0].(*ast.CallExpr)
					if !ok || len(call.Args) != 1 {
						break
					}
					if lit, ok := call.Args[0].(*ast.BasicLit); ok {
						key, _ := strconv.Unquote(lit.Value)
						found.buttons = append(found.buttons, key)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(found.strings) < 300 {
		t.Fatalf("only %d strings found", len(found.strings))
	}
	return found
}

// suffixes may follow a key that the source names.
var suffix = regexp.MustCompile(`(\.(one|other))?(\.cli)?(\.(windows|linux|darwin))?$`)

// Every text is used: its key is in the source, or its beginning is, with a dot
// in it, or it is put together from two strings of the source.
func TestTextsAreUsed(t *testing.T) {
	used := literals(t).strings
	for key := range Load(Languages[0].Code).texts {
		stem := suffix.ReplaceAllString(key, "")
		ok := used[stem] != "" || used[key] != ""
		for i := 1; i < len(stem) && !ok; i++ {
			head, tail := stem[:i], stem[i:]
			ok = used[head] != "" && (strings.Contains(head, ".") || used[tail] != "" && strings.HasPrefix(tail, "."))
		}
		if !ok {
			t.Errorf("%s is not used", key)
		}
	}
}

// Every key that the source names has a text: a string with dots is a key, or
// the beginning of one, if its first word is the first word of one.
func TestUsedKeysHaveTexts(t *testing.T) {
	keys := Load(Languages[0].Code).texts
	first := map[string]bool{}
	for key := range keys {
		word, _, _ := strings.Cut(key, ".")
		first[word] = true
	}
	for s, place := range literals(t).strings {
		word, rest, dotted := strings.Cut(s, ".")
		if !dotted || rest == "" || !first[word] || slices.Contains([]string{".json", ".svg"}, filepath.Ext(s)) {
			continue
		}
		ok := false
		for key := range keys {
			ok = ok || strings.HasPrefix(key, s)
		}
		if !ok {
			t.Errorf("%s: no text for %s", place, s)
		}
	}
}

func TestLoadFallsBackToEnglish(t *testing.T) {
	for given, want := range map[string]string{
		"it": "it", "it-IT": "it", "it_CH.utf8@euro": "it", "it@euro": "it", "italian": "it", "Italian_Italy.1252": "it",
		"de_AT": "de", "german": "de", "fr": "en", "": "en", "C": "en", "C.UTF-8": "en", "POSIX": "en", "iu_CA.UTF-8": "en", "../it": "en",
	} {
		if got := Load(given).Language; got != want {
			t.Errorf("%q gives %s, want %s", given, got, want)
		}
	}
}

func TestLanguageComesFromEnvironment(t *testing.T) {
	tests := []struct {
		env  map[string]string
		want string
		utf8 bool
	}{
		{nil, "en", false},
		{map[string]string{"LANG": "it_IT.UTF-8"}, "it", true},
		{map[string]string{"LANG": "it_CH.utf8@euro"}, "it", true},
		{map[string]string{"LANG": "it"}, "it", false},
		{map[string]string{"LANG": "it@euro"}, "it", false},
		{map[string]string{"LANG": "italian"}, "it", false},
		{map[string]string{"LANG": "iu_CA.UTF-8"}, "en", true},
		{map[string]string{"LANG": "de_DE.UTF-8"}, "de", true},
		{map[string]string{"LANG": "it_IT.ISO-8859-1"}, "it", false},
		{map[string]string{"LANG": "en_GB.UTF-8", "LC_MESSAGES": "it_IT.UTF-8"}, "it", true},
		{map[string]string{"LANG": "it_IT.UTF-8", "LC_MESSAGES": "C"}, "en", true},
		{map[string]string{"LANG": "it_IT.UTF-8", "LC_ALL": "C.UTF-8", "LC_MESSAGES": "it_IT"}, "en", true},
		{map[string]string{"LANG": "it_IT.UTF-8", "LC_ALL": "POSIX"}, "en", false},
		{map[string]string{"LC_ALL": "", "LANG": "it_IT"}, "it", false},
	}
	for _, tt := range tests {
		get := func(name string) string { return tt.env[name] }
		if tt.env == nil && systemLocale() != "" {
			continue // the language of this machine
		}
		if got := Load(FromEnvironment(get)).Language; got != tt.want {
			t.Errorf("%v: language %q, want %q", tt.env, got, tt.want)
		}
		if got := UTF8(get); got != (tt.utf8 || systemUnicode) {
			t.Errorf("%v: UTF-8 %v, want %v", tt.env, got, tt.utf8)
		}
	}
}

func TestTextHasItsForms(t *testing.T) {
	c := &Catalogue{Language: "it", texts: map[string]string{
		"where": "in %[2]s ci sono %[1]d carte", "all": "100%",
		"tries.one": "%d tentativo", "tries.other": "%d tentativi", "tries.other.cli": "tentativi: %d",
	}}
	if got := c.T("where", 2, "tasca"); got != "in tasca ci sono 2 carte" {
		t.Errorf("got %q", got)
	}
	if got := c.T("all"); got != "100%" {
		t.Errorf("a text without arguments is formatted: %q", got)
	}
	if got := c.T("none", 1); got != "none" {
		t.Errorf("a key without a text: %q", got)
	}
	for n, want := range map[int]string{0: "0 tentativi", 1: "1 tentativo", 2: "2 tentativi"} {
		if got := c.N("tries", n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	cli := c.For("cli")
	if got := cli.N("tries", 1) + ", " + cli.N("tries", 2); got != "1 tentativo, tentativi: 2" {
		t.Errorf("the variant: %q", got)
	}
	if got := c.N("tries", 2); got != "2 tentativi" {
		t.Errorf("the catalogue after a variant was made of it: %q", got)
	}
}

func TestSystemAndVariantOfAText(t *testing.T) {
	system := "." + runtime.GOOS
	for _, tt := range []struct {
		keys []string
		want string
	}{
		{[]string{"k"}, "k"},
		{[]string{"k", "k.cli"}, "k.cli"},
		{[]string{"k", "k.cli", "k" + system}, "k" + system},
		{[]string{"k", "k.cli", "k" + system, "k.cli" + system}, "k.cli" + system},
		{[]string{"k", "k.plan9"}, "k"},
	} {
		c := &Catalogue{texts: map[string]string{}}
		for _, k := range tt.keys {
			c.texts[k] = k
		}
		if got := c.For("cli").T("k"); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.keys, got, tt.want)
		}
	}
}

func TestFillReplacesPlaces(t *testing.T) {
	c := &Catalogue{texts: map[string]string{"f": "{file} until {day}: {other}", "date": "%[1]d %[2]s %[3]d", "months": "I II III"}}
	if got := c.Fill("f", map[string]string{"file": "a", "day": "2034-03-02"}); got != "a until 2 III 2034: {other}" {
		t.Errorf("got %q", got)
	}
	if got := c.Fill("none", nil); got != "none" {
		t.Errorf("a key without a text: %q", got)
	}
}

func TestSentencesInsideOfOthers(t *testing.T) {
	for _, tt := range []struct{ language, given, want string }{
		{"it", "Il PIN è bloccato", "il PIN è bloccato"},
		{"it", "È scaduta", "è scaduta"},
		{"en", "PIN blocked", "PIN blocked"},
		{"en", "A card", "a card"},
		{"de", "Die PIN ist gesperrt", "Die PIN ist gesperrt"},
		{"en", "", ""},
	} {
		if got := Load(tt.language).Inside(tt.given); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.language, got, tt.want)
		}
	}
}

func TestDatesInEveryLanguage(t *testing.T) {
	day := time.Date(2031, 3, 18, 0, 0, 0, 0, time.UTC)
	for l, want := range map[string]string{"en": "18 March 2031", "it": "18 marzo 2031", "de": "18. März 2031"} {
		if got := Load(l).Date(day); got != want {
			t.Errorf("%s: %s", l, got)
		}
	}
	if got := Load("en").Date(time.Time{}); got != Load("en").T("unknown") {
		t.Errorf("no date: %q", got)
	}
}
