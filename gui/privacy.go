package gui

import "time"

// How long personal data and the digits of a code are shown.
const (
	holderTime = 5 * time.Minute
	revealTime = 10 * time.Second
)

// after calls f on the thread of the windows after a time, while the window lasts.
func (u *UI) after(d time.Duration, f func()) (stop func()) {
	return u.opts.After(d, func() {
		if u.ctx.Err() == nil {
			f()
		}
	})
}

// conceal hides the digits of codes that are revealed.
func (u *UI) conceal() {
	for _, e := range u.revealed {
		e.show(false)
	}
	u.revealed = nil
}

// unseen hides what is shown of a person when the window is hidden or minimised.
func (u *UI) unseen() {
	u.conceal()
	for _, s := range u.order {
		s.holder = nil
	}
	u.update()
}

// display keeps the holder of the card on the page for a time.
func (u *UI) display(s *slot, h Holder) {
	shown := &h
	s.holder = shown
	u.after(holderTime, func() {
		if s.holder == shown {
			u.hide(s)
		}
	})
}

// hide takes the holder of the card from the page.
func (u *UI) hide(s *slot) {
	s.holder = nil
	u.update()
}
