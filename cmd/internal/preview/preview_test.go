package preview

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"testing"
)

// page returns a PDF with one page of 200 by 100 points and a black square of 50 in the
// lower left corner.
func page() []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var at []int
	content := "0 0 50 50 re f"
	for i, text := range []string{
		"<</Type /Catalog /Pages 2 0 R>>", "<</Type /Pages /Kids [3 0 R] /Count 1>>",
		"<</Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] /Contents 4 0 R>>",
		fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(content), content),
	} {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, text)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, o := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	return b.Bytes()
}

func TestDrawShowsThePage(t *testing.T) {
	dir := t.TempDir()
	r := &Renderer{Cache: filepath.Join(dir, "cache")}
	t.Cleanup(r.Close)
	write := func(name string, data []byte) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	letter, broken := write("letter.pdf", page()), write("broken.pdf", []byte("%PDF-1.4\nnothing"))
	draws := func() {
		t.Helper()
		img, err := r.Draw(t.Context(), letter, 1, 400)
		if err != nil {
			t.Fatal(err)
		}
		if size := img.Bounds().Size(); size.X != 400 || size.Y != 200 {
			t.Fatalf("the picture has %v", size)
		}
		black := func(x, y int) bool { return color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y < 128 }
		if !black(50, 150) || black(150, 150) || black(50, 50) {
			t.Error("the square is not where the page has it")
		}
	}
	draws()
	if entries, err := os.ReadDir(r.Cache); err != nil || len(entries) == 0 {
		t.Errorf("nothing in the cache: %v", err)
	}
	if _, err := r.Draw(t.Context(), letter, 2, 400); !errors.Is(err, ErrPage) {
		t.Errorf("a page that is not there: %v", err)
	}
	draws()
	for _, name := range []string{broken, filepath.Join(dir, "missing.pdf"), dir} {
		if _, err := r.Draw(t.Context(), name, 1, 400); err == nil {
			t.Errorf("%s was drawn", name)
		}
	}
	draws() // after what cannot be drawn
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Draw(ended, letter, 1, 400); !errors.Is(err, context.Canceled) {
		t.Errorf("a page that is no longer wanted: %v", err)
	}
	r.Close()
	draws() // it starts again
}
