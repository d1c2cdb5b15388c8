package apdutest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"cie/apdu"
)

// Recorder is a Transport that forwards to another Transport and records every
// exchange. It may be used from several goroutines.
type Recorder struct {
	transport apdu.Transport

	mu        sync.Mutex
	exchanges []Exchange
	comments  []string
}

// NewRecorder returns a Recorder that forwards to t.
func NewRecorder(t apdu.Transport) *Recorder { return &Recorder{transport: t} }

// Transmit forwards command and records the exchange.
func (r *Recorder) Transmit(command []byte) ([]byte, error) {
	sent := bytes.Clone(command)
	answer, err := r.transport.Transmit(command)
	r.mu.Lock()
	defer r.mu.Unlock()
	e := Exchange{Comments: r.comments, Command: sent, Err: err}
	if err == nil {
		e.Response = bytes.Clone(answer)
	}
	r.exchanges = append(r.exchanges, e)
	r.comments = nil
	return answer, err
}

// Comment adds a comment to the next exchange.
func (r *Recorder) Comment(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.comments = append(r.comments, fmt.Sprintf(format, args...))
}

// Exchanges returns the exchanges recorded so far.
func (r *Recorder) Exchanges() []Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Exchange(nil), r.exchanges...)
}

// ErrReplay is matched by every error of a Replay that the trace does not contain.
var ErrReplay = errors.New("command differs from the trace")

// Replay is a Transport that plays the card of a trace. Commands must equal those
// of the trace byte by byte, in the same order. The first command that differs or
// comes after the end of the trace fails, and so do all later ones.
type Replay struct {
	mu        sync.Mutex
	exchanges []Exchange
	next      int
	err       error
}

// NewReplay returns a Replay of exchanges.
func NewReplay(exchanges []Exchange) *Replay { return &Replay{exchanges: exchanges} }

// OpenReplay returns a Replay of the trace in a file.
func OpenReplay(path string) (*Replay, error) {
	all, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	return NewReplay(all), nil
}

// Transmit returns the recorded response or error of the link if command is the
// next one of the trace.
func (r *Replay) Transmit(command []byte) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return nil, r.err
	}
	if r.next == len(r.exchanges) {
		r.err = fmt.Errorf("%w: command %X after its end (%d exchanges)", ErrReplay, command, r.next)
		return nil, r.err
	}
	e := r.exchanges[r.next]
	if !bytes.Equal(command, e.Command) {
		r.err = fmt.Errorf("%w: exchange %d: command %X, the trace has %X", ErrReplay, r.next+1, command, e.Command)
		return nil, r.err
	}
	r.next++
	return bytes.Clone(e.Response), e.Err
}

// Done returns nil if the whole trace was played without a difference.
func (r *Replay) Done() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil && r.next < len(r.exchanges) {
		return fmt.Errorf("%w: %d of %d exchanges played", ErrReplay, r.next, len(r.exchanges))
	}
	return r.err
}
