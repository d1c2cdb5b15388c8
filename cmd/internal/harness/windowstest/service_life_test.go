//go:build linux

package windowstest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"cie/card/cardtest"
	"cie/cmd/internal/harness/rotation"
)

// step is one run of the command line.
type step struct {
	args  []string
	stdin []string // codes, one per line
	fd3   string   // code on file descriptor 3, "" for none
	fd7   string
	code  int // exit code
	pin   int // tries left on the card afterwards
	puk   int
}

// life returns what a card of the tests goes through. Every code is spent with
// every way to present one. Cards that do not say how many tries are left get
// the PUK only with --allow-last-try.
func life() []step {
	pin, puk := string(cardtest.DefaultPIN()), string(cardtest.DefaultPUK())
	const wrong, second, third = "90817263", "86427531", "75318642"
	return []step{
		{args: []string{"readers"}, pin: 3, puk: 10},
		{args: []string{"status"}, pin: 3, puk: 10},
		{args: []string{"pin", "verify", "--pin-fd", "0"}, stdin: []string{wrong}, code: 4, pin: 2, puk: 10},
		{args: []string{"pin", "verify", "--pin-fd", "3"}, fd3: pin, pin: 3, puk: 10},
		{args: []string{"pin", "change", "--pin-fd", "3", "--new-pin-fd", "7"}, fd3: pin, fd7: second, pin: 3, puk: 10},
		{args: []string{"cert", "--pin-fd", "0"}, stdin: []string{second}, pin: 3, puk: 10},
		{args: []string{"sign", "letter", "--format", "raw", "--pin-fd", "3"}, fd3: second, pin: 3, puk: 10},
		{args: []string{"pin", "verify", "--pin-fd", "3"}, fd3: pin, code: 4, pin: 2, puk: 10},
		{args: []string{"pin", "unblock", "--allow-last-try", "--puk-fd", "3", "--new-pin-fd", "7"}, fd3: wrong, fd7: third, code: 4, pin: 2, puk: 9},
		{args: []string{"pin", "unblock", "--allow-last-try", "--puk-fd", "0", "--new-pin-fd", "0"}, stdin: []string{puk, third}, pin: 3, puk: 10},
	}
}

// blocked returns the way to a blocked PIN and back.
func blocked() []step {
	pin, puk := string(cardtest.DefaultPIN()), string(cardtest.DefaultPUK())
	const wrong, second = "90817263", "86427531"
	return []step{
		{args: []string{"pin", "verify", "--pin-fd", "0"}, stdin: []string{wrong}, code: 4, pin: 2, puk: 10},
		{args: []string{"pin", "change", "--pin-fd", "0", "--new-pin-fd", "0"}, stdin: []string{wrong, second}, code: 4, pin: 1, puk: 10},
		{args: []string{"pin", "verify", "--pin-fd", "0"}, stdin: []string{wrong}, code: 8, pin: 1, puk: 10},
		{args: []string{"pin", "verify", "--allow-last-try", "--pin-fd", "0"}, stdin: []string{wrong}, code: 5, pin: 0, puk: 10},
		{args: []string{"pin", "verify", "--allow-last-try", "--pin-fd", "0"}, stdin: []string{pin}, code: 5, pin: 0, puk: 10},
		{args: []string{"pin", "unblock", "--allow-last-try", "--puk-fd", "0", "--new-pin-fd", "0"}, stdin: []string{puk, second}, pin: 3, puk: 10},
		{args: []string{"pin", "verify", "--allow-last-try", "--pin-fd", "0"}, stdin: []string{second}, pin: 3, puk: 10},
	}
}

// doctor examines card and module; it takes longer than the other steps.
var doctor = step{args: []string{"doctor", "--module", "cie-pkcs11"}, pin: 3, puk: 10}

// virtualCard is a name and the options of cie-virtual for a card with it.
type virtualCard struct {
	name string
	args []string
}

// cards returns those that refuse everything that only newer clients send, and a quarter a
// day of the others: one of every chip family, and those whose PIN will be blocked.
func cards() []virtualCard {
	others := []virtualCard{{"NXP-blocked", []string{"--family", "NXP"}}, {"bare-blocked", []string{"--family", "bare"}}}
	for _, f := range cardtest.Families() {
		others = append(others, virtualCard{f.String(), []string{"--family", f.String()}})
	}
	strict := []string{"--strict", "all"}
	all := append([]virtualCard{{"strict", strict}, {"strict-blocked", strict}}, rotation.Today(others, 4)...)
	// What a program remembers of one card must not speak of another one.
	for i := range all {
		all[i].args = append(all[i].args[:2:2], "--nis", strconv.Itoa(999900000100+i))
	}
	return all
}

// TestServiceLife expects the program for Windows to answer as the one for
// Linux does, with the same exit codes and the same tries left on the card, on
// every chip family within four days.
func TestServiceLife(t *testing.T) {
	t.Parallel()
	var queue sync.Mutex
	todo := cards()
	next := func() (c virtualCard, ok bool) {
		queue.Lock()
		defer queue.Unlock()
		if len(todo) > 0 {
			c, ok, todo = todo[0], true, todo[1:]
		}
		return c, ok
	}
	for i := range 2 {
		t.Run(fmt.Sprint("service ", i+1), func(t *testing.T) {
			t.Parallel()
			s := startService(t)
			for c, ok := next(); ok; c, ok = next() {
				t.Run(c.name, func(t *testing.T) {
					steps := life()
					if strings.HasSuffix(c.name, "-blocked") {
						steps = blocked()
					}
					s.compare(t, c.name, c.args, append(steps, doctor))
				})
			}
		})
	}
}

// compare sends two equal cards through the same steps, one with the program
// for Windows and one with the one for Linux.
func (s *service) compare(t *testing.T, name string, card []string, steps []step) {
	t.Helper()
	windows := s.live(t, name+"-windows", card, steps, func(st step) result { return s.windows(t, name, st) })
	linux := s.live(t, name+"-linux", card, steps, func(st step) result { return s.unix(t, name, st) })
	for i, st := range steps {
		if windows[i] != linux[i] {
			t.Errorf("%v: for Windows\n%s\nfor Linux\n%s", st.args, windows[i], linux[i])
		}
	}
}

// live runs steps on a new card and returns their answers and commands.
func (s *service) live(t *testing.T, name string, card []string, steps []step, run func(step) result) []string {
	t.Helper()
	state := name + ".state"
	if err := os.Remove(filepath.Join(s.dir, state)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	traffic, trace := s.record(t, name)
	remove := s.insert(t, slices.Concat([]string{"--state", "/mnt/" + state}, trace, card)...)
	defer remove()
	modules := strings.NewReplacer(strings.ReplaceAll(moduleDLL, `\`, `\\`), "MODULE", moduleSO, "MODULE")
	var answers []string
	for _, st := range steps {
		var r result
		commands, _ := traffic.during(t, func() { r = run(st) })
		if r.code != st.code {
			t.Errorf("%s, %v: exit code %d, want %d\n%s%s", name, st.args, r.code, st.code, r.stdout, r.stderr)
		}
		if !json.Valid([]byte(r.stdout)) || r.stderr != "" {
			t.Errorf("%s, %v: not JSON alone:\n%s%s", name, st.args, r.stdout, r.stderr)
		}
		if pin, puk := s.tries(t, state); pin != st.pin || puk != st.puk {
			t.Errorf("%s, %v: the card has %d and %d tries left, want %d and %d", name, st.args, pin, puk, st.pin, st.puk)
		}
		answers = append(answers, fmt.Sprintf("exit code %d, %d commands %v\n%s", r.code, len(commands), commands, modules.Replace(r.stdout)))
	}
	return answers
}

// tries returns the tries that are left according to the state file of a card.
func (s *service) tries(t testing.TB, state string) (pin, puk int) {
	t.Helper()
	var left struct {
		PIN int `json:"pin_tries"`
		PUK int `json:"puk_tries"`
	}
	content, err := os.ReadFile(filepath.Join(s.dir, state))
	if err == nil {
		err = json.Unmarshal(content, &left)
	}
	if err != nil {
		t.Fatal(err)
	}
	return left.PIN, left.PUK
}

// write makes a file of the shared directory and returns its name.
func (s *service) write(t *testing.T, name, content string) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// windows runs a step with cie.exe; descriptors are those of the C runtime.
func (s *service) windows(t *testing.T, name string, st step) result {
	t.Helper()
	args := []string{`Z:\mnt\cie.exe`}
	for _, a := range st.args {
		switch a {
		case "letter":
			a = `Z:\mnt\` + s.write(t, "letter", "Dear reader")
		case "cie-pkcs11":
			a = moduleDLL
		}
		args = append(args, a)
	}
	args = append(args, "--json")
	stdin := strings.Join(st.stdin, "\r\n")
	if st.fd3 == "" && st.fd7 == "" {
		return s.run(t, stdin, "cie.exe", args[1:]...)
	}
	var files []string
	if st.fd3 != "" {
		files = append(files, "3", `Z:\mnt\`+s.write(t, name+".3", st.fd3+"\r\n"))
	}
	if st.fd7 != "" {
		files = append(files, "7", `Z:\mnt\`+s.write(t, name+".7", st.fd7))
	}
	return s.run(t, stdin, "spawn.exe", append(append(files, "--"), args...)...)
}

// unix runs a step with the program for Linux.
func (s *service) unix(t *testing.T, name string, st step) result {
	t.Helper()
	line := "exec /mnt/cie"
	for _, a := range st.args {
		switch a {
		case "letter":
			a = "/mnt/" + s.write(t, "letter", "Dear reader")
		case "cie-pkcs11":
			a = moduleSO
		}
		line += " " + a
	}
	line += " --json"
	if st.fd3 != "" {
		line += " 3</mnt/" + s.write(t, name+".3", st.fd3)
	}
	if st.fd7 != "" {
		line += " 7</mnt/" + s.write(t, name+".7", st.fd7)
	}
	return execute(t, s.command("sh", "-c", line), strings.Join(st.stdin, "\n"))
}
