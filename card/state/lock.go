package state

import (
	"errors"
	"os"
	"sync"
	"time"
)

// Every login of a program of this project shares a lock on the card. Background
// work, such as opening a channel before the user has typed the PIN, needs the lock
// exclusively and does not wait for it, so that it never ends the channel of a login.
// The lock is not the one on the records: a login keeps it for as long as it lasts.
//
// A program that begins to use a card cannot name it yet and may have to wait for
// background work on it. Meanwhile it shares a second lock, the one of all that wait,
// for which background work looks before each command.

// shareTime limits the wait of Share. Exclusive use lasts as long as a transaction
// on the card, and the caller of Share has one, so there is nothing to wait for
// but the end of another process's probe.
const shareTime = 250 * time.Millisecond

// Share takes part in the lock on a card until release is called. release may be
// called more than once.
func (s *Store) Share(nis string) (release func(), err error) {
	if s == nil {
		return nil, ErrDisabled
	}
	for end := time.Now().Add(shareTime); ; time.Sleep(5 * time.Millisecond) {
		release, err := s.backend.lockFile(ID(nis)+loginSuffix, false, true)
		if err == nil || !errors.Is(err, ErrLocked) || time.Now().After(end) {
			return release, err
		}
	}
}

// TryExclusive takes the lock on a card alone. The error matches ErrLocked if a
// login shares it. It does not wait.
func (s *Store) TryExclusive(nis string) (release func(), err error) {
	if s == nil {
		return nil, ErrDisabled
	}
	return s.backend.lockFile(ID(nis)+loginSuffix, true, true)
}

// Shared reports whether a login shares the lock on a card, of this process or of
// another one. It reports false where that cannot be known.
func (s *Store) Shared(nis string) bool {
	if s == nil {
		return false
	}
	release, err := s.backend.lockFile(ID(nis)+loginSuffix, true, false)
	if err == nil {
		release()
	}
	return errors.Is(err, ErrLocked)
}

// Wait shares the lock of programs that wait for a card until release is called. It
// does so only where background work was done before, and makes no file.
func (s *Store) Wait() (release func()) {
	if s != nil {
		if release, err := s.backend.lockFile(waitName, false, false); err == nil {
			return release
		}
	}
	return func() {}
}

// Awaited reports whether a program waits for a card, which need not be the one that the
// caller uses.
func (s *Store) Awaited() bool {
	if s == nil {
		return false
	}
	release, err := s.backend.lockFile(waitName, true, true)
	if err == nil {
		release()
	}
	return errors.Is(err, ErrLocked)
}

// lockFile locks a file. The system releases the lock of a process that ends. The file
// is empty; that of a card stays until the record is removed.
func (d *directory) lockFile(name string, exclusive, create bool) (func(), error) {
	flags := os.O_RDWR
	if create {
		if err := os.MkdirAll(d.dir, 0o700); err != nil {
			return nil, err
		}
		flags |= os.O_CREATE
	}
	if err := checkDir(d.dir); err != nil {
		return nil, err
	}
	f, err := openFile(d.path(name), flags)
	if err != nil {
		return nil, err
	}
	taken, err := tryLock(f, exclusive)
	if err == nil && !taken {
		err = ErrLocked
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return sync.OnceFunc(func() {
		// Closing is not enough: a forked child has the open file, too.
		unlock(f)
		_ = f.Close()
	}), nil
}

// cardLock is a lock in memory.
type cardLock struct {
	shared    int
	exclusive bool
}

func (m *memory) lockFile(name string, exclusive, _ bool) (func(), error) {
	m.cards.Lock()
	defer m.cards.Unlock()
	if m.locks == nil {
		m.locks = map[string]*cardLock{}
	}
	l := m.locks[name]
	if l == nil {
		l = &cardLock{}
		m.locks[name] = l
	}
	if l.exclusive || exclusive && l.shared > 0 {
		return nil, ErrLocked
	}
	if exclusive {
		l.exclusive = true
	} else {
		l.shared++
	}
	return sync.OnceFunc(func() {
		m.cards.Lock()
		defer m.cards.Unlock()
		if exclusive {
			l.exclusive = false
		} else {
			l.shared--
		}
	}), nil
}
