// Package state keeps what protects a person, one record for each card: that
// the card was found genuine, that the person accepted it, the counters last
// known, and a mark that moves whenever a PIN that a program keeps may no
// longer be the right one.
//
// Records are read and changed under a lock that all programs of a user share,
// and written whole. They are apart from the cache of constants, which may be
// lost at any time: what a card does never deletes or lowers a record, a
// person does. A record that cannot be read counts as unknown: it gives no
// trust, no mark and no counter, and is not replaced.
//
// A card.Session changes records while it holds the PC/SC transaction, so two
// programs that use one card do it one after the other.
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

// Errors; tested with errors.Is.
var (
	// ErrDisabled: there is no store. A nil *Store returns it.
	ErrDisabled = errors.New("no state is kept")
	// ErrDamaged: the record is there and cannot be read.
	ErrDamaged = errors.New("the record of the card is damaged")
	// ErrLocked: another program did not release the lock in time.
	ErrLocked = errors.New("the state is locked by another program")
	// ErrUnsafe: directory or file belong to another user, can be changed by
	// others, or are not what they should be.
	ErrUnsafe = errors.New("unsafe state")
)

// Key is the SHA-256 of the content of EF.Int.Kpub, the key that a chip proves
// to own in every channel.
type Key [sha256.Size]byte

// KeyOf returns the Key for the content of EF.Int.Kpub.
func KeyOf(intKpub []byte) Key { return sha256.Sum256(intKpub) }

// Mark changes with every event after which a kept PIN may be wrong. The zero
// value is no mark.
type Mark [16]byte

// NewMark returns a mark that was never in use.
func NewMark() (m Mark) {
	rand.Read(m[:])
	return m
}

// Genuine says as what a card was found genuine.
type Genuine struct {
	Key  Key
	Root string // name of the root that the SOD chains to
}

// Consent is the decision of a person to use a card below genuine.
type Consent struct {
	Key Key
	At  time.Time
}

// Counter is the last known number of tries left; Known is false when nothing
// is known.
type Counter struct {
	Left  int
	Known bool
}

// Record is what is known of one card.
type Record struct {
	NIS     string
	Genuine *Genuine // nil: never found genuine
	Consent *Consent // nil: not accepted
	PIN     Counter
	PUK     Counter
	Mark    Mark
	Holder  string // name of the holder, "" when not known
}

// Accepts reports whether the person accepted the card with this key.
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

// Store keeps the records of the cards of one user. Its methods may be called
// from any goroutine. A nil *Store keeps nothing.
type Store struct {
	backend backend

	mu     sync.Mutex
	passed map[Key]bool // accepted for the life of this process
}

// backend keeps encoded records by ID.
type backend interface {
	// lock excludes all other users of the backend until unlock is called.
	// With create a place that is not there yet is made; without it, the error
	// matches fs.ErrNotExist.
	lock(create bool) (unlock func(), err error)
	// load returns the record, or an error that matches fs.ErrNotExist.
	load(id string) ([]byte, error)
	save(id string, data []byte) error
	remove(id string) error
	list() ([]string, error)
}

// Memory returns a Store for tests and demonstrations, which keeps nothing on
// disk.
func Memory() *Store { return &Store{backend: &memory{records: map[string][]byte{}}} }

// Entry is a record in a listing. Err matches ErrDamaged or ErrUnsafe where the
// record cannot be read; only ID is set then.
type Entry struct {
	ID     string
	Record Record
	Err    error
}

// ID returns the name under which the record of a card is kept: a hash, so
// that a listing of the directory shows no NIS.
func ID(nis string) string {
	sum := sha256.Sum256([]byte("cie card state\x00" + nis))
	return hex.EncodeToString(sum[:16])
}

func validID(id string) bool {
	b, err := hex.DecodeString(id)
	return err == nil && len(b) == 16 && strings.ToLower(id) == id
}

// Get returns the record of a card, an empty one if there is none. An error
// means that nothing may be assumed about the card.
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
	return s.get(nis)
}

func (s *Store) get(nis string) (Record, error) {
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

// Update changes the record of a card under the lock. f gets the record as it
// is, an empty one if there is none, and returns whether to keep what it made
// of it. When Update returns nil the record is on the disk. An error of f is
// returned as it is and changes nothing, and neither does a record that cannot
// be read.
func (s *Store) Update(nis string, f func(*Record) error) error {
	if s == nil {
		return ErrDisabled
	}
	unlock, err := s.backend.lock(true)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := s.get(nis)
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

// Forget deletes a record by its ID, also one that cannot be read. A record
// that is not there is no error. Only a person's decision calls it.
func (s *Store) Forget(id string) error {
	if s == nil {
		return ErrDisabled
	}
	if !validID(id) {
		return errors.New("not the ID of a record")
	}
	return s.forget(func() ([]string, error) { return []string{id}, nil })
}

// ForgetAll deletes every record. Only a person's decision calls it.
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

// AcceptHere accepts a key for the life of this process and records nothing.
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
