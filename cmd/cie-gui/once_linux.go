//go:build x11 || wayland

package main

import (
	"context"
	"sync"
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

	mu     sync.Mutex
	open   func()
	wanted bool // before there was a window
}

// claim makes this the program of the session. It returns nil when there is one
// already: that one opens its window then, unless hidden is wanted. Without a
// session bus there may be several.
func claim(ctx context.Context, hidden bool) *once {
	o := &once{}
	conn, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return o
	}
	if err := conn.Export(o, oncePath, onceName); err != nil {
		_ = conn.Close()
		return o
	}
	got, err := conn.RequestName(onceName, dbus.NameFlagDoNotQueue)
	if err != nil || got == dbus.RequestNameReplyPrimaryOwner {
		o.conn = conn
		return o
	}
	defer conn.Close()
	if hidden {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if conn.Object(onceName, oncePath).CallWithContext(ctx, onceName+".Open", 0).Err != nil {
		return o // it does not answer: a second window is better than none
	}
	return nil
}

// Open is called over the bus.
func (o *once) Open() *dbus.Error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open == nil {
		o.wanted = true
		return nil
	}
	o.open()
	return nil
}

// serve says how the window is opened.
func (o *once) serve(open func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open = open; o.wanted {
		open()
	}
}

func (o *once) close() {
	if o.conn != nil {
		_ = o.conn.Close()
	}
}
