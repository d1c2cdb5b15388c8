package gui

import (
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2"
)

// dropped takes files that were dropped on the window.
func (u *UI) dropped(_ fyne.Position, list []fyne.URI) {
	var files []string
	for _, one := range list {
		if one.Scheme() == "file" {
			files = append(files, filepath.FromSlash(one.Path()))
		}
	}
	u.take(files)
}

// take passes files to the page that is shown if it takes files, else to the page that
// they are for.
func (u *UI) take(files []string) {
	switch {
	case len(files) == 0:
	case u.at == screenVerify:
		u.openVerify(files)
	case u.at == screenSign:
		u.openSign(files)
	default:
		u.sort(files)
	}
}

// sort passes files that have signatures to the page Verifica, others to the page Firma.
func (u *UI) sort(files []string) {
	u.background(func() {
		signed := true
		for _, file := range files {
			signed = signed && (isEnvelope(file) || len(u.svc.Examine(u.ctx, file, "").Signed) > 0)
		}
		u.do(func() {
			switch {
			case u.ctx.Err() != nil:
			case signed:
				u.openVerify(files)
			default:
				u.openSign(files)
			}
		})
	})
}

// OpenFiles shows files of the command line or of a file manager on the page that they
// are for. It may be called from any goroutine.
func (u *UI) OpenFiles(files []string) {
	u.do(func() {
		if u.ctx.Err() == nil && len(files) > 0 {
			u.sort(files)
		}
	})
}

// isEnvelope reports whether the name is that of a file of signatures.
func isEnvelope(file string) bool { return hasEnding(file, ".p7m") || hasEnding(file, ".p7s") }

// baseName returns the name of a file without its folder.
func baseName(file string) string { return filepath.Base(file) }

// hasEnding reports whether the name of a file ends like this, in any case.
func hasEnding(file, ending string) bool { return strings.EqualFold(filepath.Ext(file), ending) }
