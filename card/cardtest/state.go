package cardtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// memory is the state that a chip keeps without power, and the format of the state file.
type memory struct {
	Version  int    `json:"version"`
	NIS      string `json:"nis"`
	Writes   uint64 `json:"writes"` // how often this memory was written
	PIN      []byte `json:"pin"`
	PUK      []byte `json:"puk"`
	PINTries int    `json:"pin_tries"`
	PUKTries int    `json:"puk_tries"`

	path string // "": in memory only
}

const memoryVersion = 1

func newMemory(p *Profile) memory {
	return memory{
		Version: memoryVersion, NIS: p.NIS,
		PIN: slices.Clone(p.PIN), PUK: slices.Clone(p.PUK),
		PINTries: MaxPINTries, PUKTries: MaxPUKTries,
	}
}

func (m *memory) pinTries() int { return m.PINTries }
func (m *memory) pukTries() int { return m.PUKTries }

func (m *memory) clone() memory {
	n := *m
	n.PIN, n.PUK = slices.Clone(m.PIN), slices.Clone(m.PUK)
	return n
}

func (m *memory) equal(n *memory) bool {
	return string(m.PIN) == string(n.PIN) && string(m.PUK) == string(n.PUK) &&
		m.PINTries == n.PINTries && m.PUKTries == n.PUKTries
}

// Load returns a card whose PIN, PUK and counters are stored in the file path. If the file
// exists, it overrides the profile. Every change is written and synced to the disk before
// the card responds to the command. A process killed at any time leaves the state before or
// after a command.
//
// The file is versioned JSON with mode 0600. It belongs to the card of one NIS and to one
// Card at a time: if another Card wrote the file, every command that would change it gets
// 6581.
func Load(path string, p Profile) (*Card, error) {
	c, err := New(p)
	if err != nil {
		return nil, err
	}
	removeLeftovers(path)
	m, err := readMemory(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		m = c.memory
		m.path = path
		if err := m.write(); err != nil {
			return nil, fmt.Errorf("cardtest: state file: %w", err)
		}
	case err != nil:
		return nil, fmt.Errorf("cardtest: state file: %w", err)
	case m.NIS != c.profile.NIS:
		return nil, fmt.Errorf("cardtest: state file %s is of the card %s, not %s", path, m.NIS, c.profile.NIS)
	}
	c.memory = m
	return c, nil
}

func readMemory(path string) (memory, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return memory{}, err
	}
	var m memory
	if err := json.Unmarshal(b, &m); err != nil {
		return memory{}, fmt.Errorf("%s: %w", path, err)
	}
	if m.Version != memoryVersion {
		return memory{}, fmt.Errorf("%s: version %d, not %d", path, m.Version, memoryVersion)
	}
	if len(m.PIN) != codeLength || len(m.PUK) != codeLength ||
		m.PINTries < 0 || m.PINTries > MaxPINTries || m.PUKTries < 0 || m.PUKTries > MaxPUKTries {
		return memory{}, fmt.Errorf("%s: not the state of a card", path)
	}
	m.path = path
	return m, nil
}

// temporary returns the prefix of the names of temporary files for path.
func temporary(path string) string { return "." + filepath.Base(path) + "." }

// removeLeftovers removes the temporary files of processes killed while writing.
func removeLeftovers(path string) {
	dir := filepath.Dir(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // the next write reports the error
	}
	for _, e := range entries {
		number, ours := strings.CutPrefix(e.Name(), temporary(path))
		number, whole := strings.CutSuffix(number, ".tmp")
		// A suffix other than a number belongs to the file of another card.
		if ours && whole && strings.Trim(number, "0123456789") == "" && e.Type().IsRegular() {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// write replaces the file: a new file beside it, synced, renamed over it, and
// the directory synced.
func (m *memory) write() (err error) {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	dir := filepath.Dir(m.path)
	f, err := os.CreateTemp(dir, temporary(m.path)+"*.tmp") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(append(b, '\n')); err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	if err = os.Rename(f.Name(), m.path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename durable. Systems that cannot open a directory for it
// do not need it.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, os.ErrPermission) && !errors.Is(err, os.ErrInvalid) {
		return err
	}
	return nil
}

// store makes m the memory of the card, in its file first. It reports false,
// and the memory is as before, when the file cannot be written.
func (c *Card) store(m memory) bool {
	if m.equal(&c.memory) {
		return true
	}
	m.Writes++
	if m.path != "" {
		if now, err := readMemory(m.path); err != nil || now.Writes != c.memory.Writes {
			c.trace.note("state file was changed by another")
			return false
		}
		if err := m.write(); err != nil {
			c.trace.note("state file: %v", err)
			return false
		}
	}
	c.memory = m
	c.stats.Writes++
	c.spend(opWrite)
	return true
}

// Tries returns the tries left for PIN and PUK, without asking the chip.
func (c *Card) Tries() (pin, puk int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.memory.PINTries, c.memory.PUKTries
}

// SetTries sets the tries left for PIN and PUK, as if other codes had been
// presented before. It reports whether they could be stored.
func (c *Card) SetTries(pin, puk int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.memory.clone()
	m.PINTries, m.PUKTries = min(max(pin, 0), MaxPINTries), min(max(puk, 0), MaxPUKTries)
	return c.store(m)
}

// PIN returns a copy of the current PIN, for tests.
func (c *Card) PIN() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.memory.PIN)
}
