package gui

import "sync"

// secrets counts what holds digits of a code: fields and running operations.
type secrets struct {
	mu sync.Mutex
	n  int
}

// hold counts a field or an operation that begins to hold digits, or ends.
// Options.Secret is called at the first and at the last one.
func (u *UI) hold(on bool) {
	u.secret.mu.Lock()
	defer u.secret.mu.Unlock()
	before := u.secret.n
	if on {
		u.secret.n++
	} else {
		u.secret.n--
	}
	if (before == 0) != (u.secret.n == 0) && u.opts.Secret != nil {
		u.opts.Secret(on)
	}
}
