//go:build x11 || wayland

package main

import (
	"context"
	"time"

	"github.com/godbus/dbus/v5"
)

// The name of the running program on the session bus, and what it answers to.
const (
	onceName = "cie.Gui"
	oncePath = "/cie/Gui"
)

// once is the one program of a session. Who starts it again gets its window,
// which may be hidden in the tray.
type once struct {
	conn *dbus.Conn

	open  func()
	ready chan struct{} // closed when open is known
}

// openWait bounds the wait for the window of the program that runs. The caller
// waits a little longer than the callee, to hear why.
const (
	openWait = 3 * time.Second
	spare    = 500 * time.Millisecond
)

// claim makes this the program of the session. It returns nil when there is one
// already: that one has opened its window then, unless hidden is wanted.
// unanswered reports that there is one and its window does not come: another
// window is better than none. Without a session bus there may be several.
func claim(ctx context.Context, hidden bool) (sole *once, unanswered bool) {
	o := &once{ready: make(chan struct{})}
	conn, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return o, false
	}
	if err := conn.Export(o, oncePath, onceName); err != nil {
		_ = conn.Close()
		return o, false
	}
	got, err := conn.RequestName(onceName, dbus.NameFlagDoNotQueue)
	if err != nil || got == dbus.RequestNameReplyPrimaryOwner {
		o.conn = conn
		return o, false
	}
	defer conn.Close()
	if hidden {
		return nil, false
	}
	ctx, cancel := context.WithTimeout(ctx, openWait+spare)
	defer cancel()
	if conn.Object(onceName, oncePath).CallWithContext(ctx, onceName+".Open", 0).Err != nil {
		return o, true
	}
	return nil, false
}

// Open is called over the bus. It succeeds when the thread of the windows has
// opened the window, and fails when that takes too long.
func (o *once) Open() *dbus.Error {
	late := time.NewTimer(openWait)
	defer late.Stop()
	noWindow := dbus.NewError(onceName+".NoWindow", nil)
	select {
	case <-o.ready:
	case <-late.C:
		return noWindow
	}
	opened := make(chan struct{})
	go func() {
		defer close(opened)
		o.open()
	}()
	select {
	case <-opened:
		return nil
	case <-late.C:
		return noWindow
	}
}

// serve says how the window is opened: open returns when it is.
func (o *once) serve(open func()) {
	if o.ready != nil {
		o.open = open
		close(o.ready)
	}
}

func (o *once) close() {
	if o.conn != nil {
		_ = o.conn.Close()
	}
}
