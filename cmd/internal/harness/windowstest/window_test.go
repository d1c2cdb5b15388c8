//go:build linux

package windowstest

import (
	"bytes"
	"debug/pe"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cie/cmd/internal/harness/await"
	"cie/cmd/internal/harness/screen"
)

// TestWindow opens the window that make windows has built, with a virtual card,
// on a screen in memory. It draws with OpenGL in software.
func TestWindow(t *testing.T) {
	dist := os.Getenv("CIE_WINDOWS_DIST")
	if dist == "" {
		t.Skip("NOT TESTED here: the window is built and opened by make windows")
	}
	need(t, "Xvfb", "xdotool")
	exe := filepath.Join(dist, "windows", "cie-gui.exe")
	f, err := pe.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	header, ok := f.OptionalHeader.(*pe.OptionalHeader64)
	resources := f.Section(".rsrc")
	f.Close()
	if !ok || header.Subsystem != pe.IMAGE_SUBSYSTEM_WINDOWS_GUI || resources == nil {
		t.Fatalf("%s is no program with a window and resources", exe)
	}

	x, err := screen.Start(1280, 900)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Stop()

	cmd := wine(t, exe, "-demo")
	stopWine() // its desktop was started without a screen
	cmd.Env = append(append(cmd.Env, x.Env()...), "LIBGL_ALWAYS_SOFTWARE=1")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		search := await.Command(t, "xdotool", "search", "--onlyvisible", "--name", "CIE")
		search.Env = append(os.Environ(), x.Env()...)
		if out, err := search.Output(); err == nil && len(strings.TrimSpace(string(out))) > 0 {
			return
		}
		select {
		case err := <-ended:
			t.Fatalf("the window closes at once: %v\n%s", err, said.String())
		default:
		}
		if time.Now().After(end) {
			t.Fatal("no window appears")
		}
	}
}
