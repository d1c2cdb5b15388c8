package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"cie/gui"
)

// The dialog of the desktop (XDG Desktop Portal, org.freedesktop.portal.FileChooser and
// org.freedesktop.portal.Request).
const (
	portal      = "org.freedesktop.portal.Desktop"
	portalPath  = "/org/freedesktop/portal/desktop"
	fileChooser = "org.freedesktop.portal.FileChooser"
	request     = "org.freedesktop.portal.Request"
)

// folders is the version of the interface that can choose a folder.
const folders = 3

// portalWait bounds the wait for the portal, which starts with the first call, to take a
// request. The user then has all the time in the world.
const portalWait = 5 * time.Second

// errNoDialog reports that the desktop has no dialog, or that it failed.
var errNoDialog = errors.New("no dialog of the desktop")

// Choose lets the user choose files or a folder in a dialog of the desktop, until ctx
// ends. It returns no path if the user chose nothing.
func Choose(ctx context.Context, c gui.Choice) ([]string, error) {
	return choose(ctx, c, portalWait)
}

func choose(ctx context.Context, c gui.Choice, wait time.Duration) ([]string, error) {
	// The portal closes the dialog of a connection that has ended.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	late := time.AfterFunc(wait, cancel)
	defer late.Stop()
	signals := make(chan *dbus.Signal, 8)
	conn, err := sessionBus(ctx, signals, portal)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.AddMatchSignalContext(ctx, dbus.WithMatchInterface(request), dbus.WithMatchMember("Response")); err != nil {
		return nil, err
	}
	desktop := conn.Object(portal, portalPath)
	if c.Folder {
		var version dbus.Variant
		if err := desktop.CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, fileChooser, "version").Store(&version); err != nil {
			return nil, err
		}
		if n, ok := version.Value().(uint32); !ok || n < folders {
			return nil, errNoDialog
		}
	}
	options := map[string]dbus.Variant{
		"handle_token": dbus.MakeVariant("cie" + rand.Text()),
		"multiple":     dbus.MakeVariant(c.Several), "directory": dbus.MakeVariant(c.Folder),
	}
	if len(c.Endings) > 0 {
		options["filters"] = dbus.MakeVariant([]filter{newFilter(c.Endings)})
	}
	var handle dbus.ObjectPath
	if err := desktop.CallWithContext(ctx, fileChooser+".OpenFile", 0, "", c.Title, options).Store(&handle); err != nil {
		return nil, err
	}
	late.Stop()
	return answer(ctx, handle, signals)
}

// filter are files that are offered: a name and patterns, 0 for a pattern of the shell.
type filter struct {
	Name     string
	Patterns []pattern
}

type pattern struct {
	Kind uint32
	Glob string
}

// newFilter returns the filter for names with these endings, in any case.
func newFilter(endings []string) filter {
	f := filter{Name: strings.Join(endings, ", ")}
	for _, e := range endings {
		glob := "*"
		for _, r := range e {
			if low, high := strings.ToLower(string(r)), strings.ToUpper(string(r)); low != high {
				glob += "[" + low + high + "]"
			} else {
				glob += low
			}
		}
		f.Patterns = append(f.Patterns, pattern{0, glob})
	}
	return f
}

// answer waits for the answer to a request.
func answer(ctx context.Context, handle dbus.ObjectPath, signals <-chan *dbus.Signal) ([]string, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case s, ok := <-signals:
			switch {
			case !ok:
				return nil, fmt.Errorf("%w: the bus is gone", errNoDialog)
			case s.Name == "org.freedesktop.DBus.NameOwnerChanged" && len(s.Body) == 3 && s.Body[0] == portal && s.Body[1] != "":
				return nil, fmt.Errorf("%w: it ended", errNoDialog)
			case s.Name == request+".Response" && s.Path == handle:
				return chosen(s.Body)
			}
		}
	}
}

// The outcomes of a request.
const (
	outcomeChosen   = 0
	outcomeCanceled = 1
)

// chosen returns the paths in the answer of the portal.
func chosen(body []any) ([]string, error) {
	var outcome uint32
	var results map[string]dbus.Variant
	if err := dbus.Store(body, &outcome, &results); err != nil {
		return nil, err
	}
	switch outcome {
	case outcomeChosen:
	case outcomeCanceled:
		return nil, nil
	default:
		return nil, fmt.Errorf("%w: outcome %d", errNoDialog, outcome)
	}
	var paths []string
	uris, _ := results["uris"].Value().([]string)
	for _, uri := range uris {
		if u, err := url.Parse(uri); err == nil && u.Scheme == "file" {
			paths = append(paths, u.Path)
		}
	}
	return paths, nil
}
