//go:build linux

package debian

import (
	"reflect"
	"testing"
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
