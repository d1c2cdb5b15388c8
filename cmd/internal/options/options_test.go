package options

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"cie/card"
	"cie/card/cardtest"
	"cie/card/sod"
	"cie/card/state"
)

// write puts a file into the directory name below dir, and returns that directory.
func write(t *testing.T, dir, name, file string, data []byte) string {
	t.Helper()
	dir = filepath.Join(dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// added returns the names of country signers that are not built in.
func added(opts card.Options) []string {
	builtin := sod.BuiltinRoots().Names()
	return slices.DeleteFunc(opts.Roots.Names(), func(n string) bool { return slices.Contains(builtin, n) })
}

func TestCardUsesWhatItCanAndReportsTheRest(t *testing.T) {
	dir := t.TempDir()
	s := Sources{
		Store: func() (card.Store, error) { return nil, os.ErrPermission },
		State: func() (*state.Store, error) { return nil, state.ErrDisabled },
		Anchors: []string{
			write(t, dir, "user", "broken.pem", []byte("no certificate")),
			filepath.Join(dir, "missing"),
			write(t, dir, "system", "virtual.pem", cardtest.CSCAPEM()),
		},
	}
	var reported []string
	opts := s.Card(func(source string, err error) { reported = append(reported, source) })
	if want := []string{"store", "state", s.Anchors[0]}; !slices.Equal(reported, want) {
		t.Errorf("reported %q, want %q", reported, want)
	}
	if opts.Store != nil || opts.State != nil || len(added(opts)) != 1 {
		t.Errorf("store %v, state %v, anchors %q", opts.Store, opts.State, added(opts))
	}
	s.Store, s.State = func() (card.Store, error) { return card.DirStore(dir), nil }, func() (*state.Store, error) { return state.Memory(), nil }
	s.Anchors = s.Anchors[1:]
	opts = s.Card(func(source string, err error) { t.Errorf("%s: %v", source, err) })
	if opts.Store == nil || opts.State == nil {
		t.Error("store or state are left out")
	}
}

// The anchors of an administrator and of the user count in every program.
func TestSystemHasTheAnchorsOfUserAndMachine(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the directories come from the system")
	}
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	if want := []string{filepath.Join(config, "cie", "csca"), "/etc/cie/csca"}; !slices.Equal(System().Anchors, want) {
		t.Errorf("anchors %q, want %q", System().Anchors, want)
	}
	before := len(added(Card()))
	write(t, config, "cie/csca", "virtual.pem", cardtest.CSCAPEM())
	opts := Card()
	if len(added(opts)) != before+1 || opts.Store == nil || opts.State == nil {
		t.Errorf("anchors %q, store %v, state %v", added(opts), opts.Store, opts.State)
	}
}
