// Package state stores what protects the user, one record for each card: that
// the card was found genuine, that the user accepted it, the last known tries of
// PIN and PUK, and a mark that changes whenever a PIN kept by a program may have
// become wrong.
//
// Programs of a user read and change records under a common lock and write them
// as a whole. Records are separate from the cache of constants, which may be lost
// at any time: no behaviour of a card deletes or lowers a record, only the user
// does. An unreadable record counts as unknown: it provides no trust, no mark and
// no counter, and is not replaced.
//
// # Locks
//
// The lock of the backend (a file lock, or memory.mu) is taken first, and only
// for one operation on records. A card.Session changes records within its PC/SC
// transaction, so two programs that use one card take turns. Store.mu guards the
// keys accepted in this process; no other lock is taken while it is locked.
//
// The lock on a card (see Share) is independent of these and lasts longer. Nothing
// waits for it while it has one of the others.
package state

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// Errors, to be tested with errors.Is.
var (
	// ErrDisabled is returned by a nil *Store.
	ErrDisabled = errors.New("no state is kept")
	// ErrDamaged reports that the record exists but is unreadable.
	ErrDamaged = errors.New("the record of the card is damaged")
	// ErrLocked reports that another program did not release the lock in time.
	ErrLocked = errors.New("the state is locked by another program")
	// ErrUnsafe reports that a directory or file belongs to another user, can be
	// changed by others, or has another file type.
	ErrUnsafe = errors.New("unsafe state")
)

// Key is the SHA-256 of the content of EF.Int.Kpub, the public key whose private
// key the chip proves to have in every channel.
type Key [sha256.Size]byte

// KeyOf returns the Key for the content of EF.Int.Kpub.
func KeyOf(intKpub []byte) Key { return sha256.Sum256(intKpub) }

// Mark changes with every event after which a kept PIN may be wrong. The zero
// value means that there is no mark.
type Mark [16]byte

// NewMark returns a random mark.
func NewMark() (m Mark) {
	rand.Read(m[:])
	return m
}

// Genuine records that a card was found genuine, and with which key and root.
type Genuine struct {
	Key  Key
	Root string // name of the root that the SOD chains to
}

// Consent records that the user decided to use a card that is not proved genuine.
type Consent struct {
	Key Key
	At  time.Time
}

// Counter is the last known number of remaining tries. Known is false if there is
// none.
type Counter struct {
	Left  int
	Known bool
}

// Record contains what is known about one card.
type Record struct {
	NIS     string
	Genuine *Genuine // nil if never found genuine
	Consent *Consent // nil if not accepted
	PIN     Counter
	PUK     Counter
	Mark    Mark
	Holder  string // name of the holder, "" if unknown
}

// Accepts reports whether the user accepted the card with this key.
func (r *Record) Accepts(k Key) bool { return r.Consent != nil && r.Consent.Key == k }

func (r *Record) clone() Record {
	out := *r
	if r.Genuine != nil {
		g := *r.Genuine
		out.Genuine = &g
	}
	if r.Consent != nil {
		c := *r.Consent
		out.Consent = &c
	}
	return out
}

// Store contains the records of the cards of one user. Its methods may be called
// from several goroutines. A nil *Store stores nothing.
type Store struct {
	backend backend

	mu     sync.Mutex
	passed map[Key]bool // keys accepted until this process ends
}

// backend stores encoded records by ID.
type backend interface {
	// lock excludes all other users of the backend until unlock is called. With
	// create it creates a missing store; otherwise the error for a missing store
	// matches fs.ErrNotExist.
	lock(create bool) (unlock func(), err error)
	// load returns the record, or an error that matches fs.ErrNotExist.
	load(id string) ([]byte, error)
	save(id string, data []byte) error
	remove(id string) error
	list() ([]string, error)
	// lockFile shares the lock with this name or takes it alone. It does not wait: the
	// error matches ErrLocked if the lock is not free. Without create, a lock that was
	// never taken may be an error that matches fs.ErrNotExist.
	lockFile(name string, exclusive, create bool) (unlock func(), err error)
}

// Memory returns a Store for tests and demonstrations that writes nothing to
// disk.
func Memory() *Store { return &Store{backend: &memory{records: map[string][]byte{}}} }

// Entry is a record in a listing. If the record is unreadable, Err matches
// ErrDamaged or ErrUnsafe, and only ID is set.
type Entry struct {
	ID     string
	Record Record
	Err    error
}

// ID returns the name of the record of a card. It is a hash, so that a listing of
// the directory does not show the NIS.
func ID(nis string) string {
	sum := sha256.Sum256([]byte("cie card state\x00" + nis))
	return hex.EncodeToString(sum[:16])
}

func validID(id string) bool {
	b, err := hex.DecodeString(id)
	return err == nil && len(b) == 16 && strings.ToLower(id) == id
}

// Get returns the record of a card, an empty one if there is none. After an error
// the caller must not assume anything about the card.
func (s *Store) Get(nis string) (Record, error) {
	if s == nil {
		return Record{NIS: nis}, ErrDisabled
	}
	unlock, err := s.backend.lock(false)
	if missing(err) {
		return Record{NIS: nis}, nil
	}
	if err != nil {
		return Record{NIS: nis}, err
	}
	defer unlock()
	return s.getLocked(nis)
}

func (s *Store) getLocked(nis string) (Record, error) {
	data, err := s.backend.load(ID(nis))
	if missing(err) {
		return Record{NIS: nis}, nil
	}
	if err == nil {
		var r Record
		if r, err = decode(data); err == nil && r.NIS == nis {
			return r, nil
		}
		if err == nil {
			err = ErrDamaged // the record of another card
		}
	}
	return Record{NIS: nis}, err
}

// Update changes the record of a card under the lock. It passes the current
// record to f, an empty one if there is none, and saves the record that f leaves.
// When Update returns nil, the record is on disk. If f returns an error or the
// current record is unreadable, Update returns that error and changes nothing.
func (s *Store) Update(nis string, f func(*Record) error) error {
	if s == nil {
		return ErrDisabled
	}
	unlock, err := s.backend.lock(true)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := s.getLocked(nis)
	if err != nil {
		return err
	}
	before := r.clone()
	if err := f(&r); err != nil {
		return err
	}
	r.NIS = nis
	old, err := encode(before)
	if err != nil {
		return err
	}
	data, err := encode(r)
	if err != nil || string(data) == string(old) {
		return err
	}
	return s.backend.save(ID(nis), data)
}

// List returns all records, in the order of their IDs.
func (s *Store) List() ([]Entry, error) {
	if s == nil {
		return nil, ErrDisabled
	}
	unlock, err := s.backend.lock(false)
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer unlock()
	ids, err := s.backend.list()
	if err != nil {
		return nil, err
	}
	slices.Sort(ids)
	var out []Entry
	for _, id := range ids {
		e := Entry{ID: id}
		data, err := s.backend.load(id)
		if missing(err) {
			continue
		}
		if err == nil {
			e.Record, err = decode(data)
		}
		if err == nil && ID(e.Record.NIS) != id {
			e.Record, err = Record{}, ErrDamaged
		}
		e.Err = err
		out = append(out, e)
	}
	return out, nil
}

// Forget deletes a record by its ID, even an unreadable one. A missing record is
// not an error. Programs call it only when the user asks for it.
func (s *Store) Forget(id string) error {
	if s == nil {
		return ErrDisabled
	}
	if !validID(id) {
		return errors.New("not the ID of a record")
	}
	return s.forget(func() ([]string, error) { return []string{id}, nil })
}

// ForgetAll deletes every record. Programs call it only when the user asks for it.
func (s *Store) ForgetAll() error {
	if s == nil {
		return ErrDisabled
	}
	s.mu.Lock()
	clear(s.passed)
	s.mu.Unlock()
	return s.forget(s.backend.list)
}

func (s *Store) forget(which func() ([]string, error)) error {
	unlock, err := s.backend.lock(false)
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	ids, err := which()
	if err != nil {
		return err
	}
	var failed []error
	for _, id := range ids {
		if err := s.backend.remove(id); err != nil && !missing(err) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// AcceptHere accepts a key until this process ends and records nothing.
func (s *Store) AcceptHere(k Key) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.passed == nil {
		s.passed = map[Key]bool{}
	}
	s.passed[k] = true
}

// AcceptedHere reports whether AcceptHere was called for the key.
func (s *Store) AcceptedHere(k Key) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.passed[k]
}
