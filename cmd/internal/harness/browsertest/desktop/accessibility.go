package desktop

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"cie/cmd/internal/harness/sessionbus"
)

// The accessibility interface of the desktop, AT-SPI, is how screen readers find the
// dialogs and buttons of a program: by role, name and state, whatever they look like.
// Interfaces and numbers are those of at-spi2-core (xml/*.xml, atspi-constants.h).
const (
	accessible = "org.a11y.atspi.Accessible"
	component  = "org.a11y.atspi.Component"
	properties = "org.freedesktop.DBus.Properties"

	stateSensitive = 24
	stateShowing   = 25
	onScreen       = uint32(0) // ATSPI_COORD_TYPE_SCREEN
)

// launchers are the places of the program that runs the accessibility bus.
var launchers = []string{"/usr/libexec/at-spi-bus-launcher", "/usr/lib/at-spi2-core/at-spi-bus-launcher"}

func launcher() string {
	for _, path := range launchers {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// named are the roles of elements whose names are read, and closed those whose inner
// elements are left out. Each question waits for the program to paint, which takes long
// on a busy machine.
var (
	named  = []string{"application", "frame", "dialog", "push button"}
	closed = []string{"tool bar", "menu bar", "menu", "page tab list", "document web", "status bar", "statusbar", "push button", "label", "static", "heading",
		"combo box", "entry", "separator", "table", "link", "image"}
)

// Element is a part of a program's window as a screen reader sees it.
type Element struct {
	Role string
	// Name is empty for most roles: see named.
	Name string
	// Sensitive: it reacts to the user.
	Sensitive bool
	Parent    *Element
	place     place
	of        *Desktop
}

// place is where an element is on the accessibility bus.
type place struct {
	Bus  string
	Path dbus.ObjectPath
}

// startAccessibility starts the session bus of the screen and the accessibility bus,
// on which programs that start later register themselves.
func (d *Desktop) startAccessibility(ctx context.Context) error {
	bus, err := sessionbus.Launch(d.dir, nil)
	if err != nil {
		return err
	}
	d.bus = bus
	cmd := exec.CommandContext(ctx, launcher(), "--launch-immediately")
	cmd.Env = append(append(os.Environ(), d.Env()...), sessionbus.Variable+"="+bus.Address, "XDG_RUNTIME_DIR="+d.dir)
	if err := d.run(cmd, "at-spi.log"); err != nil {
		return err
	}
	session, err := dbus.Connect(bus.Address, dbus.WithContext(ctx))
	if err != nil {
		return err
	}
	defer session.Close()
	o := session.Object("org.a11y.Bus", "/org/a11y/bus")
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if err = o.CallWithContext(ctx, "org.a11y.Bus.GetAddress", 0).Store(&d.access); err == nil {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("the accessibility bus did not start: %w", err)
		}
	}
	for _, p := range []string{"IsEnabled", "ScreenReaderEnabled"} {
		if err := o.CallWithContext(ctx, properties+".Set", 0, "org.a11y.Status", p, dbus.MakeVariant(true)).Err; err != nil {
			return err
		}
	}
	d.reader, err = dbus.Connect(d.access, dbus.WithContext(ctx))
	return err
}

// Bus returns the address of the screen's session bus.
func (d *Desktop) Bus() string { return d.bus.Address }

// SessionEnv returns the variables of Env and those of a session with a screen reader.
func (d *Desktop) SessionEnv() []string {
	return append(d.Env(), sessionbus.Variable+"="+d.bus.Address, "AT_SPI_BUS_ADDRESS="+d.access, "GNOME_ACCESSIBILITY=1")
}

// Elements returns the dialogs, the buttons in them and what contains them in the
// windows of the program whose name begins with application.
func (d *Desktop) Elements(ctx context.Context, application string) ([]*Element, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var applications []place
	root := place{"org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root"}
	if err := d.ask(ctx, root, accessible+".GetChildren", &applications); err != nil {
		return nil, err
	}
	var all []*Element
	for _, a := range applications {
		if e := d.element(ctx, a, nil); e != nil && strings.HasPrefix(e.Name, application) {
			all = append(all, d.below(ctx, e)...)
		}
	}
	return all, ctx.Err()
}

// below returns the elements in e that are on the screen.
func (d *Desktop) below(ctx context.Context, e *Element) (all []*Element) {
	if slices.Contains(closed, e.Role) {
		return nil
	}
	var children []place
	if err := d.ask(ctx, e.place, accessible+".GetChildren", &children); err != nil {
		return nil
	}
	for _, c := range children {
		var states []uint32
		if err := d.ask(ctx, c, accessible+".GetState", &states); err != nil || len(states) == 0 || states[0]&(1<<stateShowing) == 0 {
			continue
		}
		child := d.element(ctx, c, e)
		if child == nil {
			continue
		}
		child.Sensitive = states[0]&(1<<stateSensitive) != 0
		all = append(append(all, child), d.below(ctx, child)...)
	}
	return all
}

// element reads an element; nil: it is gone.
func (d *Desktop) element(ctx context.Context, at place, parent *Element) *Element {
	e := &Element{Parent: parent, place: at, of: d}
	if d.ask(ctx, at, accessible+".GetRoleName", &e.Role) != nil {
		return nil
	}
	if !slices.Contains(named, e.Role) {
		return e
	}
	var name dbus.Variant
	if d.ask(ctx, at, properties+".Get", &name, accessible, "Name") != nil {
		return nil
	}
	e.Name, _ = name.Value().(string)
	return e
}

// ask asks for a property of an element. An element may go at any time, so most errors
// mean that it is gone; the last one is kept for who finds nothing.
func (d *Desktop) ask(ctx context.Context, at place, method string, answer any, args ...any) error {
	err := d.reader.Object(at.Bus, at.Path).CallWithContext(ctx, method, 0, args...).Store(answer)
	if err != nil {
		failed := fmt.Errorf("%s: %s of %s%s: %w", time.Now().Format("15:04:05.000"), method, at.Bus, at.Path, err)
		d.unanswered.Store(&failed)
	}
	return err
}

// Unanswered returns the last question to the accessibility bus that failed, with its time,
// or nil.
func (d *Desktop) Unanswered() error {
	if failed := d.unanswered.Load(); failed != nil {
		return *failed
	}
	return nil
}

// In reports whether the element is in one with the role, and returns that.
func (e *Element) In(role string) (*Element, bool) {
	for p := e.Parent; p != nil; p = p.Parent {
		if p.Role == role {
			return p, true
		}
	}
	return nil, false
}

// Rest returns the middle of the element on the screen once it rests there: a dialog that
// is still laid out has another of its buttons at that place a moment later.
func (e *Element) Rest(ctx context.Context) (image.Point, error) {
	var last image.Rectangle
	for range 50 {
		var r struct{ X, Y, W, H int32 }
		if err := e.of.ask(ctx, e.place, component+".GetExtents", &r, onScreen); err != nil {
			return image.Point{}, err
		}
		if r.W <= 0 || r.H <= 0 {
			return image.Point{}, errors.New("the element has no place on the screen")
		}
		now := image.Rect(int(r.X), int(r.Y), int(r.X+r.W), int(r.Y+r.H))
		if now == last {
			return now.Min.Add(now.Size().Div(2)), nil
		}
		last = now
		select {
		case <-ctx.Done():
			return image.Point{}, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return image.Point{}, errors.New("the element does not come to rest")
}
