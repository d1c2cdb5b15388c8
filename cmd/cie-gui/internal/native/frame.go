//go:build x11 || wayland || !linux

package native

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"github.com/go-gl/glfw/v3.4/glfw"
)

// Frame implements gui.Frame for the one window of the program. The toolkit sets the
// place of a window and does not report it, nor that a window was minimised
// (https://github.com/fyne-io/fyne/issues/554). Wayland shows neither of them to
// programs; there the compositor remembers places, or does not.
type Frame struct {
	window *glfw.Window // nil before the window is shown
	x, y   int
	known  bool
}

// Restore places the window where an earlier one was, if a screen shows that place.
func (f *Frame) Restore(w fyne.Window, x, y int) {
	d, ok := w.(desktop.Window)
	if !ok || glfw.GetPlatform() == glfw.PlatformWayland {
		return
	}
	var areas []area
	for _, m := range glfw.GetMonitors() {
		var a area
		a.x, a.y, a.width, a.height = m.GetWorkarea()
		areas = append(areas, a)
	}
	if onScreen(areas, x, y) {
		d.RequestPosition(x, y)
	}
}

// area is the part of a screen for windows.
type area struct{ x, y, width, height int }

// grip is how much of a window a screen must show, so that it can be moved.
const grip = 100

// onScreen reports whether a window at x, y can be seen and moved.
func onScreen(areas []area, x, y int) bool {
	for _, a := range areas {
		if x >= a.x && y >= a.y && x+grip <= a.x+a.width && y+grip <= a.y+a.height {
			return true
		}
	}
	return false
}

// Shown begins to follow the window, which the toolkit creates when it is shown for the
// first time. minimised is called on the thread of the windows.
func (f *Frame) Shown(w fyne.Window, minimised func()) {
	c, ok := w.(interface{ RunWithContext(func()) })
	if !ok || f.window != nil {
		return
	}
	c.RunWithContext(func() { f.window = glfw.GetCurrentContext() })
	if f.window == nil || glfw.GetPlatform() == glfw.PlatformWayland {
		return
	}
	f.window.SetIconifyCallback(func(_ *glfw.Window, on bool) {
		if on {
			minimised()
		}
	})
	var toolkit glfw.PosCallback
	toolkit = f.window.SetPosCallback(func(g *glfw.Window, x, y int) {
		f.moved(x, y)
		if toolkit != nil {
			toolkit(g, x, y)
		}
	})
	f.moved(f.window.GetPos())
}

// moved records the place.
func (f *Frame) moved(x, y int) {
	if f.window.GetAttrib(glfw.Iconified) == glfw.True {
		return // Windows moves minimised windows off the screen
	}
	f.x, f.y, f.known = x, y, true
}

// Place returns the place of the window; ok reports whether it is known.
func (f *Frame) Place() (x, y int, ok bool) { return f.x, f.y, f.known }
