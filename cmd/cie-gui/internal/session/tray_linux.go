package session

import (
	"context"
	"time"

	"github.com/godbus/dbus/v5"
)

// TrayHost is the name on the session bus of the program that shows a tray
// (StatusNotifierItem specification, StatusNotifierWatcher).
const TrayHost = "org.kde.StatusNotifierWatcher"

// trayGrace is how long a desktop may go without a tray before that counts:
// programs of a session start in any order, and panels start again.
const trayGrace = 5 * time.Second

// WatchTray reports whether the desktop shows a tray, now and after each change.
func WatchTray(ctx context.Context, shown func(bool)) {
	changes := make(chan *dbus.Signal, 8)
	conn, err := sessionBus(ctx, changes, TrayHost)
	if err != nil {
		shown(false)
		return
	}
	defer conn.Close()
	var there bool
	if err := conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, TrayHost).Store(&there); err != nil {
		there = false
	}
	grace := time.NewTimer(trayGrace)
	defer grace.Stop()
	if there {
		grace.Stop()
		shown(true)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-grace.C:
			shown(false)
		case s, ok := <-changes:
			if !ok { // the bus is gone
				shown(false)
				return
			}
			if len(s.Body) < 3 || s.Body[0] != TrayHost {
				continue
			}
			if s.Body[2] == "" {
				grace.Reset(trayGrace)
				continue
			}
			grace.Stop()
			shown(true)
		}
	}
}

// sessionBus connects and asks for changes of the owner of a name.
func sessionBus(ctx context.Context, changes chan<- *dbus.Signal, name string) (*dbus.Conn, error) {
	conn, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	conn.Signal(changes)
	err = conn.AddMatchSignalContext(ctx, dbus.WithMatchSender("org.freedesktop.DBus"),
		dbus.WithMatchInterface("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, name))
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}
