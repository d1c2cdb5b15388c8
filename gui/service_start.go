package gui

import (
	"context"
	"errors"
	"runtime"
	"strings"

	"fyne.io/fyne/v2"

	"cie/card"
)

// StartCommand starts the smart card service on Linux, as an administrator.
var StartCommand = []string{"systemctl", "enable", "--now", "pcscd.socket"}

// down is why there is no smart card service, with what starts it.
func (u *UI) down() fyne.CanvasObject {
	t, err := u.texts, u.readers.Down
	if runtime.GOOS != "linux" || errors.Is(err, ErrNotAdmitted) || card.Classify(err) != card.KindNoService {
		return problem(t, err)
	}
	start := primaryButton(t.T("service.start"), nil)
	u.start = start
	start.OnTapped = func() {
		start.Disable()
		u.background(func() {
			failed := u.svc.StartService(u.ctx)
			u.do(func() {
				if u.ctx.Err() == nil && u.readers.Down != nil {
					u.startFailed = failed != nil && !errors.Is(failed, context.Canceled)
					u.update()
				}
			})
		})
	}
	command := newButton(t.T("service.copy"), nil)
	command.OnTapped = func() {
		u.app.Clipboard().SetContent("sudo " + strings.Join(StartCommand, " "))
		command.SetText(t.T("copied"))
	}
	more := []fyne.CanvasObject{row(start, command)}
	if u.startFailed {
		more = append([]fyne.CanvasObject{line(warn, t.T("service.failed"))}, more...)
	}
	return problem(t, err, more...)
}
