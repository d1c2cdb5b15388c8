package cardtest_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"cie/card/cardtest"
)

func load(t testing.TB, path string) (*cardtest.Card, *client) {
	t.Helper()
	card, err := cardtest.Load(path, cardtest.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	card.PowerOn()
	return card, &client{t: t, send: card.Exchange}
}

func TestStateSurvivesRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card.json")
	newPIN := []byte("10293847")

	_, c := load(t, path)
	c.authenticate()
	c.verify(0x63C2, 0x81, wrongCode())
	c.verify(0x63C9, 0x82, wrongCode())

	card, c := load(t, path)
	if pin, puk := card.Tries(); pin != 2 || puk != 9 {
		t.Fatalf("%d and %d tries after power-off", pin, puk)
	}
	c.authenticate()
	c.must(0x6982, 0xB0, 0x82, 0, nil, 0)
	c.verify(0x9000, 0x81, cardtest.DefaultPIN())
	c.must(0x9000, 0x24, 0, 0x81, append(cardtest.DefaultPIN(), newPIN...), -1)
	c.verify(0x63C2, 0x81, wrongCode())
	c.verify(0x63C1, 0x81, wrongCode())
	c.verify(0x6983, 0x81, wrongCode())

	card, c = load(t, path)
	if pin, puk := card.Tries(); pin != 0 || puk != 9 || !bytes.Equal(card.PIN(), newPIN) {
		t.Fatalf("%d and %d tries, PIN %s", pin, puk, card.PIN())
	}
	c.authenticate()
	c.verify(0x9000, 0x82, cardtest.DefaultPUK())
	c.must(0x9000, 0x2C, 3, 0x81, nil, -1)

	card, _ = load(t, path)
	if pin, puk := card.Tries(); pin != 3 || puk != 10 || !bytes.Equal(card.PIN(), newPIN) {
		t.Fatalf("%d and %d tries, PIN %s", pin, puk, card.PIN())
	}

	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode() != fs.FileMode(0o600) {
		t.Errorf("mode %v", info.Mode())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var shape struct{ Version int }
	if err := json.Unmarshal(b, &shape); err != nil || shape.Version != 1 {
		t.Errorf("version %d, %v", shape.Version, err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left over: %v", entries)
	}
}

func TestForeignStateIsRefused(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"empty":   "",
		"garbage": "no JSON",
		"version": `{"version":2,"nis":"999900000001","pin":"MTIzNDU2Nzg=","puk":"MTIzNDU2Nzg=","pin_tries":3,"puk_tries":10}`,
		"tries":   `{"version":1,"nis":"999900000001","pin":"MTIzNDU2Nzg=","puk":"MTIzNDU2Nzg=","pin_tries":4,"puk_tries":10}`,
		"code":    `{"version":1,"nis":"999900000001","pin":"MTIzNDU2","puk":"MTIzNDU2Nzg=","pin_tries":3,"puk_tries":10}`,
		"card":    `{"version":1,"nis":"999900000002","pin":"MTIzNDU2Nzg=","puk":"MTIzNDU2Nzg=","pin_tries":3,"puk_tries":10}`,
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := cardtest.Load(path, cardtest.Profile{}); err == nil {
			t.Errorf("%s: loaded", name)
		}
		if b, _ := os.ReadFile(path); string(b) != content {
			t.Errorf("%s: changed to %q", name, b)
		}
	}
	if _, err := cardtest.Load(filepath.Join(dir, "no", "such", "directory"), cardtest.Profile{}); err == nil {
		t.Error("no directory: loaded")
	}
}

// Of two cards with one file, the one that did not write last cannot change it any more.
func TestStateIsOfOneCardAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card.json")
	one, c1 := load(t, path)
	two, c2 := load(t, path)
	c1.authenticate()
	c2.authenticate()
	c1.verify(0x63C2, 0x81, wrongCode())
	c2.verify(0x6581, 0x81, wrongCode())
	c2.verify(0x9000, 0x81, cardtest.DefaultPIN()) // no change, so no write is necessary
	c2.must(0x6581, 0x24, 0, 0x81, append(cardtest.DefaultPIN(), wrongCode()...), -1)
	c1.verify(0x63C1, 0x81, wrongCode())
	if pin, _ := one.Tries(); pin != 1 {
		t.Errorf("%d tries", pin)
	}
	if pin, _ := two.Tries(); pin != 3 {
		t.Errorf("%d tries in the card that could not write", pin)
	}
}

// A change that cannot be stored does not happen.
func TestUnwritableStateRefusesChanges(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	card, c := load(t, filepath.Join(dir, "card.json"))
	c.authenticate()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	c.verify(0x6581, 0x81, wrongCode())
	c.verify(0x6581, 0x82, wrongCode())
	if pin, puk := card.Tries(); pin != 3 || puk != 10 {
		t.Errorf("%d and %d tries", pin, puk)
	}
}

const stateEnv = "CARDTEST_STATE_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(stateEnv); path != "" {
		stateChild(path)
	}
	os.Exit(m.Run())
}

// childT makes the client usable outside of a test.
type childT struct{ testing.TB }

func (childT) Helper() {}
func (childT) Fatalf(format string, args ...any) {
	fmt.Printf("fatal "+format+"\n", args...)
	os.Exit(3)
}
func (childT) Fatal(args ...any) { childT{}.Fatalf("%s", fmt.Sprint(args...)) }

// stateChild uses and restores tries until it is killed. It prints "do" and the action
// before, and "done" and the state after each response.
func stateChild(path string) {
	card, err := cardtest.Load(path, cardtest.Profile{})
	if err != nil {
		childT{}.Fatal(err)
	}
	card.PowerOn()
	c := &client{t: childT{}, send: card.Exchange}
	c.authenticate()
	report := func() {
		pin, puk := card.Tries()
		fmt.Printf("done %d %d %s\n", pin, puk, card.PIN())
	}
	report()
	pins := [][]byte{cardtest.DefaultPIN(), []byte("10293847")}
	if bytes.Equal(card.PIN(), pins[1]) {
		pins[0], pins[1] = pins[1], pins[0]
	}
	for {
		pin, puk := card.Tries()
		if pin > 0 {
			fmt.Printf("do %d %d %s\n", pin-1, puk, pins[0])
			c.do(0x20, 0, 0x81, wrongCode(), -1)
			report()
		}
		if pin, puk = card.Tries(); puk > 5 {
			fmt.Printf("do %d %d %s\n", pin, puk-1, pins[0])
			c.do(0x20, 0, 0x82, wrongCode(), -1)
			report()
		}
		pin, _ = card.Tries()
		fmt.Printf("do %d %d %s\n", pin, cardtest.MaxPUKTries, pins[0])
		c.verify(0x9000, 0x82, cardtest.DefaultPUK())
		report()
		fmt.Printf("do %d %d %s\n", cardtest.MaxPINTries, cardtest.MaxPUKTries, pins[1])
		c.must(0x9000, 0x2C, 2, 0x81, pins[1], -1)
		report()
		pins[0], pins[1] = pins[1], pins[0]
	}
}

// TestKill kills a process that uses a card, again and again, at moments it
// does not choose. The state it leaves is the one after its last answer or the
// one after the command that was under way, never another: no try is lost or
// gained, no PIN is half changed.
func TestKillLeavesStateOfACommand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card.json")
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	between := 0
	for round := range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), stateEnv+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		var done, do string
		seen, stopAt := 0, 1+rand.IntN(40)
		for lines.Scan() {
			kind, rest, _ := strings.Cut(lines.Text(), " ")
			switch kind {
			case "done":
				done, do = rest, ""
			case "do":
				do = rest
			default:
				t.Fatalf("child: %s", lines.Text())
			}
			if seen++; seen == stopAt {
				// Somewhere in the command under way, or behind it.
				<-time.After(time.Duration(rand.IntN(3000)) * time.Microsecond)
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		cmd.Wait()
		card, err := cardtest.Load(path, cardtest.Profile{})
		if err != nil {
			t.Fatal(err)
		}
		pin, puk := card.Tries()
		got := fmt.Sprintf("%d %d %s", pin, puk, card.PIN())
		switch got {
		case done:
		case do:
			between++
		default:
			t.Fatalf("round %d: state %q, answered %q, under way %q", round, got, done, do)
		}
	}
	t.Logf("%d of %d kills fell between storing and answering", between, rounds)
}

// Leftovers of a killed process are removed, but not a file that another card with a
// similar name is writing.
func TestLeftoversAreRemoved(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".card.123.tmp", ".card.json.123.tmp", ".other.123.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := cardtest.Load(filepath.Join(dir, "card"), cardtest.Profile{}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{".card.json.123.tmp", ".other.123.tmp", "card"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
}
