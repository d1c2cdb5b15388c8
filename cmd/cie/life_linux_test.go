package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"cie/apdu/pcsc/pcscd"
	"cie/card/cardtest"
	"cie/card/cardtest/vpcd"
)

// startPCSC starts a private service and lays cards on its readers.
func startPCSC(t testing.TB, cards ...*cardtest.Card) *pcscd.Daemon {
	t.Helper()
	d, err := pcscd.Start(context.Background(), pcscd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Stop)
	for slot, c := range cards {
		layCard(t, d, slot, c)
	}
	return d
}

// layCard lays a card on a reader; the function that it returns takes it away.
func layCard(t testing.TB, d *pcscd.Daemon, slot int, c *cardtest.Card) (remove func()) {
	t.Helper()
	conn, err := d.Dial(slot)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = vpcd.ServeConn(ctx, quickACK{conn}, c)
	}()
	remove = func() { cancel(); <-gone }
	t.Cleanup(remove)
	return remove
}

// watchUntil runs "cie watch" against the service until n cards were inserted.
func watchUntil(t testing.TB, env []string, n int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cmd := exec.CommandContext(ctx, "cie", "watch", "--json")
	cmd.Env = env
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); _ = cmd.Wait() }()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var e eventJSON
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%s: %v", lines.Bytes(), err)
		}
		if e.Event == "card-inserted" {
			n--
		}
		if n == 0 {
			return
		}
	}
	t.Fatal("the service does not notice the cards")
}

// The life of a card through a PC/SC service, for every family of chips.
func TestLifePCSC(t *testing.T) {
	for _, family := range cardtest.Families() {
		t.Run(family.String(), func(t *testing.T) {
			t.Parallel()
			p := scripts("testdata/life")
			p.Setup = func(e *testscript.Env) error {
				c, err := cardtest.New(cardtest.Profile{Family: family})
				if err != nil {
					return err
				}
				d := startPCSC(t, c)
				if err := setUpScript(e, d.Env()...); err != nil {
					return err
				}
				watchUntil(t, append(os.Environ(), d.Env()...), 1)
				return os.Remove(filepath.Join(e.WorkDir, "desk"))
			}
			testscript.Run(t, p)
		})
	}
}

// Every way a demonstration can end leaves nothing behind.
func TestDemoCleansUp(t *testing.T) {
	tmp := t.TempDir()
	cmd := exec.Command("cie", "demo", "--json")
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantEmpty(t, tmp)
	var answer demoJSON
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatal(err)
	}
	if !answer.OK || len(answer.Steps) != 8 {
		t.Errorf("%s", out)
	}
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// processes are the command lines of running processes that mention text.
func processes(t *testing.T, text string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range files {
		line, err := os.ReadFile(f)
		if err == nil && strings.Contains(string(line), text) {
			found = append(found, fmt.Sprintf("%s: %q", filepath.Base(filepath.Dir(f)), line))
		}
	}
	return found
}
