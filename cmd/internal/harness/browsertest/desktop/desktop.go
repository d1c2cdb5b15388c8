// Package desktop gives a test a screen of its own: a virtual X server with a
// window manager, a keyboard and a camera. Programs started on it are used as a
// person would, by keys and by what is to be seen.
package desktop

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"

	"cie/cmd/internal/harness/screen"
	"cie/cmd/internal/harness/sessionbus"
)

// Tools are the commands the package needs, with the Debian package of each.
var Tools = map[string]string{
	"Xvfb":    "xvfb",
	"xdotool": "xdotool",
	"openbox": "openbox",

	"dbus-daemon": "dbus-daemon",
}

// Missing lists the Debian packages of the tools that are not installed.
func Missing() []string {
	var list []string
	for tool, pkg := range Tools {
		if _, err := exec.LookPath(tool); err != nil {
			list = append(list, pkg)
		}
	}
	if launcher() == "" {
		list = append(list, "at-spi2-core")
	}
	return list
}

// Desktop is a running screen.
type Desktop struct {
	*screen.Screen
	dir    string
	cancel context.CancelFunc
	done   sync.WaitGroup

	bus    *sessionbus.Bus
	access string     // address of the accessibility bus
	reader *dbus.Conn // to it

	unanswered atomic.Pointer[error]
}

// Window is a window with a title.
type Window struct {
	ID    string
	Title string
}

// Start opens a screen of 1280x900. dir is a directory for its files; it is the
// configuration directory of the window manager. The screen ends with ctx or Stop.
func Start(ctx context.Context, dir string) (*Desktop, error) {
	ctx, cancel := context.WithCancel(ctx)
	d := &Desktop{dir: dir, cancel: cancel}
	ok := false
	defer func() {
		if !ok {
			d.Stop()
		}
	}()
	var err error
	if d.Screen, err = screen.Start(1280, 900); err != nil {
		return nil, err
	}
	wm := exec.CommandContext(ctx, "openbox")
	wm.Env = append(os.Environ(), d.Env()...)
	wm.Env = append(wm.Env, "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_CACHE_HOME="+dir)
	if err := d.run(wm, "openbox.log"); err != nil {
		return nil, err
	}
	// Ready when the window manager owns the screen.
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if _, err := d.xdotool(ctx, "", "get_desktop"); err == nil {
			break
		} else if time.Since(start) > 30*time.Second {
			return nil, fmt.Errorf("the window manager did not start: %w", err)
		}
	}
	if err := d.startAccessibility(ctx); err != nil {
		return nil, err
	}
	ok = true
	return d, nil
}

// run starts a command in a process group of its own that ends with it.
func (d *Desktop) run(cmd *exec.Cmd, log string) error {
	f, err := os.Create(filepath.Join(d.dir, log))
	if err != nil {
		return err
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, f
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	d.done.Go(func() { cmd.Wait() })
	return nil
}

// Stop closes the screen and waits for its programs to end.
func (d *Desktop) Stop() {
	if d.reader != nil {
		d.reader.Close()
	}
	d.cancel()
	d.done.Wait()
	if d.bus != nil {
		d.bus.Stop()
	}
	if d.Screen != nil {
		d.Screen.Stop()
	}
}

func (d *Desktop) xdotool(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "xdotool", args...)
	cmd.Env = append(os.Environ(), d.Env()...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil && errs.Len() > 0 {
		err = fmt.Errorf("xdotool %s: %w: %s", args[0], err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(out.String()), err
}

// Type types text into whatever has the focus, at the speed of a quick person.
// The text does not appear in the process list.
func (d *Desktop) Type(ctx context.Context, text string) error {
	_, err := d.xdotool(ctx, text, "type", "--delay", "40", "--file", "-")
	return err
}

// Keys presses keys one after the other ("Return", "ctrl+l").
func (d *Desktop) Keys(keys ...string) error {
	return d.Screen.Send(append([]string{"key", "--delay", "60"}, keys...)...)
}

// Click moves the pointer and presses the first button.
func (d *Desktop) Click(x, y int) error {
	return d.Screen.Send("mousemove", strconv.Itoa(x), strconv.Itoa(y), "click", "1")
}

// Stir moves the pointer by one pixel.
func (d *Desktop) Stir() error {
	return d.Screen.Send("mousemove_relative", "--", "-1", "0", "mousemove_relative", "1", "0")
}

// Windows lists the visible windows whose title contains one of the texts, or all that
// have a title if there are none.
func (d *Desktop) Windows(ctx context.Context, texts ...string) ([]Window, error) {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = regexp.QuoteMeta(t)
	}
	ids, err := d.Screen.Ask("search", "--onlyvisible", "--name", cmp.Or(strings.Join(quoted, "|"), "."))
	if errors.Is(err, screen.ErrClosed) {
		return nil, nil // the next search may find it or not
	}
	if err != nil {
		return nil, err
	}
	var list []Window
	for _, id := range ids {
		// A window may close in between, or change its title.
		title, err := d.Screen.Ask("getwindowname", id)
		if err != nil || len(title) == 0 || title[0] == "" {
			continue
		}
		if len(texts) == 0 || slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(title[0], t) }) {
			list = append(list, Window{id, title[0]})
		}
	}
	return list, nil
}

// WaitWindow waits for a visible window whose title contains text.
func (d *Desktop) WaitWindow(ctx context.Context, text string) (Window, error) {
	for {
		list, err := d.Windows(ctx, text)
		if len(list) > 0 {
			return list[0], nil
		}
		select {
		case <-ctx.Done():
			all, _ := d.Windows(context.WithoutCancel(ctx))
			return Window{}, fmt.Errorf("no window %q: %w (windows: %v, %v)", text, ctx.Err(), all, err)
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// Focus gives a window the keyboard, if it has not got it.
func (d *Desktop) Focus(ctx context.Context, w Window) error {
	for i := range 40 {
		// A window that is closing has no focus to ask for.
		active, err := d.Screen.Ask("getactivewindow")
		if err == nil && slices.Equal(active, []string{w.ID}) {
			return nil
		}
		if i%10 == 0 {
			if _, err := d.Screen.Ask("windowactivate", w.ID); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("window %q does not get the keyboard", w.Title)
}
