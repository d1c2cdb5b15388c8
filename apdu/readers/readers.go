// Package readers describes the smart card readers of a machine to programs:
// their state, the events at them, and the service that connects to cards.
// Package apdu/pcsc implements [Service] with the PC/SC service of the machine,
// package card/cardtest with virtual cards in the process.
package readers

import (
	"context"

	"cie/apdu"
)

// State is the state of one reader.
type State struct {
	// Name of the reader, printable, as Connect takes it.
	Name string
	// Present: there is a card, or something that may be one.
	Present bool
	// Mute: the card does not answer.
	Mute bool
	// InUse: at least one program is connected to the card.
	InUse bool
	// Exclusive: a program has the card in exclusive mode; Connect returns ErrBusy.
	Exclusive bool
	// ATR of the card, nil when there is none or it is mute.
	ATR []byte
}

// EventKind is the kind of an Event.
type EventKind int

// The kinds of Event. Removing a reader removes its card: CardRemoved precedes
// ReaderRemoved.
const (
	ReaderAdded   EventKind = iota + 1 // a reader was attached
	ReaderRemoved                      // a reader was detached
	CardInserted                       // a card that answers is in the reader; after CardMute, the card answers again
	CardRemoved                        // the card, mute or not, left the reader
	CardMute                           // the card in the reader does not answer
	ServiceLost                        // the service cannot be reached; Err is the cause
	ServiceBack                        // the service can be reached again
	Settled                            // everything present when the watch began has been reported
)

// String returns the kind in words, for logs.
func (k EventKind) String() string {
	names := [...]string{"none", "reader added", "reader removed", "card inserted", "card removed", "card mute", "service lost", "service back", "settled"}
	if k < 0 || int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}

// Event is a change of readers, cards or the service.
type Event struct {
	Kind   EventKind
	Reader string // printable, as Connect takes it; empty for ServiceLost, ServiceBack and Settled
	ATR    []byte // for CardInserted
	Err    error  // for ServiceLost
}

// Service is a smart card service. It is safe for concurrent use.
type Service interface {
	// Status returns the state of every reader and does not touch any card. No
	// reader is an empty list and no error. Errors match apdu.ErrNoService or
	// apdu.ErrTimeout.
	Status() ([]State, error)
	// Connect opens a connection to the card in a reader, shared with other
	// programs. Errors match apdu.ErrNoService, ErrNoReader, ErrNoCard, ErrMute,
	// ErrBusy or ErrTimeout.
	Connect(reader string) (apdu.Card, error)
	// Watch reports the readers and cards that are present as events, then
	// Settled once, then every change, until ctx ends or the Service is closed;
	// then it closes the channel. A service that cannot be reached is reported as
	// ServiceLost followed by Settled. An exchanged card is reported as removed and
	// inserted.
	Watch(ctx context.Context) (<-chan Event, error)
	// Close ends all watches and releases the Service. Connections stay open.
	Close() error
}
