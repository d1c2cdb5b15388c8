package gui

import (
	"context"
	"path/filepath"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/storage"
)

// Choice is what the person is asked to choose in a dialog.
type Choice struct {
	Title string
	// Endings limit the files, such as ".png"; none: every file.
	Endings []string
	// Several files can be chosen.
	Several bool
	// Folder is set for one folder instead of files.
	Folder bool
}

// choosing is the dialog of the desktop that is open.
type choosing struct{ cancel context.CancelFunc }

// choose lets the person choose in the dialog of the desktop, or in one of the toolkit if
// the desktop has none. chosen gets at least one path, unless the page was left meanwhile.
// A desktop whose dialog does not come gets no second chance: to choose again ends the
// wait for it, and shows that of the toolkit.
func (u *UI) choose(c Choice, chosen func(paths []string)) {
	page := u.current
	if u.opts.Choose == nil {
		u.chooseHere(c, chosen)
		return
	}
	if u.choosing != nil {
		u.choosing.cancel()
		u.choosing = nil
		u.chooseHere(c, chosen)
		return
	}
	ctx, cancel := context.WithCancel(u.ctx)
	this := &choosing{cancel}
	u.choosing = this
	u.background(func() {
		defer cancel()
		paths, err := u.opts.Choose(ctx, c)
		u.do(func() {
			if u.choosing != this || u.ctx.Err() != nil {
				return
			}
			u.choosing = nil
			switch {
			case u.current != page:
			case err != nil:
				u.chooseHere(c, chosen)
			case len(paths) > 0:
				chosen(paths)
			}
		})
	})
}

// chooseFile lets the person choose one file; endings limit what is offered.
func (u *UI) chooseFile(title string, chosen func(file string), endings ...string) {
	u.choose(Choice{Title: title, Endings: endings}, func(paths []string) { chosen(paths[0]) })
}

// chooseHere lets the person choose one file or folder in a dialog of the toolkit.
func (u *UI) chooseHere(c Choice, chosen func(paths []string)) {
	took := func(uri fyne.URI, err error) {
		if err != nil || uri == nil {
			u.focus()
			return
		}
		chosen([]string{filepath.FromSlash(uri.Path())})
	}
	if c.Folder {
		u.showDialog(dialog.NewFolderOpen(func(l fyne.ListableURI, err error) {
			if l == nil { // a nil fyne.ListableURI is no nil fyne.URI
				took(nil, err)
				return
			}
			took(l, err)
		}, u.win))
		return
	}
	d := dialog.NewFileOpen(func(r fyne.URIReadCloser, err error) {
		if r == nil {
			took(nil, err)
			return
		}
		_ = r.Close()
		took(r.URI(), err)
	}, u.win)
	if len(c.Endings) > 0 {
		d.SetFilter(storage.NewExtensionFileFilter(c.Endings))
	}
	u.showDialog(d)
}

// showDialog shows a dialog that uses the window, beginning where the last one ended.
func (u *UI) showDialog(d *dialog.FileDialog) {
	d.Show() // before that it has no size to change
	size := u.win.Canvas().Size()
	d.Resize(fyne.NewSize(size.Width*0.9, size.Height*0.9))
}
