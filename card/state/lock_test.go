package state

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestLoginsShareTheCardAndOtherWorkNeedsItAlone(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		if s.Shared(testNIS) {
			t.Error("a card without a login is shared")
		}
		share := func() func() {
			t.Helper()
			release, err := s.Share(testNIS)
			if err != nil {
				t.Fatal(err)
			}
			return release
		}
		first, second := share(), share()
		for _, release := range []func(){first, second} {
			if _, err := s.TryExclusive(testNIS); !errors.Is(err, ErrLocked) || !s.Shared(testNIS) {
				t.Errorf("with a login: %v, shared %v", err, s.Shared(testNIS))
			}
			other, err := s.TryExclusive("999900000002")
			if err != nil {
				t.Fatalf("another card: %v", err)
			}
			other()
			release()
			release() // has no effect
		}
		alone, err := s.TryExclusive(testNIS)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.TryExclusive(testNIS); !errors.Is(err, ErrLocked) {
			t.Errorf("two at once: %v", err)
		}
		if _, err := s.Share(testNIS); !errors.Is(err, ErrLocked) {
			t.Errorf("a login during other work: %v", err)
		}
		alone()
		share()()
		if s.Shared(testNIS) {
			t.Error("shared after the last login")
		}
	})
}

func TestLockOfACardIsForgottenWithItsRecord(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cie")
	s := Dir(dir)
	if s.Shared(testNIS) {
		t.Error("shared")
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 0 {
		t.Errorf("asking for a login made %v", files)
	}
	set(t, s, fullRecord())
	release, err := s.Share(testNIS)
	if err != nil {
		t.Fatal(err)
	}
	release()
	if err := s.ForgetAll(); err != nil {
		t.Fatal(err)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 1 {
		t.Errorf("%v remain, want the lock on the records alone", files)
	}
}

func TestNoStoreHasNoLockOfACard(t *testing.T) {
	var s *Store
	if _, err := s.Share(testNIS); !errors.Is(err, ErrDisabled) {
		t.Error(err)
	}
	if _, err := s.TryExclusive(testNIS); !errors.Is(err, ErrDisabled) {
		t.Error(err)
	}
	if s.Shared(testNIS) {
		t.Error("shared")
	}
}

// Programs that wait for a card are seen by background work, and a program that waits makes
// no file.
func TestProgramsThatWaitAreSeen(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		s.Wait()()
		if s.Awaited() {
			t.Error("awaited before any wait")
		}
		first, second := s.Wait(), s.Wait()
		for _, release := range []func(){first, second} {
			if !s.Awaited() {
				t.Error("a program that waits is not seen")
			}
			release()
		}
		if s.Awaited() {
			t.Error("awaited after the wait")
		}
	})
	dir := filepath.Join(t.TempDir(), "cie")
	Dir(dir).Wait()()
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 0 {
		t.Errorf("waiting made %v", files)
	}
	var none *Store
	none.Wait()()
	if none.Awaited() {
		t.Error("awaited without a state")
	}
}
