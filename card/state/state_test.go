package state

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const testNIS = "999900000001"

var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func fullRecord() Record {
	return Record{
		NIS:     testNIS,
		Genuine: &Genuine{Key: KeyOf([]byte("key")), Root: "Italian Country Signer CA (2020-2035)"},
		Consent: &Consent{Key: KeyOf([]byte("other")), At: testTime},
		PIN:     Counter{Left: 2, Known: true},
		PUK:     Counter{Left: 0, Known: true},
		Mark:    Mark{1, 2, 3},
		Holder:  "MARIA PROVÀ",
	}
}

func sameRecord(a, b Record) bool {
	x, _ := encode(a)
	y, _ := encode(b)
	return x != nil && bytes.Equal(x, y)
}

// each runs a test with both kinds of Store.
func each(t *testing.T, f func(t *testing.T, s *Store)) {
	t.Run("memory", func(t *testing.T) { f(t, Memory()) })
	t.Run("directory", func(t *testing.T) { f(t, Dir(filepath.Join(t.TempDir(), "a", "cie"))) })
}

func set(t testing.TB, s *Store, r Record) {
	t.Helper()
	if err := s.Update(r.NIS, func(old *Record) error { *old = r; return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestRecordIsKeptListedAndForgotten(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		if r, err := s.Get(testNIS); err != nil || !sameRecord(r, Record{NIS: testNIS}) {
			t.Fatalf("before: %+v, %v", r, err)
		}
		if list, err := s.List(); err != nil || len(list) != 0 {
			t.Fatalf("before: %v, %v", list, err)
		}
		set(t, s, fullRecord())
		set(t, s, Record{NIS: "999900000002", PIN: Counter{3, true}})
		if r, err := s.Get(testNIS); err != nil || !sameRecord(r, fullRecord()) {
			t.Fatalf("got %+v, %v", r, err)
		}
		list, err := s.List()
		if err != nil || len(list) != 2 {
			t.Fatalf("%v, %v", list, err)
		}
		if err := s.Forget(ID(testNIS)); err != nil {
			t.Fatal(err)
		}
		if r, err := s.Get(testNIS); err != nil || !sameRecord(r, Record{NIS: testNIS}) {
			t.Fatalf("forgotten: %+v, %v", r, err)
		}
		if err := s.ForgetAll(); err != nil {
			t.Fatal(err)
		}
		if list, err := s.List(); err != nil || len(list) != 0 {
			t.Fatalf("all forgotten: %v, %v", list, err)
		}
		for _, id := range []string{"", "..", "../../x", strings.ToUpper(ID(testNIS)), ID(testNIS) + "x"} {
			if err := s.Forget(id); err == nil {
				t.Errorf("Forget(%q) accepted", id)
			}
		}
	})
}

func TestErrorOfUpdateChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		set(t, s, fullRecord())
		stop := errors.New("stop")
		err := s.Update(testNIS, func(r *Record) error { r.Genuine = nil; r.PIN.Left = 1; return stop })
		if err != stop {
			t.Fatal(err)
		}
		if r, err := s.Get(testNIS); err != nil || !sameRecord(r, fullRecord()) {
			t.Fatalf("%+v, %v", r, err)
		}
	})
}

func TestNilStoreKeepsNothing(t *testing.T) {
	var s *Store
	_, err := s.Get(testNIS)
	for _, err := range []error{err, s.Update(testNIS, nil), s.Forget(ID(testNIS)), s.ForgetAll()} {
		if !errors.Is(err, ErrDisabled) {
			t.Error(err)
		}
	}
	s.AcceptHere(Key{1})
	if s.AcceptedHere(Key{1}) {
		t.Error("accepted")
	}
}

func TestAcceptHereIsNotRecorded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cie")
	s := Dir(dir)
	k := KeyOf([]byte("virtual"))
	s.AcceptHere(k)
	if !s.AcceptedHere(k) || s.AcceptedHere(Key{}) || Dir(dir).AcceptedHere(k) {
		t.Error("wrong")
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a record was written")
	}
	_ = s.ForgetAll()
	if s.AcceptedHere(k) {
		t.Error("not forgotten")
	}
}

// An unreadable record provides nothing, and an update does not replace it.
func TestDamagedRecordIsUnknownAndStays(t *testing.T) {
	good, err := encode(fullRecord())
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"empty":            "",
		"cut":              string(good[:len(good)/2]),
		"two":              string(good) + string(good),
		"later version":    strings.Replace(string(good), `"version":1`, `"version":2`, 1),
		"unknown field":    strings.Replace(string(good), `"version":1`, `"version":1,"x":1`, 1),
		"another card":     strings.Replace(string(good), testNIS, "999900000002", 1),
		"no NIS":           `{"version":1}`,
		"tries":            strings.Replace(string(good), `"pin_tries":2`, `"pin_tries":-1`, 1),
		"many tries":       strings.Replace(string(good), `"pin_tries":2`, `"pin_tries":99`, 1),
		"short key":        strings.Replace(string(good), `"key":"`, `"key":"0`, 1),
		"escape in holder": strings.Replace(string(good), "MARIA", `MARIA\u001b[2J`, 1),
		"long":             string(good) + strings.Repeat(" ", maxRecord),
		"not UTF-8":        string(good) + "\xff",
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "cie")
			s := Dir(dir)
			set(t, s, fullRecord())
			file := filepath.Join(dir, ID(testNIS)+recordSuffix)
			if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := s.Get(testNIS)
			if !errors.Is(err, ErrDamaged) || !sameRecord(r, Record{NIS: testNIS}) {
				t.Fatalf("Get: %+v, %v", r, err)
			}
			err = s.Update(testNIS, func(r *Record) error { r.PIN = Counter{3, true}; return nil })
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("Update: %v", err)
			}
			if now, err := os.ReadFile(file); err != nil || string(now) != data {
				t.Errorf("the file was changed: %v", err)
			}
			list, err := s.List()
			if err != nil || len(list) != 1 || !errors.Is(list[0].Err, ErrDamaged) {
				t.Errorf("List: %+v, %v", list, err)
			}
			if err := s.Forget(list[0].ID); err != nil {
				t.Fatal(err)
			}
			set(t, s, fullRecord())
		})
	}
}

func TestTextsAreCleanedBeforeTheyAreKept(t *testing.T) {
	s := Memory()
	r := fullRecord()
	r.Holder = "A\x1b[2J\u202eB\n" + strings.Repeat("è", 10_000)
	r.Genuine.Root = "R\x00oot"
	set(t, s, r)
	got, err := s.Get(testNIS)
	if err != nil || !strings.HasPrefix(got.Holder, "A[2JBè") || len(got.Holder) > maxText || got.Genuine.Root != "Root" {
		t.Errorf("%q, %q, %v", got.Holder, got.Genuine.Root, err)
	}
}

func TestUpdatesAreSerialised(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		const workers, rounds = 8, 5
		var wg sync.WaitGroup
		for i := range workers {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for range rounds {
					err := s.Update(testNIS, func(r *Record) error {
						r.Holder += "x"
						return nil
					})
					if err != nil {
						t.Errorf("worker %d: %v", i, err)
					}
				}
			}()
		}
		wg.Wait()
		if r, err := s.Get(testNIS); err != nil || len(r.Holder) != workers*rounds {
			t.Errorf("%d updates kept, %v", len(r.Holder), err)
		}
	})
}

func TestNewMarksDiffer(t *testing.T) {
	if a, b := NewMark(), NewMark(); a == b || a == (Mark{}) {
		t.Error(a, b)
	}
}

// failing is a backend on a full disk.
type failing struct{ backend }

func (failing) save(string, []byte) error { return fmt.Errorf("no space left on device") }

func TestUpdateFailsWhereTheRecordCannotBeWritten(t *testing.T) {
	m := &memory{records: map[string][]byte{}}
	set(t, &Store{backend: m}, fullRecord())
	s := &Store{backend: failing{m}}
	if err := s.Update(testNIS, func(r *Record) error { r.Mark = NewMark(); return nil }); err == nil {
		t.Error("no error")
	}
	if r, err := s.Get(testNIS); err != nil || !sameRecord(r, fullRecord()) {
		t.Errorf("%+v, %v", r, err)
	}
}

func FuzzDecode(f *testing.F) {
	good, _ := encode(fullRecord())
	f.Add(good)
	f.Add([]byte(`{"version":1,"nis":"1"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decode(data)
		if err != nil {
			if !errors.Is(err, ErrDamaged) || !sameRecord(r, Record{}) && r != (Record{}) {
				t.Fatalf("%+v, %v", r, err)
			}
			return
		}
		again, err := encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if r2, err := decode(again); err != nil || !sameRecord(r, r2) {
			t.Fatalf("%+v, %+v, %v", r, r2, err)
		}
	})
}
