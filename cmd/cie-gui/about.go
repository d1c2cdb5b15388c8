//go:build x11 || wayland || !linux

package main

import (
	"cie/cmd/internal/version"
	"cie/gui"
)

// licences of the modules that the program is linked with. A test checks that
// none is missing.
var licences = map[string]string{
	"fyne.io/fyne/v2":                        "BSD-3-Clause",
	"fyne.io/systray":                        "Apache-2.0",
	"github.com/BurntSushi/toml":             "MIT",
	"github.com/FyshOS/fancyfs":              "BSD-3-Clause",
	"github.com/anthonynsimon/bild":          "MIT",
	"github.com/clipperhouse/uax29/v2":       "MIT",
	"github.com/ebfe/scard":                  "BSD-2-Clause",
	"github.com/fredbi/uri":                  "MIT",
	"github.com/fsnotify/fsnotify":           "BSD-3-Clause",
	"github.com/fyne-io/image":               "BSD-3-Clause",
	"github.com/fyne-io/oksvg":               "BSD-3-Clause",
	"github.com/go-gl/gl":                    "MIT",
	"github.com/go-gl/glfw/v3.4/glfw":        "BSD-3-Clause",
	"github.com/go-text/render":              "BSD-3-Clause",
	"github.com/go-text/typesetting":         "BSD-3-Clause",
	"github.com/godbus/dbus/v5":              "BSD-2-Clause",
	"github.com/jeandeaual/go-locale":        "MIT",
	"github.com/jsummers/gobmp":              "MIT",
	"github.com/google/uuid":                 "BSD-3-Clause",
	"github.com/jolestar/go-commons-pool/v2": "Apache-2.0",
	// Its PDFium has further licences.
	"github.com/klippa-app/go-pdfium":  "MIT AND BSD-3-Clause AND Apache-2.0",
	"github.com/mattn/go-runewidth":    "MIT",
	"github.com/miekg/pkcs11":          "BSD-3-Clause",
	"github.com/nfnt/resize":           "ISC",
	"github.com/nicksnyder/go-i18n/v2": "MIT",
	"github.com/rymdport/portal":       "Apache-2.0",
	"github.com/srwiley/oksvg":         "BSD-3-Clause",
	"github.com/srwiley/rasterx":       "BSD-3-Clause",
	"github.com/tetratelabs/wazero":    "Apache-2.0",
	"github.com/yuin/goldmark":         "MIT",
	"github.com/digitorus/pkcs7":       "MIT",
	"golang.org/x/crypto":              "BSD-3-Clause",
	"golang.org/x/image":               "BSD-3-Clause",
	"golang.org/x/net":                 "BSD-3-Clause",
	"golang.org/x/sys":                 "BSD-3-Clause",
	"golang.org/x/term":                "BSD-3-Clause",
	"golang.org/x/text":                "BSD-3-Clause",
}

// about returns the components of this program.
func about(module string) gui.About {
	a := gui.About{Version: version.Read().String(), ModulePath: module}
	for _, l := range version.Libraries() {
		a.Libraries = append(a.Libraries, gui.Library{Name: l.Path, Version: l.Version, Licence: licences[l.Path]})
	}
	return a
}
