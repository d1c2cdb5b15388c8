package browsers

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// plant writes into the journal of e that a file was content before Install,
// and that directories were created for it.
func plant(t testing.TB, e *Env, path, content string, dirs ...string) {
	t.Helper()
	j := e.journal(ScopeUser)
	r := record{Path: rawPath(path), Kind: KindGeckoProfile, Mode: 0o644, Before: digest([]byte(content)), After: digest([]byte(read(t, path)))}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	write(t, j.name(path, extRecord), string(b))
	write(t, j.name(path, extBackup), content)
	var lines []byte
	for _, d := range dirs {
		q, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(append(lines, q...), '\n')
	}
	write(t, filepath.Join(j.dir, dirsFile), string(lines))
}

// neighbour returns another user of the machine of e.
func neighbour(t testing.TB, e *Env) *Env {
	t.Helper()
	b := *e
	b.Home = filepath.Join(filepath.Dir(e.Home), "bruno")
	b.ConfigHome = filepath.Join(b.Home, "AppData", "Roaming")
	b.DataHome = filepath.Join(b.Home, "AppData", "Local")
	b.StateHome = b.DataHome
	for _, d := range []string{b.ConfigHome, b.DataHome} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return &b
}

const planted = internalStanza + "library=C:\\users\\bruno\\planted.dll\nname=planted\n\n"

// A user who writes to their own journal and profiles.ini can neither change the home
// of another user nor delete a directory elsewhere, whatever rights the process has.
func TestJournalChangesItsOwnHomeOnly(t *testing.T) {
	anna := newWindows(t)
	profile := newProfile(t, anna)
	list := filepath.Join(profile, "pkcs11.txt")
	bruno := neighbour(t, anna)
	empty := filepath.Join(filepath.Dir(filepath.Dir(anna.Home)), "empty")
	inside := filepath.Join(anna.Home, "empty")
	for _, d := range []string{empty, inside} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(bruno.ConfigHome, "Mozilla", "Firefox", "profiles.ini"), "[Profile0]\r\nName=x\r\nIsRelative=0\r\nPath="+profile+"\r\n")
	own := filepath.Join(bruno.ConfigHome, "Mozilla", "Firefox", "own")
	write(t, filepath.Join(own, "pkcs11.txt"), internalStanza)
	before := tree(t, anna.Home)
	plant(t, bruno, list, planted, empty, inside)
	for _, windows := range []bool{true, false} {
		bruno.Windows = windows
		targets := []Target{bruno.nssTarget(KindGeckoProfile, profile, nil)}
		if windows {
			targets = bruno.geckoTargets(nil)
		}
		results := PlanDisable(targets).Run(nil)
		if len(results) != 1 {
			t.Fatalf("windows %v: %d targets", windows, len(results))
		}
		if bruno.elevated() && !errors.Is(results[0].Err, ErrNotBelowHome) {
			t.Errorf("an administrator's process goes into another home: %v", results[0].Err)
		}
		// A record of the own home does not bring the directories with it.
		plant(t, bruno, filepath.Join(own, "pkcs11.txt"), internalStanza, empty, inside)
		if err := bruno.journal(ScopeUser).drop(filepath.Join(own, "pkcs11.txt")); err != nil {
			t.Error(err)
		}
		if after := tree(t, anna.Home); !maps.Equal(before, after) {
			t.Errorf("windows %v: the other home was changed:\n%q", windows, read(t, list))
		}
		if !exists(empty) {
			t.Errorf("windows %v: a directory outside was deleted", windows)
		}
	}
}

// A link or junction below the home does not lead the journal out of it.
func TestJournalFollowsNoLinks(t *testing.T) {
	anna := newWindows(t)
	list := filepath.Join(newProfile(t, anna), "pkcs11.txt")
	bruno := neighbour(t, anna)
	link := filepath.Join(bruno.Home, "link")
	if err := os.Symlink(anna.Home, link); err != nil {
		t.Skip(err) // a right that not every user of Windows has
	}
	inside := filepath.Join(anna.Home, "empty")
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	before := tree(t, anna.Home)
	rel, err := filepath.Rel(anna.Home, list)
	if err != nil {
		t.Fatal(err)
	}
	through := filepath.Join(link, rel)
	plant(t, bruno, through, planted, filepath.Join(link, "empty"))
	j := bruno.journal(ScopeUser)
	if _, ok := j.load(through); ok {
		t.Error("a record behind a link is believed")
	}
	own := filepath.Join(bruno.Home, "own.txt")
	write(t, own, "x")
	if err := j.drop(own); err != nil {
		t.Error(err)
	}
	if after := tree(t, anna.Home); !maps.Equal(before, after) {
		t.Error("the other home was changed")
	}

	// A journal behind a link is ignored.
	bruno.StateHome = filepath.Join(bruno.Home, "state")
	if err := os.MkdirAll(bruno.StateHome, 0o755); err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(anna.Home, "state")
	if err := os.MkdirAll(filepath.Join(elsewhere, "installer"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(bruno.StateHome, "cie")); err != nil {
		t.Fatal(err)
	}
	plant(t, bruno, own, planted)
	if _, ok := bruno.journal(ScopeUser).load(own); ok {
		t.Error("a journal behind a link is believed")
	}
	if !bruno.owns(own) || bruno.owns(filepath.Join(bruno.Home, "..", "anna", "x")) || bruno.owns(bruno.Home) {
		t.Error("the home is judged wrong")
	}
}
