// Package session makes cie-gui a part of a desktop session: one program for each
// session, and a tray to wait in.
package session

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

// Once is the one program of a session. A further start opens its window, which
// may be hidden in the tray.
type Once struct {
	conn *dbus.Conn

	open  func(files []string)
	ready chan struct{} // closed when open is known
}

// openWait bounds the wait for the window of the program that runs. The caller
// waits a little longer than the callee, to hear why.
const (
	openWait = 3 * time.Second
	spare    = 500 * time.Millisecond
)

// Claim makes this the program of the session. It returns nil when one runs
// already: that one has opened its window and the files then, unless hidden is set. unanswered
// reports that one runs and does not open its window: another window is better
// than none. Without a session bus there may be several programs.
func Claim(ctx context.Context, hidden bool, files []string) (sole *Once, unanswered bool) {
	o := &Once{ready: make(chan struct{})}
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
	if conn.Object(onceName, oncePath).CallWithContext(ctx, onceName+".Open", 0, append([]string{}, files...)).Err != nil {
		return o, true
	}
	return nil, false
}

// Open is called over the bus. It succeeds when the thread of the windows has
// opened the window, and fails when that takes too long. files are absolute paths to
// show.
func (o *Once) Open(files []string) *dbus.Error {
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
		o.open(files)
	}()
	select {
	case <-opened:
		return nil
	case <-late.C:
		return noWindow
	}
}

// Serve sets how the window is opened: open returns when it is.
func (o *Once) Serve(open func(files []string)) {
	if o.ready != nil {
		o.open = open
		close(o.ready)
	}
}

// Close releases the name on the bus.
func (o *Once) Close() {
	if o.conn != nil {
		_ = o.conn.Close()
	}
}
