package gui

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"cie/card"
)

// Demo describes the virtual card of a demonstration. Its codes are no
// secrets: they are shown on the banner.
type Demo struct {
	PIN, PUK string
	// Move takes the card off the reader, or puts it back.
	Move func()
}

// Options are the surroundings of the windows. The zero value works.
type Options struct {
	// Demo is set for a demonstration, which shows a banner.
	Demo *Demo
	// Another is set when the program runs already and its window does not
	// answer: this one says so.
	Another bool
	// Hidden starts in the tray, where there is one.
	Hidden bool
	// Tray reports whether the desktop shows a tray, now and after each change,
	// until ctx ends. nil: it does.
	Tray func(ctx context.Context, shown func(bool))
	// Do runs a function on the thread of the windows; nil: fyne.Do. Tests
	// queue and pump.
	Do func(func())
	// Secret is called before the window begins to hold digits of a code, and
	// when it holds none any more; nil: not called.
	Secret func(held bool)
	// Frame is the window of the desktop; nil: none.
	Frame Frame
	// Choose lets the person choose in a dialog of the desktop. It returns no path when
	// the person chose none, and an error when the desktop shows no dialog: then the
	// toolkit does. nil: the toolkit does.
	Choose func(ctx context.Context, c Choice) (paths []string, err error)
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// After calls f on the thread of the windows after a time, unless stop is
	// called before; nil: with a timer.
	After func(d time.Duration, f func()) (stop func())
}

// Frame reaches the window of the desktop where the toolkit does not. Its methods are
// called on the thread of the windows.
type Frame interface {
	// Restore places a window that is not shown yet where an earlier one was, if a
	// screen shows that place.
	Restore(w fyne.Window, x, y int)
	// Shown is called after the window was shown. It calls minimised each time
	// that the window is minimised.
	Shown(w fyne.Window, minimised func())
	// Place returns the place of the window; ok reports whether the platform has
	// reported one.
	Place() (x, y int, ok bool)
}

// UI is the window with its screens.
type UI struct {
	app    fyne.App
	win    fyne.Window
	svc    Service
	opts   Options
	do     func(func())
	texts  *Texts
	theme  *Theme
	config Settings

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	secret secrets

	readers     ReaderState
	seen        bool // the first ReaderState has come
	slots       map[string]*slot
	order       []*slot
	chosen      string // reader that the user picked
	hidden      bool
	ready       bool // New is done
	hasTray     bool // an item was put into the tray, as the toolkit only does at the start
	tray        bool // it is wanted, too
	bare        bool // the desktop shows no tray
	nav         []*navItem
	tabs        []*navItem // of the screen, where it has pages
	state       *stateLine
	start       *button         // starts the smart card service, where it is down
	startFailed bool            // the smart card service could not be started
	working     int             // operations with a card that run
	revealed    []*codeEntry    // that may show their digits
	page        *fyne.Container // holds the scroller
	scroll      *container.Scroll
	at          string
	current     screen
	kept        map[string]*codeScreen // left while the card was at work
	keys        map[string]func()      // by the name of the shortcut
	sign        *signScreen
	choosing    *choosing                            // nil: no dialog of the desktop is open
	setting     string                               // that was changed last, and keeps the keyboard
	built       bool                                 // the screen is in the window
	bars        map[*widget.ProgressBarInfinite]bool // that move, on the page
}

// slot is a reader with what is known of the card in it. A new one is made for
// each card, so that late answers about a removed card are ignored.
type slot struct {
	reader  Reader
	card    Card
	known   bool // Inspect said something
	done    bool // Inspect has ended
	err     error
	holder  *Holder
	form    *form // of the card screen
	asking  bool  // the form is shown
	open    bool  // the details are shown
	wary    bool  // a code was withheld until the user confirms
	cancel  context.CancelFunc
	round   int           // number of the Inspect that counts
	reading card.StepName // the current step while the card is read
}

// usable reports that the card takes codes.
func (s *slot) usable() bool { return s.reader.Presence == Present && s.known && s.err == nil }

// New makes the window and begins to watch the readers. The window is not shown yet.
func New(a fyne.App, svc Service, o Options) *UI {
	u := &UI{app: a, svc: svc, opts: o, do: o.Do, slots: map[string]*slot{}}
	if u.do == nil {
		u.do = fyne.Do
	}
	if u.opts.Now == nil {
		u.opts.Now = time.Now
	}
	if u.opts.After == nil {
		u.opts.After = func(d time.Duration, f func()) func() {
			timer := time.AfterFunc(d, func() { u.do(f) })
			return func() { timer.Stop() }
		}
	}
	a.Lifecycle().SetOnExitedForeground(u.conceal)
	u.ctx, u.cancel = context.WithCancel(context.Background())
	u.win = a.NewWindow("CIE")
	u.win.SetIcon(Icon)
	u.win.SetMaster()
	u.win.SetPadded(false)
	size := fyne.NewSize(1040, 740)
	if s := svc.Settings(); s.Width >= 600 && s.Height >= 400 {
		size = fyne.NewSize(s.Width, s.Height)
	}
	u.win.Resize(size)
	if s := svc.Settings(); s.Placed && o.Frame != nil {
		o.Frame.Restore(u.win, s.X, s.Y)
	}
	u.win.SetOnDropped(u.dropped)
	u.win.SetOnClosed(func() { u.Close() })
	u.apply(svc.Settings())
	u.ready = true
	u.shortcuts()
	u.watch()
	if o.Tray != nil {
		u.background(func() {
			o.Tray(u.ctx, func(on bool) { u.do(func() { u.trayShown(on) }) })
		})
	}
	return u
}

// Window returns the main window.
func (u *UI) Window() fyne.Window { return u.win }

// Show shows the window, or only the tray if Options.Hidden is set and there is one.
func (u *UI) Show() {
	if u.opts.Hidden && u.tray {
		u.hidden = true
		return
	}
	u.hidden = false
	u.show()
	u.focus()
}

// Close ends everything that runs for the window.
func (u *UI) Close() {
	if u.current != nil {
		u.current.leave()
	}
	if u.ctx.Err() == nil {
		u.rememberFrame()
	}
	u.cancel()
}

// rememberFrame saves the size and the place of the window for the next start.
func (u *UI) rememberFrame() {
	now := u.config
	if size := u.win.Canvas().Size(); size.Width >= 600 && size.Height >= 400 {
		now.Width, now.Height = size.Width, size.Height
	}
	if u.opts.Frame != nil {
		if x, y, ok := u.opts.Frame.Place(); ok {
			now.X, now.Y, now.Placed = x, y, true
		}
	}
	if now == u.config {
		return
	}
	u.config = now
	if err := u.svc.SaveSettings(now); err != nil {
		fyne.LogError("size of the window", err)
	}
}

// show shows the window.
func (u *UI) show() {
	u.win.Show()
	if u.opts.Frame != nil {
		u.opts.Frame.Shown(u.win, u.unseen)
	}
}

// Wait waits until the goroutines of a closed window have ended.
func (u *UI) Wait() { u.work.Wait() }

// apply applies settings and rebuilds the window.
func (u *UI) apply(s Settings) {
	u.config = s
	u.texts = LoadTexts(s.Language)
	u.texts.toolkit()
	u.theme = &Theme{Name: s.Theme, Scale: s.TextScale}
	u.app.Settings().SetTheme(u.theme)
	u.setTray(s.Autostart)
	for _, s := range u.order {
		s.form, s.asking = nil, false
	}
	u.kept = map[string]*codeScreen{}
	u.frame()
	at := u.at
	if at == "" {
		at = screenCard
	}
	u.Go(at)
}

// frame builds what surrounds the screens.
func (u *UI) frame() {
	t := u.texts
	u.win.SetTitle(t.T("app.name"))
	u.nav = nil
	entries, foot := vbox(3), fyne.CanvasObject(nil)
	for i, e := range screens {
		item := newNavItem(t.T(e.title), e.icon(),
			func() { u.Go(e.name) },
			func(by int) {
				if to := i + by; to >= 0 && to < len(u.nav) {
					u.win.Canvas().Focus(u.nav[to])
				}
			})
		u.nav = append(u.nav, item)
		if e.key != "" {
			foot = item
		} else {
			entries.Add(item)
		}
	}
	title := widget.NewLabel(t.T("app.short"))
	title.SizeName = theme.SizeNameSubHeadingText
	title.TextStyle.Bold = true
	brand := container.New(inset{6, 6}, container.New(lead{gap: 2, middle: true}, icon(Icon, 2.2), title))
	side := container.NewStack(
		newSurface(colorNav, "", 0),
		container.New(inset{8, 12}, container.NewBorder(brand, nil, nil, nil,
			container.NewVScroll(container.New(inset{3, 10}, entries)))))
	// The scroller must not hide the ends of the entries.
	side = container.New(atLeast{entries}, side)

	u.state = newStateLine()
	bottom := container.NewStack(newSurface(colorNav, colorLine, 0),
		container.New(inset{11, 4}, container.NewBorder(nil, nil, nil, foot, u.state.object)))

	u.scroll = container.NewVScroll(container.NewWithoutLayout())
	u.page = container.New(whole{}, u.scroll)
	var top fyne.CanvasObject
	switch {
	case u.opts.Demo != nil:
		top = u.banner()
	case u.opts.Another:
		top = container.New(inset{20, 8}, notice(warn, u.texts.T("another.title"), u.texts.T("another.text")))
	}
	content := container.NewBorder(top, nil, nil, nil, u.page)
	u.win.SetContent(container.New(renewing{u.win.Content}, container.NewBorder(nil, bottom, side, nil, content), container.NewWithoutLayout()))
}

// atLeast makes its one object at least as wide as another one.
type atLeast struct{ other fyne.CanvasObject }

func (l atLeast) Layout(o []fyne.CanvasObject, size fyne.Size) { o[0].Resize(size) }

func (l atLeast) MinSize(o []fyne.CanvasObject) fyne.Size {
	m := o[0].MinSize()
	m.Width = max(m.Width, l.other.MinSize().Width+24)
	return m
}

// AnotherText returns the meaning of Options.Another, for a terminal.
func (u *UI) AnotherText() string { return u.texts.T("another.title") }

// banner shows that this is a demonstration.
func (u *UI) banner() fyne.CanvasObject {
	t, d := u.texts, u.opts.Demo
	label := text(t.T("demo.banner", d.PIN, d.PUK))
	label.TextStyle.Bold = true
	label.Importance = widget.WarningImportance
	line := fyne.CanvasObject(label)
	if d.Move != nil {
		move := newButton(t.T("demo.move"), func() { go d.Move() })
		line = container.NewBorder(nil, nil, nil, container.NewCenter(move), label)
		if u.config.TextScale > 150 { // no room beside the button
			line = vbox(0, label, row(move))
		}
	}
	// As an edge below a surface of one colour.
	return container.NewStack(newSurface(colorWarnLine, "", 0),
		container.New(edge{}, container.NewStack(newSurface(colorWarn, "", 0), container.New(inset{20, 2}, line))))
}

// edge leaves a line free below its one object.
type edge struct{}

func (edge) Layout(o []fyne.CanvasObject, size fyne.Size) {
	o[0].Resize(size.SubtractWidthHeight(0, 2))
}

func (edge) MinSize(o []fyne.CanvasObject) fyne.Size { return o[0].MinSize().AddWidthHeight(0, 2) }

// Go shows a screen by its name.
func (u *UI) Go(name string) {
	section, page := find(name)
	if u.current != nil {
		u.current.leave()
	}
	u.at = page.name
	u.built = false
	u.current = u.screen(page)
	for i, e := range screens {
		u.nav[i].chosen = e.name == section.name
		u.nav[i].Refresh()
	}
	content := container.New(column{gap: 6, max: 54}, flush(heading(u.texts.T(section.title))))
	if u.tabs = u.tabsOf(section, page); len(u.tabs) > 0 {
		line := container.New(&flow{gap: 6})
		for _, tab := range u.tabs {
			line.Add(tab)
		}
		content.Add(line)
	}
	content.Add(u.current.build())
	u.scroll.Content = container.New(innerInset{28, 18}, content)
	u.scroll.ScrollToTop()
	u.relayout()
	u.built = true
	u.changed()
	u.focus()
}

// tabsOf returns the tabs that lead to the pages of a screen.
func (u *UI) tabsOf(section, page entry) []*navItem {
	var tabs []*navItem
	for i, p := range section.pages {
		tab := newNavItem(u.texts.T(p.title), p.icon(), func() { u.Go(p.name) }, func(by int) {
			if to := i + by; to >= 0 && to < len(tabs) {
				u.win.Canvas().Focus(tabs[to])
			}
		})
		tab.tab, tab.chosen = true, p.name == page.name
		tabs = append(tabs, tab)
	}
	return tabs
}

// screen returns the page that was left while the card was at work, or a new one.
func (u *UI) screen(page entry) screen {
	if s := u.kept[page.name]; s != nil {
		delete(u.kept, page.name)
		return s
	}
	return page.open(u)
}

func (u *UI) focus() {
	if !u.built {
		return
	}
	f := u.current.focus()
	if w, ok := f.(fyne.Disableable); f == nil || ok && w.Disabled() {
		f = u.place()
	}
	u.win.Canvas().Focus(f)
}

// place returns the tab or the entry of the navigation for the page.
func (u *UI) place() *navItem {
	for _, n := range append(slices.Clone(u.tabs), u.nav...) {
		if n.chosen {
			return n
		}
	}
	return u.nav[0]
}

// refocus moves the focus to where the screen needs it after the screen has
// changed under it, unless the user is in the navigation.
func (u *UI) refocus() {
	if _, ok := u.win.Canvas().Focused().(*navItem); !ok {
		u.focus()
	}
}

// shortcuts: Ctrl and a digit opens one of the first nine screens, Escape the
// first one, Ctrl and a key of its own one at the foot.
func (u *UI) shortcuts() {
	u.keys = map[string]func(){}
	add := func(key fyne.KeyName, f func()) {
		s := &desktop.CustomShortcut{KeyName: key, Modifier: fyne.KeyModifierShortcutDefault}
		u.keys[s.ShortcutName()] = f
		u.win.Canvas().AddShortcut(s, u.shortcut)
	}
	n := 0
	for _, e := range screens {
		key := e.key
		if key == "" {
			n++
			key = fyne.KeyName(strconv.Itoa(n))
		}
		if n < 10 {
			add(key, func() { u.Go(e.name) })
		}
	}
	add(fyne.KeyQ, u.app.Quit)
	u.win.Canvas().SetOnTypedKey(func(e *fyne.KeyEvent) {
		if e.Name == fyne.KeyEscape {
			u.Go(screenCard)
			return
		}
		u.scrollBy(e.Name)
	})
}

// scrollBy scrolls the page by a key that nothing else uses (WCAG 2.1.1).
func (u *UI) scrollBy(key fyne.KeyName) {
	size, all := u.scroll.Size(), u.scroll.Content.Size()
	end := max(0, all.Height-size.Height)
	line := 3 * theme.TextSize()
	y := u.scroll.Offset.Y
	switch key {
	case fyne.KeyUp:
		y -= line
	case fyne.KeyDown:
		y += line
	case fyne.KeyPageUp:
		y -= size.Height - line
	case fyne.KeyPageDown:
		y += size.Height - line
	case fyne.KeyHome:
		y = 0
	case fyne.KeyEnd:
		y = end
	default:
		return
	}
	u.scroll.ScrollToOffset(fyne.NewPos(u.scroll.Offset.X, min(max(y, 0), end)))
}

// shortcut executes the action of the keys.
func (u *UI) shortcut(s fyne.Shortcut) {
	if f := u.keys[s.ShortcutName()]; f != nil {
		f()
	}
}

// closed is what closing the window does while the tray is wanted.
func (u *UI) closed() {
	if u.bare {
		u.app.Quit()
		return
	}
	u.Go(screenCard)
	u.hidden = true
	u.unseen()
	u.changed()
	u.win.Hide()
}

// trayShown takes over whether the desktop shows a tray. A window that could
// not be reached by one is shown.
func (u *UI) trayShown(on bool) {
	u.bare = !on
	if u.bare && u.hidden && u.ctx.Err() == nil {
		u.open()
	}
}

// Open brings the window to the user. It may be called from any goroutine.
func (u *UI) Open() {
	u.do(func() {
		if u.ctx.Err() == nil {
			u.open()
		}
	})
}

// open brings the window to the user.
func (u *UI) open() {
	u.hidden = false
	u.current.update() // bars do not move in a hidden window
	u.show()
	u.win.RequestFocus()
	u.focus()
}

// setTray keeps the program in the tray when its window is closed, if wanted
// and if there is a tray. Switched on in the settings it is so from the next
// start on.
func (u *UI) setTray(on bool) {
	d, ok := u.app.(desktop.App)
	if !u.ready {
		u.hasTray = on && ok
	}
	u.tray = on && u.hasTray
	if !u.tray {
		u.win.SetCloseIntercept(nil)
		return
	}
	d.SetSystemTrayIcon(Icon)
	d.SetSystemTrayMenu(fyne.NewMenu("CIE",
		fyne.NewMenuItem(u.texts.T("tray.open"), u.open),
		fyne.NewMenuItem(u.texts.T("tray.quit"), u.app.Quit)))
	u.win.SetCloseIntercept(u.closed)
}

// background runs f in a goroutine that Wait waits for.
func (u *UI) background(f func()) {
	u.work.Add(1)
	go func() {
		defer u.work.Done()
		f()
	}()
}
