package gui

import (
	"cmp"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// pathText is a paragraph with a path in it. Where a path is longer than the
// line it is broken after a slash, which the toolkit would do at any letter.
type pathText struct {
	widget.Label
	whole string
}

func newPathText(s string) *pathText {
	p := &pathText{whole: s}
	p.Text, p.Wrapping = s, fyne.TextWrapWord
	p.ExtendBaseWidget(p)
	return p
}

// Resize implements fyne.Widget.
func (p *pathText) Resize(size fyne.Size) {
	font := theme.Size(cmp.Or(p.SizeName, theme.SizeNameText))
	room := size.Width - 2*theme.InnerPadding()
	broken := breakPaths(p.whole, func(s string) bool {
		return fyne.MeasureText(s, font, p.TextStyle).Width <= room
	})
	if broken != p.Text {
		p.SetText(broken)
	}
	p.Label.Resize(size)
}

// breakPaths puts lines of words that fit below each other. A word that is too
// long for a line is broken after slashes, as far as it has any.
func breakPaths(s string, fits func(string) bool) string {
	var lines []string
	for _, paragraph := range strings.Split(s, "\n") {
		line := ""
		for _, word := range strings.Split(paragraph, " ") {
			longer := strings.TrimPrefix(line+" "+word, " ")
			switch {
			case fits(longer):
				line = longer
				continue
			case line != "" && fits(word):
				lines, line = append(lines, line), word
				continue
			}
			if line != "" {
				line += " "
			}
			parts := strings.SplitAfter(word, "/")
			if parts[0] == "/" && len(parts) > 1 {
				parts = append([]string{"/" + parts[1]}, parts[2:]...)
			}
			for _, part := range parts {
				if line != "" && !fits(line+part) {
					lines, line = append(lines, strings.TrimSuffix(line, " ")), ""
				}
				line += part
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
