package card

import (
	"errors"
	"fmt"

	"cie/card/state"
)

// A program that keeps a PIN presents it again only while the mark of the card
// is the one that it had after the login. The mark changes with every event after
// which a kept PIN may be wrong: a change, an unblocking, a refused code, and the
// presentation of a kept PIN itself, which restores the mark when it succeeds. So
// a PIN that was changed elsewhere is presented at most once, by one of all
// programs of the user, even if that program ends meanwhile.

// OnlyAtMark lets a code be sent only while the mark of the card is m. The mark
// is changed durably before, and restored when the card accepts the code.
// Otherwise nothing is sent and the error matches ErrMarkMoved.
func OnlyAtMark(m state.Mark) CodeOption { return func(o *codeOptions) { o.mark = &m } }

// Mark returns the mark of the card, and creates one if it has none. It returns
// an error when the state cannot be read and changed. The caller must not have
// ended the transaction of the operation that the mark is for.
func (s *Session) Mark() (state.Mark, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.keptLocked() {
		return state.Mark{}, state.ErrDisabled
	}
	var m state.Mark
	err := s.opts.State.Update(s.chip.nis, func(r *state.Record) error {
		if r.Mark == (state.Mark{}) {
			r.Mark = state.NewMark()
		}
		m = r.Mark
		return nil
	})
	return m, err
}

// MarkIs reports whether the mark of the card is m.
func (s *Session) MarkIs(m state.Mark) bool {
	r, err := s.opts.State.Get(s.chip.nis)
	return err == nil && r.Mark == m && m != state.Mark{}
}

// moveMarkLocked changes the mark, so that kept PINs are not presented again.
func (s *Session) moveMarkLocked() {
	s.noteLocked(func(r *state.Record) { r.Mark = state.NewMark() })
}

// leaveMarkLocked changes the mark before a kept code is sent. back restores it in
// a record. Without a mark it does nothing.
func (s *Session) leaveMarkLocked(from *state.Mark) (back func(*state.Record), err error) {
	if from == nil {
		return func(*state.Record) {}, nil
	}
	if *from == (state.Mark{}) || !s.keptLocked() {
		return nil, ErrMarkMoved
	}
	moved := state.NewMark()
	err = s.opts.State.Update(s.chip.nis, func(r *state.Record) error {
		if r.Mark != *from {
			return ErrMarkMoved
		}
		r.Mark = moved
		return nil
	})
	if err != nil && !errors.Is(err, ErrMarkMoved) {
		err = fmt.Errorf("%w: %w", ErrMarkMoved, err)
	}
	return func(r *state.Record) {
		if r.Mark == moved {
			r.Mark = *from
		}
	}, err
}
