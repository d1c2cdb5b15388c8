//go:build unix

package buildtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBuildNamesMissingPackages: make build and make gui name the packages that
// are missing and the command that installs them, and run no other command.
func TestBuildNamesMissingPackages(t *testing.T) {
	bin := t.TempDir()
	for name, script := range map[string]string{
		"dpkg-query": "exit 1",
		"apt-get":    "touch " + filepath.Join(bin, "installed"),
		"sudo":       "touch " + filepath.Join(bin, "installed"),
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for target, pkg := range map[string]string{"build": "libpcsclite-dev", "gui": "libgl1-mesa-dev"} {
		cmd := exec.Command("make", target)
		cmd.Dir, cmd.Env = root(t), append(plainEnv(), "PATH="+bin+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if text := string(out); err == nil || !strings.Contains(text, pkg+":") || !strings.Contains(text, "apt-get install") || strings.Contains(text, "go build") {
			t.Errorf("make %s: %v\n%s", target, err, out)
		}
	}
	if _, err := os.Stat(filepath.Join(bin, "installed")); err == nil {
		t.Error("something was installed")
	}
}
