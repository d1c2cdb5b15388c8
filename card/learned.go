package card

import (
	"encoding/json"
	"errors"
	"fmt"
)

// The Store keeps what a session has learned of a card: its constants under the
// NIS, its dialect, and the way to the root of chips with one ATR.

// storedDialect is the form in the Store.
type storedDialect struct {
	Version int
	dialect
}

const dialectVersion = 1

// dialectKey returns the key of a card's dialect in the Store.
func dialectKey(nis string) string { return "dialect " + nis }

// rootKey returns the key of the way to the root in the Store. It is kept by ATR,
// because it is needed before the NIS is known.
func rootKey(atr []byte) string { return fmt.Sprintf("root %X", atr) }

// storedRoot is the way to the root that is tried first on chips with one ATR,
// when it is not the first one of the family.
type storedRoot struct {
	Version int
	MF      bool
}

const rootVersion = 1

// loadDialect reads the dialect of the card from the Store. A wrong one costs a few
// APDUs.
func (s *Session) loadDialect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var d storedDialect
	if s.load(dialectKey(s.chip.nis), &d) && d.Version == dialectVersion {
		s.chip.setDialect(d.dialect)
		s.dialect = s.chip.learnedDialect()
	}
}

// loadRoot reads the way to the root from the Store.
func (s *Session) loadRoot() {
	var r storedRoot
	if !s.load(rootKey(s.chip.conn.ATR()), &r) || r.Version != rootVersion {
		return
	}
	s.chip.root = rootAID
	if r.MF {
		s.chip.root = rootMF
	}
}

// saveLearnedLocked keeps in the Store what the chip refused in a transaction. A
// dialect without refusals is removed, and so is a root that is the first of the
// family.
func (s *Session) saveLearnedLocked() {
	if d := s.chip.learnedDialect(); d != s.dialect {
		s.trace("dialect of the card: %+v", d)
		s.dialect = d
		if d == (dialect{}) {
			s.unstore(dialectKey(s.chip.nis))
		} else {
			s.save(dialectKey(s.chip.nis), storedDialect{dialectVersion, d})
		}
	}
	root, key := s.chip.learnedRoot, rootKey(s.chip.conn.ATR())
	switch root {
	case rootNone:
	case s.chip.family.rootOrder()[0]:
		s.unstore(key)
	default:
		s.save(key, storedRoot{rootVersion, root == rootMF})
	}
	s.chip.learnedRoot = rootNone
}

// load reads a value from the Store and reports whether there is one.
func (s *Session) load(key string, to any) bool {
	if s.opts.Store == nil {
		return false
	}
	data, err := s.opts.Store.Load(key)
	if err == nil {
		err = json.Unmarshal(data, to)
	} else if errors.Is(err, ErrNotStored) {
		return false
	}
	if err != nil {
		s.trace("card store: %v", err)
	}
	return err == nil
}

// save writes a value to the Store. A failure costs speed only.
func (s *Session) save(key string, value any) {
	if s.opts.Store == nil {
		return
	}
	data, err := json.Marshal(value)
	if err == nil {
		err = s.opts.Store.Save(key, data)
	}
	if err != nil {
		s.trace("card store: %v", err)
	}
}

// unstore removes a value from the Store.
func (s *Session) unstore(key string) {
	if s.opts.Store == nil {
		return
	}
	if err := s.opts.Store.Delete(key); err != nil {
		s.trace("card store: %v", err)
	}
}
