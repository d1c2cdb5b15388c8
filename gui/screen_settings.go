package gui

import (
	"slices"
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	catalogue "cie/gui/text"
)

// settingsScreen shows the choices of the user. Each takes effect at once.
type settingsScreen struct {
	u *UI
	body
	first    *selection
	controls map[string]fyne.Focusable
	said     fyne.CanvasObject
	asking   string // what is deleted after a confirmation
}

func (s *settingsScreen) build() fyne.CanvasObject {
	s.body = newBody(s.u)
	s.show()
	return s.box
}

// focus is on what was changed last, which rebuilt the screen.
func (s *settingsScreen) focus() fyne.Focusable {
	last := s.controls[s.u.setting]
	if s.u.setting = ""; last != nil {
		return last
	}
	return s.first
}

func (s *settingsScreen) leave()  {}
func (s *settingsScreen) update() {}

// choice is one value of a setting with its text.
type choice struct{ value, label string }

func (s *settingsScreen) pick(label string, list []choice, now string, set func(string)) (*selection, fyne.CanvasObject) {
	var labels []string
	at := 0
	for i, c := range list {
		labels = append(labels, c.label)
		if c.value == now {
			at = i
		}
	}
	sel := newSelection(label, labels)
	sel.SetSelectedIndex(at)
	sel.OnChanged = func(l string) {
		if i := slices.Index(labels, l); i >= 0 {
			set(list[i].value)
		}
	}
	name := text(label)
	name.TextStyle.Bold = true
	return sel, container.New(column{gap: -4}, name, even(sel))
}

func (s *settingsScreen) show() {
	u, t, c := s.u, s.u.texts, s.u.config
	save := func(name string, change func(*Settings)) {
		next := u.config
		u.setting = name
		change(&next)
		if err := u.svc.SaveSettings(next); err != nil {
			s.said = problem(t, err)
			s.show()
			return
		}
		u.apply(next) // rebuilds this screen
	}
	system := t.T("settings.system")
	languages := []choice{{"", system}}
	for _, l := range catalogue.Languages {
		languages = append(languages, choice{l.Code, l.Name})
	}
	first, language := s.pick(t.T("settings.language"), languages, c.Language,
		func(v string) { save("language", func(n *Settings) { n.Language = v }) })
	s.first = first
	theme, look := s.pick(t.T("settings.theme"),
		[]choice{{"", system}, {"light", t.T("settings.light")}, {"dark", t.T("settings.dark")}}, c.Theme,
		func(v string) { save("theme", func(n *Settings) { n.Theme = v }) })
	percent := func(n int) choice { return choice{strconv.Itoa(n), t.T("settings.percent", n)} }
	sizes := map[string]int{"100": 100, "125": 125, "150": 150, "200": 200}
	now := "100"
	for k, v := range sizes {
		if v == c.TextScale {
			now = k
		}
	}
	size, scale := s.pick(t.T("settings.size"),
		[]choice{percent(100), percent(125), percent(150), percent(200)}, now,
		func(v string) { save("size", func(n *Settings) { n.TextScale = sizes[v] }) })
	level, logs := s.pick(t.T("settings.log"),
		[]choice{{"", t.T("settings.log.off")}, {"errors", t.T("settings.log.errors")}, {"all", t.T("settings.log.all")}}, c.LogLevel,
		func(v string) { save("log", func(n *Settings) { n.LogLevel = v }) })
	auto := newCheck(t.T("settings.autostart"), nil)
	auto.SetChecked(c.Autostart)
	auto.OnChanged = func(on bool) { save("autostart", func(n *Settings) { n.Autostart = on }) }

	s.controls = map[string]fyne.Focusable{"language": first, "theme": theme, "size": size, "log": level, "autostart": auto}

	done := func(key string, f func() error) func() {
		return func() {
			s.asking = ""
			if err := f(); err != nil {
				s.said = problem(t, err)
			} else {
				s.said = line(good, t.T(key))
			}
			s.show()
		}
	}
	// remove asks before it deletes.
	remove := func(what string, b *button, do func()) fyne.CanvasObject {
		if s.asking == what {
			return u.sure(t.T("sure."+what), b.Text, do, func() { s.asking = ""; s.show() })
		}
		b.OnTapped = func() { s.asking = what; s.show() }
		return row(b)
	}
	var objects []fyne.CanvasObject
	if s.said != nil {
		objects = append(objects, s.said)
	}
	s.set(append(objects,
		panel(subheading(t.T("settings.look")), container.New(&flow{gap: 14, cell: 14}, language, look, scale)),
		panel(section(t.T("settings.start"), t.T("settings.autostart.text")), auto),
		panel(section(t.T("settings.log.title"), t.T("settings.log.text")), container.New(&flow{gap: 14, cell: 14}, logs),
			row(newButton(t.T("settings.log.open"), s.openLogs)),
			remove("log", newButton(t.T("settings.log.clear"), nil), done("settings.log.cleared", u.svc.ClearLogs))),
		panel(section(t.T("settings.cards"), t.T("settings.cards.text")),
			remove("cards", newButton(t.T("settings.cards.forget"), nil), done("settings.cards.forgotten", u.svc.ForgetCards))))...)
}

// openLogs shows the folder with the logs; a demonstration has none.
func (s *settingsScreen) openLogs() {
	folder := s.u.svc.LogFolder()
	if folder == "" {
		s.said = line(info, s.u.texts.T("settings.log.none"))
		s.show()
		return
	}
	s.u.browse(folder)
}
