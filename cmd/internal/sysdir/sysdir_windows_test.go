package sysdir

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"
)

func TestConfigIsWhereWindowsPutsPrograms(t *testing.T) {
	programs, err := windows.KnownFolderPath(windows.FOLDERID_ProgramFiles, windows.KF_FLAG_DEFAULT)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := Config("csca"), filepath.Join(programs, "CIE", "csca"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
