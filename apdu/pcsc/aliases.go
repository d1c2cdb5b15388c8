package pcsc

import "cie/apdu/readers"

// The former names of what package readers declares.
type (
	ReaderState = readers.State
	Event       = readers.Event
	EventKind   = readers.EventKind
)

// The former names of the kinds of events.
const (
	ReaderAdded   = readers.ReaderAdded
	ReaderRemoved = readers.ReaderRemoved
	CardInserted  = readers.CardInserted
	CardRemoved   = readers.CardRemoved
	CardMute      = readers.CardMute
	ServiceLost   = readers.ServiceLost
	ServiceBack   = readers.ServiceBack
)
