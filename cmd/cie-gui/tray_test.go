//go:build linux && x11

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"cie/cmd/cie-gui/internal/session"
	"cie/cmd/internal/harness/await"
	"cie/cmd/internal/harness/sessionbus"
	"cie/cmd/internal/notify"
)

// desktopBus starts a separate session bus for the programs of the test.
func (p *user) desktopBus() string {
	p.t.Helper()
	bus := sessionbus.Start(p.t)
	p.env = append(p.env, sessionbus.Variable+"="+bus.Address)
	return bus.Address
}

// noticedEmpty reports whether the daemon has detected that the card was removed.
func (p *user) noticedEmpty() bool {
	cmd := await.Command(p.t, "opensc-tool", "--list-readers")
	cmd.Env = p.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
	return !strings.Contains(string(out), "Yes")
}

// tray is a panel that shows the items of a tray.
type tray struct {
	conn  *dbus.Conn
	items chan dbus.Sender
}

// RegisterStatusNotifierItem is called by programs (StatusNotifierItem
// specification, StatusNotifierWatcher).
func (y *tray) RegisterStatusNotifierItem(_ string, from dbus.Sender) *dbus.Error {
	select {
	case y.items <- from:
	default:
	}
	return nil
}

// newTray takes the place of a desktop's panel.
func newTray(t *testing.T, address string) *tray {
	t.Helper()
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	y := &tray{conn: conn, items: make(chan dbus.Sender, 8)}
	if err := conn.Export(y, "/StatusNotifierWatcher", session.TrayHost); err != nil {
		t.Fatal(err)
	}
	if r, err := conn.RequestName(session.TrayHost, dbus.NameFlagDoNotQueue); err != nil || r != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("%v, %v", r, err)
	}
	return y
}

// item waits for a program to put itself into the tray.
func (y *tray) item(ctx context.Context, t *testing.T) dbus.BusObject {
	t.Helper()
	select {
	case from := <-y.items:
		return y.conn.Object(string(from), "/StatusNotifierItem/menu")
	case <-ctx.Done():
		t.Fatal("no icon is in the tray")
		return nil
	}
}

// entry is one line of a menu (com.canonical.dbusmenu, GetLayout).
type entry struct {
	ID         int32
	Properties map[string]dbus.Variant
	Children   []dbus.Variant
}

// choose chooses the entry of the menu with that label.
func choose(t *testing.T, menu dbus.BusObject, label string) {
	t.Helper()
	var revision uint32
	var root entry
	if err := menu.Call("com.canonical.dbusmenu.GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &root); err != nil {
		t.Fatal(err)
	}
	var labels []string
	for _, c := range root.Children {
		var e entry
		if err := dbus.Store([]any{c.Value()}, &e); err != nil {
			t.Fatal(err)
		}
		got, _ := e.Properties["label"].Value().(string)
		if got == label {
			if err := menu.Call("com.canonical.dbusmenu.Event", 0, e.ID, "clicked", dbus.MakeVariant(""), uint32(0)).Err; err != nil {
				t.Fatal(err)
			}
			return
		}
		labels = append(labels, got)
	}
	t.Fatalf("the menu has %q, not %q", labels, label)
}

// The way of the tray: switched on in the settings, started as the desktop
// starts it after the next login, one notification for each card that is put
// on the reader, and the window when it is asked for.
func TestTrayNotifiesAndOpensWindow(t *testing.T) {
	p := newUser(t)
	address := p.desktopBus()
	desk, err := notify.Serve(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = desk.Close() })
	panel := newTray(t, address)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()

	p.start()
	p.face()
	p.press("ctrl+comma")
	p.look()
	p.press("Tab", "Tab", "Tab", "space") // language, theme, size of the text, start with the computer
	autostart := filepath.Join(p.home, ".config", "autostart", "cie-gui.desktop")
	p.until("a file that starts the program", func() bool { _, err := os.Stat(autostart); return err == nil })
	p.look()
	p.shot("tray-settings")
	p.press("ctrl+q")
	_ = p.cmd.Wait()

	// What the desktop does with the file (Desktop Entry Specification, Exec).
	data, err := os.ReadFile(autostart)
	if err != nil {
		t.Fatal(err)
	}
	program, args := "", ""
	for line := range strings.Lines(string(data)) {
		if exec, ok := strings.CutPrefix(strings.TrimSpace(line), "Exec=\""); ok {
			program, args, _ = strings.Cut(exec, "\" ")
		}
	}
	p.run(program, strings.Fields(args)...)
	menu := panel.item(ctx, t)
	for n := range 3 {
		p.insertCard()
		if _, err := desk.Wait(ctx, n); err != nil {
			t.Fatal(err)
		}
		p.rest()
		p.removeCard()
		p.until("an empty reader", p.noticedEmpty)
	}
	shown := desk.Shown()
	if len(shown) != 3 {
		t.Errorf("%d notifications for 3 cards: %+v", len(shown), shown)
	}
	for _, m := range shown {
		if !strings.Contains(m.Body, "carta") || !strings.Contains(m.Body, p.daemon.Reader(0)) {
			t.Errorf("notification %+v", m)
		}
	}
	if len(p.visible()) > 0 {
		t.Error("the window came without being asked")
	}
	choose(t, menu, "Apri")
	p.face()
	p.insertCard()
	p.see("the card is read", func() bool { return p.card.Stats().DeviceAuthentications > 0 })
	p.look()
	p.shot("tray-open")
	if n := len(desk.Shown()); n != 3 {
		t.Errorf("%d notifications while the window is there", n-3)
	}
}

// again starts the program a second time, which must end at once.
func (p *user) again(ctx context.Context, args ...string) {
	p.t.Helper()
	cmd := exec.CommandContext(ctx, p.cmd.Path, args...)
	cmd.Env = p.env
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Errorf("a second start %v: %v\n%s", args, err, out)
	}
}

// A second start of the program that waits in the tray opens its window.
func TestSecondStartOpensWindow(t *testing.T) {
	p := newUser(t)
	panel := newTray(t, p.desktopBus())
	p.settings(`{"Autostart": true}`)
	p.start("-hidden")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	panel.item(ctx, t)
	if len(p.visible()) > 0 {
		t.Error("the window came without being asked")
	}
	p.again(ctx, "-hidden")
	if len(p.visible()) > 0 {
		t.Error("a second start for the tray opens the window")
	}
	p.again(ctx)
	p.face()
}

// Without a tray the user could not open the window, so it opens by itself.
func TestHiddenWithoutTray(t *testing.T) {
	p := newUser(t)
	p.desktopBus()
	p.settings(`{"Autostart": true}`)
	p.start("-hidden")
	p.face()
}
