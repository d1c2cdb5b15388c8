package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// TestWaitsAreBounded checks that no loop without a bound sleeps, in tests, harnesses
// and programs: a loop with time.Sleep has a range, or it looks at a clock, a timer or
// a context, which ends it. Package await has such a loop for tests.
func TestWaitsAreBounded(t *testing.T) {
	loops := 0
	eachFile(t, func(path string, content []byte) {
		if !strings.HasSuffix(path, ".go") {
			return
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, content, 0)
		if err != nil {
			t.Error(err)
			return
		}
		for _, loop := range sleeping(file) {
			loops++
			if !bounded(loop) {
				t.Errorf("%s: a loop sleeps and has no bound", files.Position(loop.Pos()))
			}
		}
	})
	if loops < 10 {
		t.Errorf("%d loops that sleep in the whole tree", loops)
	}
}

func TestBoundsOfWaitsAreRecognised(t *testing.T) {
	tests := map[string]bool{
		`for { time.Sleep(1) }`:                                                         false,
		`for !ok() { time.Sleep(1) }`:                                                   false,
		`for ; ; time.Sleep(1) { if ok() { break } }`:                                   false,
		`for end := time.Now(); ; time.Sleep(1) { if ok() { break } }`:                  false,
		`for range 100 { time.Sleep(1) }`:                                               true,
		`for i := 0; i < 100; i++ { time.Sleep(1) }`:                                    true,
		`for !ok() { if time.Now().After(end) { t.Fatal() }; time.Sleep(1) }`:           true,
		`for start := time.Now(); time.Since(start) < 9; { time.Sleep(1) }`:             true,
		`for ctx.Err() == nil { time.Sleep(1) }`:                                        true,
		`for { select { case <-t.Context().Done(): return; default: }; time.Sleep(1) }`: true,
	}
	for body, want := range tests {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc f() {"+body+"}", 0)
		if err != nil {
			t.Fatal(err)
		}
		loops := sleeping(file)
		got := true
		for _, loop := range loops {
			got = got && bounded(loop)
		}
		if got != want {
			t.Errorf("%s: bounded %v, want %v", body, got, want)
		}
	}
}

// sleeping returns the loops with a condition, or none, that call time.Sleep
// themselves, not in an inner loop or function.
func sleeping(file *ast.File) (loops []*ast.ForStmt) {
	ast.Inspect(file, func(n ast.Node) bool {
		loop, ok := n.(*ast.ForStmt)
		if !ok {
			return true
		}
		found := false
		ast.Inspect(loop, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ForStmt:
				return n == loop
			case *ast.RangeStmt, *ast.FuncLit:
				return false
			case *ast.CallExpr:
				found = found || calls(n, "time", "Sleep")
			}
			return true
		})
		if found {
			loops = append(loops, loop)
		}
		return true
	})
	return loops
}

// bounded reports whether a loop counts, or whether its condition, post statement or
// body look at a clock or a context.
func bounded(loop *ast.ForStmt) (ok bool) {
	if _, counts := loop.Post.(*ast.IncDecStmt); counts && loop.Cond != nil {
		return true
	}
	look := func(n ast.Node) bool {
		if call, is := n.(*ast.CallExpr); is {
			ok = ok || calls(call, "time", "Now") || calls(call, "time", "Since") || calls(call, "time", "Until") ||
				calls(call, "", "Done") || calls(call, "", "Err")
		}
		return true
	}
	if loop.Cond != nil {
		ast.Inspect(loop.Cond, look)
	}
	ast.Inspect(loop.Body, look)
	return ok
}

// calls reports whether call is of a function of the package, or of a method if pkg is
// empty.
func calls(call *ast.CallExpr, pkg, name string) bool {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || f.Sel.Name != name {
		return false
	}
	x, ok := f.X.(*ast.Ident)
	return pkg == "" || ok && x.Name == pkg
}
