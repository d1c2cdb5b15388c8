package state

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"sync"
)

// memory is a backend without a disk.
type memory struct {
	mu      sync.Mutex
	records map[string][]byte

	cards sync.Mutex // guards locks
	locks map[string]*cardLock
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func (m *memory) lock(bool) (func(), error) {
	m.mu.Lock()
	return m.mu.Unlock, nil
}

func (m *memory) load(id string) ([]byte, error) {
	data, ok := m.records[id]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return data, nil
}

func (m *memory) save(id string, data []byte) error {
	m.records[id] = bytes.Clone(data)
	return nil
}

func (m *memory) remove(id string) error {
	delete(m.records, id)
	return nil
}

func (m *memory) list() ([]string, error) { return slices.Collect(maps.Keys(m.records)), nil }
