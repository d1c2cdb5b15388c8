package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cie/cmd/internal/harness/await"
)

const (
	module = "cie"
	scard  = "github.com/ebfe/scard"
	fyne   = "fyne.io/fyne/v2"
)

// pkg is the part of a package that the rules look at.
type pkg struct {
	ImportPath string
	Name       string
	Standard   bool
	Imports    []string // direct imports, tests excluded
	Deps       []string // everything reached, itself excluded
}

// rule limits what the packages below one path may reach. Of this module they
// may reach only packages below the paths in module (and below their own path
// if own is set); of others everything that is not forbidden, or the standard
// library alone if stdOnly is set.
type rule struct {
	path      string
	except    []string // subtrees of path that have rules of their own
	own       bool
	module    []string // "path" is that package alone, "path/..." the tree below it too
	stdOnly   bool
	forbidden []string // import paths and everything below them
}

// rules, one per row of the layout: imports point one way.
var rules = []rule{
	{path: "cie/apdu", except: []string{"cie/apdu/apdutest", "cie/apdu/sm", "cie/apdu/readers", "cie/apdu/pcsc", "cie/apdu/printable"}, stdOnly: true},
	{path: "cie/apdu/printable", own: true, stdOnly: true},
	{path: "cie/apdu/apdutest", own: true, module: []string{"cie/apdu"}, stdOnly: true},
	{path: "cie/apdu/sm", own: true, module: []string{"cie/apdu"}, forbidden: []string{scard}},
	{path: "cie/apdu/readers", own: true, module: []string{"cie/apdu"}, stdOnly: true},
	{path: "cie/apdu/pcsc", except: []string{"cie/apdu/pcsc/pcscd"}, own: true, module: []string{"cie/apdu", "cie/apdu/readers", "cie/apdu/printable"}},
	{path: "cie/apdu/pcsc/pcscd", own: true, stdOnly: true},
	{path: "cie/card", except: []string{"cie/card/cardtest"}, own: true,
		module: []string{"cie/apdu", "cie/apdu/sm", "cie/apdu/printable"}, forbidden: []string{scard, "testing", "cie/card/cardtest"}},
	// Signing and verifying documents is reviewed and tested without a card and
	// connects to nothing: callers hand in what fetches.
	{path: "cie/card/ades", own: true, module: []string{"cie/apdu", "cie/apdu/printable", "cie/card/identity", "cie/card/internal/rawcert", "cie/card/internal/regular"},
		forbidden: []string{scard, "testing", "net/http", "cie/card/cardtest"}},
	{path: "cie/card/cardtest", except: []string{"cie/card/cardtest/stack"}, own: true, module: []string{"cie/apdu", "cie/apdu/readers"}, forbidden: []string{scard, "testing"}},
	{path: "cie/card/cardtest/stack", own: true, module: []string{"cie/apdu", "cie/apdu/readers", "cie/apdu/pcsc/pcscd", "cie/card/cardtest/..."}, forbidden: []string{scard, "testing"}},
	{path: "cie/pkcs11mod", own: true, module: []string{"cie/apdu", "cie/apdu/readers", "cie/apdu/sm", "cie/apdu/printable", "cie/card/..."},
		forbidden: []string{scard, "testing", "cie/card/cardtest"}},
	{path: "cie/gui/text", stdOnly: true},
	{path: "cie/gui", except: []string{"cie/gui/text"}, own: true, module: []string{"cie/apdu", "cie/apdu/sm", "cie/apdu/printable", "cie/card/...", "cie/gui/text"},
		forbidden: []string{scard, fyne + "/app", "cie/card/cardtest"}},
	{path: "cie/installer/browsers", own: true, forbidden: []string{scard, fyne}},
	{path: "cie/installer/packaging/linux", stdOnly: true},
	{path: "cie/installer/packaging/sbom", stdOnly: true},
	{path: "cie/installer/packaging/windows/mkico", forbidden: []string{scard}},
	// No shipped program has a virtual card in it but cie-virtual, and the window
	// for its demonstration.
	// The agent of Windows' key storage provider, and the box in which it asks for the PIN.
	{path: "cie/cmd/internal/kspagent", own: true, module: []string{"cie/apdu/...", "cie/card/...", "cie/pkcs11mod/..."},
		forbidden: []string{scard, "testing", "cie/card/cardtest", fyne}},
	{path: "cie/cmd/internal/pinbox", own: true, module: []string{"cie/apdu/...", "cie/card/...", "cie/pkcs11mod/...", "cie/gui/text", "cie/cmd/internal/kspagent"},
		forbidden: []string{scard, "testing", "cie/card/cardtest", fyne}},
	{path: "cie/cmd/cie-pkcs11", own: true, module: []string{"cie/apdu/...", "cie/card/...", "cie/pkcs11mod/...", "cie/gui/text", "cie/cmd/internal/..."},
		forbidden: []string{"testing", "cie/card/cardtest", "cie/apdu/pcsc/pcscd", fyne}},
	{path: "cie/cmd/cie", own: true, module: []string{"cie/apdu/...", "cie/card/...", "cie/pkcs11mod/...", "cie/installer/browsers/...", "cie/gui/text", "cie/cmd/internal/..."},
		forbidden: []string{"testing", "cie/card/cardtest", "cie/apdu/pcsc/pcscd", fyne}},
	// The engine of the window has the types of gui, and the virtual card of the
	// demonstration; only cie-gui starts the toolkit.
	{path: "cie/cmd/internal/desktop", own: true, module: []string{"cie/apdu/...", "cie/card/...", "cie/pkcs11mod/...", "cie/gui/...", "cie/installer/browsers/...", "cie/cmd/internal/..."},
		forbidden: []string{"testing", fyne + "/app", "cie/card/cardtest/vpcd", "cie/apdu/pcsc/pcscd"}},
	{path: "cie/cmd/cie-gui", own: true, module: []string{"cie/apdu/...", "cie/card/...", "cie/pkcs11mod/...", "cie/gui/...", "cie/installer/browsers/...", "cie/cmd/internal/..."},
		forbidden: []string{"testing", "cie/card/cardtest/vpcd", "cie/apdu/pcsc/pcscd"}},
}

// guiTags choose the toolkit's driver on Linux: without them cmd/cie-gui has no files.
const guiTags = "-tags=x11,migrated_fynedo"

// connecting are the packages that may import net/http: the one that fetches for
// time stamps and revocation, and the servers of tests and of the demonstration.
var connecting = []string{
	"cie/cmd/internal/online",
	"cie/cmd/internal/loopback", "cie/cmd/internal/harness/browsertest", "cie/card/cardtest/authority",
}

// below reports whether path is tree or is in it.
func below(path, tree string) bool {
	return path == tree || strings.HasPrefix(path, tree+"/")
}

func (r rule) covers(path string) bool {
	return below(path, r.path) && !slices.ContainsFunc(r.except, func(e string) bool { return below(path, e) })
}

func (r rule) allows(dep pkg) bool {
	if slices.ContainsFunc(r.forbidden, func(f string) bool { return below(dep.ImportPath, f) }) {
		return false
	}
	if dep.Standard {
		return true
	}
	if !below(dep.ImportPath, module) {
		return !r.stdOnly
	}
	if r.own && r.covers(dep.ImportPath) {
		return true
	}
	return slices.ContainsFunc(r.module, func(m string) bool {
		tree, all := strings.CutSuffix(m, "/...")
		return dep.ImportPath == tree || all && below(dep.ImportPath, tree)
	})
}

// violations lists the imports that break a rule, and importers of scard other
// than apdu/pcsc, as sentences.
func violations(graph map[string]pkg) []string {
	var found []string
	for _, p := range graph {
		if !below(p.ImportPath, module) {
			continue
		}
		if slices.Contains(p.Imports, scard) && p.ImportPath != "cie/apdu/pcsc" {
			found = append(found, fmt.Sprintf("%s imports %s; only cie/apdu/pcsc may", p.ImportPath, scard))
		}
		allowed := slices.ContainsFunc(connecting, func(c string) bool { return below(p.ImportPath, c) })
		if slices.Contains(p.Imports, "net/http") && !allowed {
			found = append(found, fmt.Sprintf("%s imports net/http; only %s may", p.ImportPath, strings.Join(connecting, ", ")))
		}
		for _, imported := range p.Imports {
			if graph[imported].Name == "main" {
				found = append(found, fmt.Sprintf("%s imports the program %s", p.ImportPath, imported))
			}
		}
		for _, r := range rules {
			if !r.covers(p.ImportPath) {
				continue
			}
			for _, d := range p.Deps {
				if !r.allows(graph[d]) {
					found = append(found, fmt.Sprintf("%s reaches %s", p.ImportPath, d))
				}
			}
		}
	}
	slices.Sort(found)
	return found
}

// root returns the directory of go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}

// goCommand runs go in the root of the module. Cgo is on for listing, so that
// files behind a cgo build tag are seen; no C compiler is needed for that.
func goCommand(t *testing.T, cgo bool, args ...string) []byte {
	t.Helper()
	cmd := await.Command(t, "go", args...)
	cmd.Dir = root(t)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if cgo {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

func loadGraph(t *testing.T) map[string]pkg {
	t.Helper()
	graph := make(map[string]pkg)
	dec := json.NewDecoder(bytes.NewReader(goCommand(t, true, "list", guiTags, "-e", "-deps", "-json=ImportPath,Name,Standard,Imports,Deps", "./...")))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return graph
		} else if err != nil {
			t.Fatal(err)
		}
		graph[p.ImportPath] = p
	}
}

func TestImportsPointOneWay(t *testing.T) {
	graph := loadGraph(t)
	for _, r := range rules {
		if graph[r.path].Name == "" {
			t.Errorf("go list does not show %s: its rule would check nothing", r.path)
		}
	}
	for _, v := range violations(graph) {
		t.Error(v)
	}
}

// The rules are only worth something if a breach is noticed.
func TestRulesNoticeABreach(t *testing.T) {
	tests := []struct {
		importer, imported string
		ok                 bool
	}{
		{"cie/apdu", "fmt", true},
		{"cie/apdu", "golang.org/x/sys/unix", false},
		{"cie/apdu", "cie/apdu/sm", false},
		{"cie/apdu/sm", "cie/apdu", true},
		{"cie/apdu/sm", "cie/card", false},
		{"cie/apdu/sm", "cie/card/cardtest", false},
		{"cie/apdu/readers", "cie/apdu", true},
		{"cie/apdu/readers", "cie/apdu/pcsc", false},
		{"cie/apdu/readers", scard, false},
		{"cie/apdu", "cie/apdu/readers", false},
		{"cie/apdu/pcsc", "cie/apdu/readers", true},
		{"cie/card", "cie/apdu/readers", false},
		{"cie/card/cardtest", "cie/apdu/readers", true},
		{"cie/apdu/pcsc", scard, true},
		{"cie/apdu/pcsc/pcscd", scard, false},
		{"cie/card", "cie/apdu/sm", true},
		{"cie/card", "cie/card/sod", true},
		{"cie/card", "cie/apdu/pcsc", false},
		{"cie/card", scard, false},
		{"cie/card/sod", "cie/card/cardtest", false},
		{"cie/card/ades", "cie/card/identity", true},
		{"cie/card/ades/pdf", "cie/card/ades/cms", true},
		{"cie/card/ades/cms", "cie/card/internal/rawcert", true},
		{"cie/card/ades", "cie/card", false},
		{"cie/card/ades/tsp", "net/http", false},
		{"cie/card/ades", "cie/card/cardtest", false},
		{"cie/card/cardtest", "cie/apdu", true},
		{"cie/card/cardtest", "cie/apdu/sm", false},
		{"cie/card/cardtest", "cie/card", false},
		{"cie/card/cardtest", "cie/card/sod", false},
		{"cie/card/cardtest", "testing", false},
		{"cie/card/cardtest/vpcd", "cie/card/cardtest", true},
		{"cie/card/cardtest/vpcd", "cie/apdu/pcsc/pcscd", false},
		{"cie/card/cardtest/stack", "cie/apdu/pcsc/pcscd", true},
		{"cie/card/cardtest/stack", "cie/apdu/pcsc", false},
		{"cie/card/cardtest/stack", "testing", false},
		{"cie/pkcs11mod", "cie/card", true},
		{"cie/pkcs11mod", "cie/apdu/readers", true},
		{"cie/pkcs11mod", "cie/apdu/pcsc", false},
		{"cie/gui", fyne + "/widget", true},
		{"cie/gui", fyne + "/app", false},
		{"cie/gui", "cie/gui/text", true},
		{"cie/gui/text", "encoding/json", true},
		{"cie/gui/text", "golang.org/x/sys/windows", false},
		{"cie/gui/text", fyne, false},
		{"cie/gui/text", "cie/card", false},
		{"cie/gui", "cie/pkcs11mod", false},
		{"cie/installer/browsers", "cie/card", false},
		{"cie/cmd/cie-pkcs11", "cie/apdu/pcsc", true},
		{"cie/cmd/cie-pkcs11", "cie/card/cardtest", false},
		{"cie/cmd/cie", "cie/card/cardtest", false},
		{"cie/cmd/cie", "cie/apdu/pcsc/pcscd", false},
		{"cie/cmd/cie-virtual", "cie/card/cardtest", true},
		{"cie/cmd/cie", scard, false},
		{"cie/cmd/cie", "cie/gui/text", true},
		{"cie/cmd/cie", "cie/gui", false},
		{"cie/cmd/cie", "cie/cmd/internal/online", true},
		{"cie/cmd/cie", "net/http", false},
		{"cie/gui", "net/http", false},
		{"cie/gui", "cie/cmd/internal/desktop", false},
		{"cie/cmd/internal/desktop", "cie/gui", true},
		{"cie/cmd/internal/desktop", "cie/card/cardtest", true},
		{"cie/cmd/internal/desktop", "cie/card/cardtest/vpcd", false},
		{"cie/cmd/internal/desktop", fyne + "/app", false},
		{"cie/cmd/cie-gui", fyne + "/app", true},
		{"cie/cmd/cie-gui", "cie/card/cardtest/vpcd", false},
		{"cie/cmd/cie-gui", "cie/apdu/pcsc/pcscd", false},
		{"cie/cmd/internal/online", "net/http", true},
	}
	for _, tt := range tests {
		graph := map[string]pkg{
			tt.importer: {ImportPath: tt.importer, Imports: []string{tt.imported}, Deps: []string{tt.imported}},
			tt.imported: {ImportPath: tt.imported, Standard: !strings.Contains(tt.imported, ".") && !below(tt.imported, module)},
		}
		got := violations(graph)
		if (len(got) == 0) != tt.ok {
			t.Errorf("%s importing %s: violations %q, want ok=%v", tt.importer, tt.imported, got, tt.ok)
		}
	}
}

// pkcs11mod and everything below it, and the virtual card, need no C compiler.
func TestBuildsWithoutCgo(t *testing.T) {
	var pure []string
	for path := range loadGraph(t) {
		for _, tree := range []string{"cie/apdu", "cie/card", "cie/pkcs11mod", "cie/gui/text", "cie/installer"} {
			if below(path, tree) && path != "cie/apdu/pcsc" {
				pure = append(pure, path)
			}
		}
	}
	slices.Sort(pure)
	goCommand(t, false, append([]string{"build"}, pure...)...)
}
