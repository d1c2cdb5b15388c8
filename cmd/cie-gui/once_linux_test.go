//go:build linux && x11

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"cie/cmd/internal/harness/await"
)

// lockedBuffer is what a program writes while it runs.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A second start whose first window does not appear reports it and continues, whether
// the first program is stopped or only its window is stuck.
func TestSecondStartSaysThatTheFirstIsSilent(t *testing.T) {
	p := newUser(t)
	p.desktopBus()
	p.start()
	p.face()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	second := await.Command(t, p.cmd.Path)
	var said lockedBuffer
	second.Env, second.Stderr, second.SysProcAttr = p.env, &said, withTest()
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- second.Wait() }()
	p.until("a message of the second start", func() bool { return strings.Contains(said.String(), "CIE è già aperto") })
	select {
	case err := <-ended:
		t.Errorf("the second start ends: %v\n%s", err, said.String())
	default:
		_ = second.Process.Kill()
		<-ended
	}
}

// The window prints nothing on the terminal, in locales without a language too.
func TestNoNoiseAboutTheLocale(t *testing.T) {
	dir := programs(t)
	for _, locale := range []string{"C.UTF-8", "POSIX.UTF-8", "C", "it_IT.UTF-8"} {
		cmd := await.Command(t, filepath.Join(dir, "cie-gui"), "-version")
		cmd.Env = []string{"PATH=/usr/bin", "HOME=" + t.TempDir(), "LC_ALL=" + locale}
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil || errs.Len() > 0 || out.Len() == 0 {
			t.Errorf("%s: %v\n%s", locale, err, errs.Bytes())
		}
	}
}

// A crash of the window leaves no core file, from its start on.
func TestWindowForbidsCoreFiles(t *testing.T) {
	p := newUser(t)
	p.start()
	p.face()
	limits, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "limits"))
	if err != nil || !regexp.MustCompile(`(?m)^Max core file size +0 +0 `).Match(limits) {
		t.Errorf("%v\n%s", err, limits)
	}
}
