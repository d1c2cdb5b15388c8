package gui

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"cie/card"
)

// trayApp is an application with a tray.
type trayApp struct {
	fyne.App
	menu   *fyne.Menu
	notes  []*fyne.Notification // on the thread of the windows
	quit   bool
	opened []string
	do     func(func())
}

var _ desktop.App = (*trayApp)(nil)

func (a *trayApp) SetSystemTrayMenu(m *fyne.Menu)    { a.menu = m }
func (a *trayApp) SetSystemTrayIcon(fyne.Resource)   {}
func (a *trayApp) SetSystemTrayWindow(w fyne.Window) {}
func (a *trayApp) OpenURL(u *url.URL) error          { a.opened = append(a.opened, u.String()); return nil }
func (a *trayApp) Quit()                             { a.quit = true }
func (a *trayApp) SendNotification(n *fyne.Notification) {
	a.do(func() { a.notes = append(a.notes, n) })
}

// newTrayRig returns a window that starts in the tray; shown reports whether the
// desktop has one.
func newTrayRig(t *testing.T) (d *rig, a *trayApp, shown chan<- bool) {
	t.Helper()
	f := newFake()
	f.settings.Autostart = true
	d = &rig{t: t, fake: f, more: make(chan struct{}, 1)}
	a = &trayApp{App: test.NewTempApp(t), do: d.enqueue}
	changes := make(chan bool)
	d.UI = New(a, f, Options{Do: d.enqueue, Hidden: true, Tray: func(ctx context.Context, shown func(bool)) {
		for {
			select {
			case on := <-changes:
				shown(on)
			case <-ctx.Done():
				return
			}
		}
	}})
	d.Show()
	t.Cleanup(func() {
		d.Close()
		d.Wait()
	})
	return d, a, changes
}

// In the tray there is one notification for each card that is inserted.
func TestEachCardIsNotifiedOnce(t *testing.T) {
	d, a, shown := newTrayRig(t)
	shown <- true
	for n := 1; n <= 3; n++ {
		d.lay(3, 10, card.Genuine)
		d.until(func() bool { return len(a.notes) == n })
		d.show(ReaderState{Readers: []Reader{d.readers.Readers[0], {Name: "another"}}}) // says nothing new of the card
		d.show(ReaderState{Readers: []Reader{d.reader(Empty)}})
	}
	if got := a.notes[0]; got.Title != d.texts.T("app.name") || got.Content != d.texts.T("notify.card", testReader) {
		t.Errorf("%+v", got)
	}
	a.menu.Items[0].Action() // open
	d.lay(3, 10, card.Genuine)
	d.wants("All is well")
	d.Close()
	d.Wait()
	d.until(func() bool { return true })
	if len(a.notes) != 3 {
		t.Errorf("%d notifications", len(a.notes))
	}
	a.menu.Items[1].Action()
	if !a.quit {
		t.Error("the menu does not end the program")
	}
}

// Desktops read a notification as markup, and a USB device chooses the name of
// its reader.
func TestNotificationHasNoMarkup(t *testing.T) {
	d, a, shown := newTrayRig(t)
	shown <- true
	const evil = "<b>Evil</b> & <img src=x> 00 00"
	d.fake.put(evil, 3, 10, card.Genuine)
	d.show(ReaderState{Readers: []Reader{{Name: evil, Presence: Present, Visit: 1}}})
	d.until(func() bool { return len(a.notes) == 1 })
	if got := a.notes[0].Content; strings.ContainsAny(got, "<>&") || !strings.Contains(got, "Evil") {
		t.Errorf("%q", got)
	}
}

// Where nothing shows a tray the window opens, and closing it ends the program.
func TestWindowOpensWithoutTray(t *testing.T) {
	d, a, shown := newTrayRig(t)
	if !d.hidden {
		t.Fatal("the window did not start in the tray")
	}
	shown <- false
	d.until(func() bool { return !d.hidden })
	d.closed()
	if !a.quit || d.hidden {
		t.Errorf("closing the window: end %v, hidden %v", a.quit, d.hidden)
	}
}

// The toolkit puts an item into the tray at the start only: who switches the
// tray on must not lose the window before that.
func TestTraySwitchedOn(t *testing.T) {
	f := newFake()
	d := &rig{t: t, fake: f, more: make(chan struct{}, 1)}
	a := &trayApp{App: test.NewTempApp(t), do: d.enqueue}
	d.UI = New(a, f, Options{Do: d.enqueue})
	defer d.Close()
	d.Show()
	d.Go(screenSettings)
	d.apply(Settings{Language: "en", Autostart: true})
	if d.tray || a.menu != nil {
		t.Errorf("in the tray %v, menu %v", d.tray, a.menu)
	}
}

// With a tray closing the window leaves the program in it, without anything typed.
func TestCloseKeepsProgramInTray(t *testing.T) {
	d, a, shown := newTrayRig(t)
	shown <- true
	a.menu.Items[0].Action()
	d.lay(3, 10, card.Genuine)
	d.Go(screenChange)
	d.keys("1357")
	field := d.current.(*codeScreen).form.code.DigitField
	d.closed()
	if a.quit || !d.hidden || field.Len() != 0 || d.at != screenCard {
		t.Errorf("end %v, hidden %v, %d digits left, screen %s", a.quit, d.hidden, field.Len(), d.at)
	}
}
