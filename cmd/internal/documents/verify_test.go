package documents

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"cie/card/ades"
)

func TestVerifyNamesWhatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	o := VerifyOptions{Verifier: &ades.Verifier{}}
	for _, tt := range []struct {
		file string
		as   func(error) bool
	}{
		{write("list.csv", "a,b\n"), func(err error) bool { _, ok := errors.AsType[*MessageError](err); return ok }},
		{write("cut.pdf", "%PDF-1.7\n"), func(err error) bool { _, ok := errors.AsType[*PDFError](err); return ok }},
		{dir, func(err error) bool { e, ok := errors.AsType[*FileError](err); return ok && e.Op == OpRegular }},
		{filepath.Join(dir, "none"), func(err error) bool { e, ok := errors.AsType[*FileError](err); return ok && e.Op == OpRead }},
	} {
		if v, err := Verify(t.Context(), tt.file, o); v != nil || !tt.as(err) {
			t.Errorf("%s: %v, %v", tt.file, v, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Verify(ctx, filepath.Join(dir, "list.csv"), o); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
}
