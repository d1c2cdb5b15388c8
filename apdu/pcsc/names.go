package pcsc

import (
	"fmt"
	"sync"

	"cie/apdu/printable"
)

// maxName limits the name of a reader, in bytes. The limit of pcsc-lite is 128
// (MAX_READERNAME), with the NUL.
const maxName = 127

// names are the names of readers as programs see them. A USB device chooses the
// text of its name, so it is cleaned here; only the service gets the original name.
// Both services end a name with a number that no other reader has, so the end is
// kept. Safe for concurrent use.
type names struct {
	mu    sync.Mutex
	shown map[string]string // by raw name
	raws  map[string]string // by shown name
}

// show returns the printable name of a reader, which stays the same for as long
// as the Context lives. No two readers get the same one.
func (n *names) show(raw string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if name, ok := n.shown[raw]; ok {
		return name
	}
	if n.shown == nil {
		n.shown, n.raws = map[string]string{}, map[string]string{}
	}
	name := printable.Ends(raw, maxName)
	for i := 2; ; i++ {
		if _, taken := n.raws[name]; !taken {
			break
		}
		name = printable.Ends(raw, maxName-8) + fmt.Sprintf(" (%d)", i)
	}
	n.shown[raw], n.raws[name] = name, raw
	return name
}

// raw returns the service's name of a reader. It returns a name that was not shown
// unchanged.
func (n *names) raw(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if raw, ok := n.raws[name]; ok {
		return raw
	}
	return name
}
