package session

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"cie/cmd/internal/harness/await"
	"cie/gui"
)

// fakePortal is the portal of a desktop.
type fakePortal struct {
	conn    *dbus.Conn
	version uint32
	// reply is called after a request was taken; nil: the method itself fails.
	reply func(p *fakePortal, handle dbus.ObjectPath)
	// hung never answers to the method.
	hung chan struct{}

	mu      sync.Mutex // guards version, reply and the following
	title   string
	options map[string]dbus.Variant
}

// set changes the portal.
func (p *fakePortal) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// asked returns what the last dialog was asked for.
func (p *fakePortal) asked() (title string, options map[string]dbus.Variant) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.title, p.options
}

// startPortal starts a portal on a session bus of the test.
func startPortal(t *testing.T, p *fakePortal) {
	t.Helper()
	startBus(t)
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	p.conn = conn
	if err := conn.Export(p, portalPath, fileChooser); err != nil {
		t.Fatal(err)
	}
	if err := conn.ExportMethodTable(map[string]any{"Get": func(string, string) (dbus.Variant, *dbus.Error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return dbus.MakeVariant(p.version), nil
	}}, portalPath, "org.freedesktop.DBus.Properties"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.RequestName(portal, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
}

// OpenFile implements the method of the portal.
func (p *fakePortal) OpenFile(sender dbus.Sender, _, title string, options map[string]dbus.Variant) (dbus.ObjectPath, *dbus.Error) {
	var reply func(*fakePortal, dbus.ObjectPath)
	p.set(func() { p.title, p.options, reply = title, options, p.reply })
	if p.hung != nil {
		<-p.hung
	}
	if reply == nil {
		return "", dbus.NewError("org.freedesktop.portal.Error.NotAllowed", nil)
	}
	token, _ := options["handle_token"].Value().(string)
	name := strings.ReplaceAll(strings.TrimPrefix(string(sender), ":"), ".", "_")
	handle := dbus.ObjectPath(portalPath + "/request/" + name + "/" + token)
	go reply(p, handle)
	return handle, nil
}

// respond answers a request.
func respond(outcome uint32, uris ...string) func(*fakePortal, dbus.ObjectPath) {
	return func(p *fakePortal, handle dbus.ObjectPath) {
		_ = p.conn.Emit(portalPath+"/request/another", request+".Response", uint32(outcomeCanceled), map[string]dbus.Variant{})
		_ = p.conn.Emit(handle, request+".Response", outcome, map[string]dbus.Variant{"uris": dbus.MakeVariant(uris)})
	}
}

func TestChooseReturnsTheFilesOfTheDesktopsDialog(t *testing.T) {
	p := &fakePortal{reply: respond(outcomeChosen, "file:///srv/maria/una%20lettera.pdf", "file:///tmp/citt%C3%A0.p7m", "smb://server/elsewhere.pdf")}
	startPortal(t, p)
	paths, err := Choose(t.Context(), gui.Choice{Title: "Scegli", Endings: []string{".png", ".p7m"}, Several: true})
	if want := []string{"/srv/maria/una lettera.pdf", "/tmp/città.p7m"}; err != nil || !slices.Equal(paths, want) {
		t.Errorf("%q, %v; want %q", paths, err, want)
	}
	title, options := p.asked()
	if title != "Scegli" || options["multiple"].Value() != true || options["directory"].Value() != false {
		t.Errorf("asked for %q with %v", title, options)
	}
	if f := options["filters"].String(); !strings.Contains(f, "*.[pP][nN][gG]") || !strings.Contains(f, "*.[pP]7[mM]") {
		t.Errorf("the filter is %s", f)
	}
	p.set(func() { p.reply = respond(outcomeCanceled) })
	if paths, err := Choose(t.Context(), gui.Choice{}); paths != nil || err != nil {
		t.Errorf("canceled: %q, %v", paths, err)
	}
}

func TestChooseAFolderNeedsAPortalThatCan(t *testing.T) {
	p := &fakePortal{version: folders, reply: respond(outcomeChosen, "file:///srv/maria")}
	startPortal(t, p)
	paths, err := Choose(t.Context(), gui.Choice{Folder: true})
	if _, options := p.asked(); err != nil || !slices.Equal(paths, []string{"/srv/maria"}) || options["directory"].Value() != true {
		t.Errorf("%q, %v with %v", paths, err, options)
	}
	p.set(func() { p.version = folders - 1 })
	if paths, err := Choose(t.Context(), gui.Choice{Folder: true}); !errors.Is(err, errNoDialog) {
		t.Errorf("of an old portal: %q, %v", paths, err)
	}
}

func TestChooseFailsWithoutADialog(t *testing.T) {
	t.Run("no bus", func(t *testing.T) {
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
		if paths, err := Choose(t.Context(), gui.Choice{}); err == nil {
			t.Errorf("chosen: %q", paths)
		}
	})
	t.Run("no portal", func(t *testing.T) {
		startBus(t)
		if paths, err := Choose(t.Context(), gui.Choice{}); err == nil {
			t.Errorf("chosen: %q", paths)
		}
	})
	hung := make(chan struct{})
	defer close(hung)
	for name, p := range map[string]*fakePortal{
		"refused":     {},
		"failed":      {reply: respond(2)},
		"ended":       {reply: func(p *fakePortal, _ dbus.ObjectPath) { _ = p.conn.Close() }},
		"not answers": {hung: hung},
	} {
		t.Run(name, func(t *testing.T) {
			startPortal(t, p)
			wait := await.Patience
			if p.hung != nil {
				wait = 200 * time.Millisecond
			}
			if paths, err := choose(t.Context(), gui.Choice{}, wait); err == nil {
				t.Errorf("chosen: %q", paths)
			}
		})
	}
}

func TestChooseEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	startPortal(t, &fakePortal{reply: func(*fakePortal, dbus.ObjectPath) { cancel() }})
	if paths, err := Choose(ctx, gui.Choice{}); err == nil {
		t.Errorf("chosen: %q", paths)
	}
}
