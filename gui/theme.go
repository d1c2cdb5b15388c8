package gui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// colorSurface is the background of panels, colorNav that of the navigation;
// colorMuted is for secondary text.
const (
	colorSurface fyne.ThemeColorName = "cie-surface"
	colorNav     fyne.ThemeColorName = "cie-nav"
	colorMuted   fyne.ThemeColorName = theme.ColorNamePlaceHolder
	colorTint    fyne.ThemeColorName = "cie-tint" // behind the chosen entry of the navigation
	colorLine    fyne.ThemeColorName = "cie-line" // border of panels and cells
	// Behind notices of good news, warnings and errors, and their borders.
	colorGood     fyne.ThemeColorName = "cie-good"
	colorGoodLine fyne.ThemeColorName = "cie-good-line"
	colorWarn     fyne.ThemeColorName = "cie-warn"
	colorWarnLine fyne.ThemeColorName = "cie-warn-line"
	colorBad      fyne.ThemeColorName = "cie-bad"
	colorBadLine  fyne.ThemeColorName = "cie-bad-line"
)

// Theme is the look of the windows.
type Theme struct {
	// Name is "light" or "dark"; "" follows the system.
	Name string
	// Scale of the text in percent.
	Scale int
}

func rgb(v uint32) color.NRGBA {
	return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}
}

func rgba(v uint32, a uint8) color.NRGBA {
	c := rgb(v)
	c.A = a
	return c
}

var light = map[fyne.ThemeColorName]color.NRGBA{
	theme.ColorNameBackground:          rgb(0xF4F6F9),
	colorSurface:                       rgb(0xFFFFFF),
	colorNav:                           rgb(0xFFFFFF),
	colorTint:                          rgb(0xE3EEFA),
	colorLine:                          rgb(0xDCE2E9),
	colorGood:                          rgb(0xEDF7F1),
	colorGoodLine:                      rgb(0xB9DCC8),
	colorWarn:                          rgb(0xFFF6E3),
	colorWarnLine:                      rgb(0xEBCF97),
	colorBad:                           rgb(0xFDF0EF),
	colorBadLine:                       rgb(0xEFBFBB),
	theme.ColorNameForeground:          rgb(0x18222D),
	theme.ColorNamePlaceHolder:         rgb(0x53606D),
	theme.ColorNamePrimary:             rgb(0x0B5CAD),
	theme.ColorNameForegroundOnPrimary: rgb(0xFFFFFF),
	theme.ColorNameHyperlink:           rgb(0x0B5CAD),
	theme.ColorNameButton:              rgb(0xE6EBF1),
	theme.ColorNameDisabledButton:      rgb(0xEEF1F4),
	theme.ColorNameDisabled:            rgb(0x5C6772),
	theme.ColorNameError:               rgb(0xB3261E),
	theme.ColorNameForegroundOnError:   rgb(0xFFFFFF),
	theme.ColorNameSuccess:             rgb(0x0F6B3C),
	theme.ColorNameForegroundOnSuccess: rgb(0xFFFFFF),
	theme.ColorNameWarning:             rgb(0x875200),
	theme.ColorNameForegroundOnWarning: rgb(0xFFFFFF),
	theme.ColorNameInputBackground:     rgb(0xF4F6F9),
	theme.ColorNameInputBorder:         rgb(0x7E8995),
	theme.ColorNameHeaderBackground:    rgb(0xFFFFFF),
	theme.ColorNameMenuBackground:      rgb(0xFFFFFF),
	theme.ColorNameOverlayBackground:   rgb(0xFFFFFF),
	theme.ColorNameSeparator:           rgb(0xDCE2E9),
	theme.ColorNameHover:               rgba(0x0B3A6E, 0x14),
	theme.ColorNamePressed:             rgba(0x0B3A6E, 0x28),
	theme.ColorNameFocus:               rgba(0x0B5CAD, 0x59),
	theme.ColorNameSelection:           rgba(0x0B5CAD, 0x38),
	theme.ColorNameShadow:              rgba(0x000000, 0x22),
	theme.ColorNameScrollBar:           rgba(0x18222D, 0x66),
	theme.ColorNameScrollBarBackground: rgba(0x18222D, 0x10),
}

var dark = map[fyne.ThemeColorName]color.NRGBA{
	theme.ColorNameBackground:          rgb(0x11161C),
	colorSurface:                       rgb(0x1A2129),
	colorNav:                           rgb(0x161C23),
	colorTint:                          rgb(0x20364D),
	colorLine:                          rgb(0x303A45),
	colorGood:                          rgb(0x15261D),
	colorGoodLine:                      rgb(0x2C5140),
	colorWarn:                          rgb(0x2A2314),
	colorWarnLine:                      rgb(0x5F4D22),
	colorBad:                           rgb(0x2E1B1B),
	colorBadLine:                       rgb(0x693733),
	theme.ColorNameForeground:          rgb(0xE8EDF2),
	theme.ColorNamePlaceHolder:         rgb(0xA6B2BE),
	theme.ColorNamePrimary:             rgb(0x86BDFF),
	theme.ColorNameForegroundOnPrimary: rgb(0x08243F),
	theme.ColorNameHyperlink:           rgb(0x86BDFF),
	theme.ColorNameButton:              rgb(0x2B3540),
	theme.ColorNameDisabledButton:      rgb(0x232B34),
	theme.ColorNameDisabled:            rgb(0x93A0AD),
	theme.ColorNameError:               rgb(0xFF9A91),
	theme.ColorNameForegroundOnError:   rgb(0x4A0905),
	theme.ColorNameSuccess:             rgb(0x74D6A0),
	theme.ColorNameForegroundOnSuccess: rgb(0x06331B),
	theme.ColorNameWarning:             rgb(0xF3BE5C),
	theme.ColorNameForegroundOnWarning: rgb(0x3D2700),
	theme.ColorNameInputBackground:     rgb(0x11161C),
	theme.ColorNameInputBorder:         rgb(0x6E7B88),
	theme.ColorNameHeaderBackground:    rgb(0x1A2129),
	theme.ColorNameMenuBackground:      rgb(0x1F2730),
	theme.ColorNameOverlayBackground:   rgb(0x1A2129),
	theme.ColorNameSeparator:           rgb(0x303A45),
	theme.ColorNameHover:               rgba(0xFFFFFF, 0x14),
	theme.ColorNamePressed:             rgba(0xFFFFFF, 0x28),
	theme.ColorNameFocus:               rgba(0x86BDFF, 0x59),
	theme.ColorNameSelection:           rgba(0x86BDFF, 0x40),
	theme.ColorNameShadow:              rgba(0x000000, 0x66),
	theme.ColorNameScrollBar:           rgba(0xE8EDF2, 0x66),
	theme.ColorNameScrollBarBackground: rgba(0xE8EDF2, 0x10),
}

// Color implements fyne.Theme.
func (t *Theme) Color(name fyne.ThemeColorName, variant fyne.ThemeVariant) color.Color {
	switch t.Name {
	case "light":
		variant = theme.VariantLight
	case "dark":
		variant = theme.VariantDark
	}
	colors := light
	if variant == theme.VariantDark {
		colors = dark
	}
	if c, ok := colors[name]; ok {
		return c
	}
	return theme.DefaultTheme().Color(name, variant)
}

// Font implements fyne.Theme.
func (t *Theme) Font(s fyne.TextStyle) fyne.Resource { return theme.DefaultTheme().Font(s) }

// Icon implements fyne.Theme.
func (t *Theme) Icon(n fyne.ThemeIconName) fyne.Resource { return theme.DefaultTheme().Icon(n) }

// Size implements fyne.Theme. Text, and what has to fit text, grows with Scale.
func (t *Theme) Size(name fyne.ThemeSizeName) float32 {
	scale := float32(max(t.Scale, 100)) / 100
	switch name {
	case theme.SizeNameText:
		return 15 * scale
	case theme.SizeNameHeadingText:
		return 26 * scale
	case theme.SizeNameSubHeadingText:
		return 18 * scale
	case theme.SizeNameCaptionText:
		return 13 * scale
	case theme.SizeNameInlineIcon:
		return 20 * scale
	case theme.SizeNameInnerPadding:
		return 8
	case theme.SizeNamePadding:
		return 5
	case theme.SizeNameInputRadius, theme.SizeNameSelectionRadius:
		return 7
	case theme.SizeNameScrollBar:
		return 12
	}
	return theme.DefaultTheme().Size(name)
}
