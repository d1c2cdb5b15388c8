// Package testvector reads test vectors that are no part of this repository:
// data of foreign cards and programs is in a directory
// shared/testvectors beside the checkout, for those who have it.
package testvector

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Read returns the file of that name. Where there is none in this or any
// directory above, it skips the test and names the directory.
func Read(t testing.TB, name string) []byte {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		data, err := os.ReadFile(filepath.Join(dir, "shared", "testvectors", name))
		if err == nil {
			return data
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	t.Skipf("shared/testvectors/%s is not beside this checkout: nothing was compared", name)
	return nil
}
