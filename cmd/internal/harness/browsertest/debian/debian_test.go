//go:build linux

package debian

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

func TestDifferenceListsChangedGoneAndNewFiles(t *testing.T) {
	before := map[string]string{"/a": "1", "/b": "2", "/c": "3"}
	after := map[string]string{"/a": "1", "/b": "two", "/d": "4"}
	want := []string{"changed: /b", "gone: /c", "new: /d"}
	if got := Difference(before, after); !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := Difference(before, before); len(got) != 0 {
		t.Errorf("%q between equals", got)
	}
}

func TestSnapshotSeesChangesOfTheSameSizeAndTime(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	fi, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	r := &Root{Dir: dir}
	before, err := r.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if same, err := r.Snapshot(); err != nil || !reflect.DeepEqual(same, before) {
		t.Fatalf("%v, %v", Difference(before, same), err)
	}
	time.Sleep(20 * time.Millisecond) // the clock of files has ticks
	write("two")
	if err := os.Chtimes(file, fi.ModTime(), fi.ModTime()); err != nil {
		t.Fatal(err)
	}
	after, err := r.Snapshot()
	if want := []string{"changed: /file"}; err != nil || !reflect.DeepEqual(Difference(before, after), want) {
		t.Errorf("%v, %v; want %v", Difference(before, after), err, want)
	}
}
