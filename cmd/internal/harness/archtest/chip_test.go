package archtest

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cie/cmd/internal/harness/await"
)

// chipFiles are the files of package card below Session: the chip and its
// transactions, the errors, and the names of steps and losses. Whether a code may
// be sent, and what the Store and the state keep, is decided in the other files.
var chipFiles = []string{
	"channel.go", "chip.go", "code.go", "dialect.go", "errors.go", "family.go", "files.go", "getdata.go",
	"keys.go", "loss.go", "selection.go", "step.go", "terminal.go",
}

// buildInCard compiles files of package card as a package without the others.
func buildInCard(t *testing.T, flags []string, files []string) ([]byte, error) {
	t.Helper()
	cmd := await.Command(t, "go", append(append([]string{"build"}, flags...), files...)...)
	cmd.Dir = filepath.Join(root(t), "card")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly")
	return cmd.CombinedOutput()
}

func TestChipFilesCompileWithoutSession(t *testing.T) {
	if out, err := buildInCard(t, nil, chipFiles); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestChipFilesThatUseSessionDoNotCompile(t *testing.T) {
	const name = "breach.go"
	source := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(source, []byte("package card\n\nvar _ *Session\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root(t), "card", name): source}})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := buildInCard(t, []string{"-overlay", list}, append([]string{name}, chipFiles...))
	if err == nil || !strings.Contains(string(out), "undefined: Session") {
		t.Errorf("a use of Session in the chip's files: %v\n%s", err, out)
	}
}

// Methods of chip and transaction in another file could use Session.
func TestChipMethodsAreInChipFiles(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root(t), "card", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	methods := 0
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			receiver := f.Recv.List[0].Type
			if star, ok := receiver.(*ast.StarExpr); ok {
				receiver = star.X
			}
			if name, ok := receiver.(*ast.Ident); !ok || name.Name != "chip" && name.Name != "transaction" {
				continue
			}
			methods++
			if !slices.Contains(chipFiles, filepath.Base(path)) {
				t.Errorf("%s: method %s of the chip", filepath.Base(path), f.Name.Name)
			}
		}
	}
	if methods < 20 {
		t.Errorf("only %d methods of the chip found", methods)
	}
}
