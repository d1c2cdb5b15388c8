package tty

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Terminal is the console of the process. Only one goroutine may use its methods,
// except for Restore.
type Terminal struct {
	in, out windows.Handle

	mu    sync.Mutex
	saved *uint32 // mode of in as found, while it is changed
}

// Open opens the console, even if standard input and output are redirected. If there
// is none, it returns ErrNoTerminal.
func Open() (*Terminal, error) {
	in, err := openConsole("CONIN$")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoTerminal, err)
	}
	out, err := openConsole("CONOUT$")
	if err != nil {
		_ = windows.CloseHandle(in)
		return nil, fmt.Errorf("%w: %w", ErrNoTerminal, err)
	}
	return &Terminal{in: in, out: out}, nil
}

func openConsole(name string) (windows.Handle, error) {
	p, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return 0, err
	}
	return windows.CreateFile(p, windows.GENERIC_READ|windows.GENERIC_WRITE,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, nil, windows.OPEN_EXISTING, 0, 0)
}

// Close restores the console and closes it.
func (t *Terminal) Close() error {
	t.Restore()
	return errors.Join(windows.CloseHandle(t.in), windows.CloseHandle(t.out))
}

// Write shows text on the console.
func (t *Terminal) Write(b []byte) (int, error) {
	units := utf16.Encode([]rune(string(b)))
	for len(units) > 0 {
		// Old consoles accept at most 64 kB at once.
		var n uint32
		if err := windows.WriteConsole(t.out, &units[0], uint32(min(len(units), 8<<10)), &n, nil); err != nil {
			return 0, err
		}
		if n == 0 {
			return 0, io.ErrShortWrite
		}
		units = units[n:]
	}
	return len(b), nil
}

// Restore restores the mode of the console if a running read has changed it. Any
// goroutine may call it, for instance before the process ends.
func (t *Terminal) Restore() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.saved != nil {
		// Typed ahead is dropped with it: it may be part of a code.
		_ = windows.FlushConsoleInputBuffer(t.in)
		_ = windows.SetConsoleMode(t.in, *t.saved)
		t.saved = nil
	}
}

// keysOnly makes the console return keys: it echoes nothing, and Ctrl-C remains a
// signal.
func (t *Terminal) keysOnly() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var now uint32
	if err := windows.GetConsoleMode(t.in, &now); err != nil {
		return fmt.Errorf("%w: %w", ErrNoTerminal, err)
	}
	if t.saved == nil {
		saved := now
		t.saved = &saved
	}
	now &^= windows.ENABLE_ECHO_INPUT | windows.ENABLE_LINE_INPUT | windows.ENABLE_VIRTUAL_TERMINAL_INPUT |
		windows.ENABLE_MOUSE_INPUT | windows.ENABLE_WINDOW_INPUT
	return windows.SetConsoleMode(t.in, now|windows.ENABLE_PROCESSED_INPUT)
}

// ReadSecret shows prompt and reads one line of at most max bytes without echo. The
// caller wipes the result. Ctrl-Z or Ctrl-D on an empty line gives io.EOF, a longer
// line ErrTooLong, the end of ctx its cause.
func (t *Terminal) ReadSecret(ctx context.Context, prompt string, max int) ([]byte, error) {
	return t.read(ctx, prompt, max, false)
}

// ReadLine shows prompt and reads one line of at most max bytes with echo.
// Errors are those of ReadSecret.
func (t *Terminal) ReadLine(ctx context.Context, prompt string, max int) (string, error) {
	line, err := t.read(ctx, prompt, max, true)
	return string(line), err
}

func (t *Terminal) read(ctx context.Context, prompt string, max int, echo bool) ([]byte, error) {
	if err := t.keysOnly(); err != nil {
		return nil, err
	}
	defer t.Restore()
	// Input typed before the prompt is not an answer.
	if err := windows.FlushConsoleInputBuffer(t.in); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(t, prompt); err != nil {
		return nil, err
	}
	line, err := t.keys(ctx, max, echo)
	_, _ = io.WriteString(t, "\r\n")
	return line, err
}

// keys reads keys until a line is complete.
func (t *Terminal) keys(ctx context.Context, max int, echo bool) ([]byte, error) {
	stop, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return nil, err
	}
	signalled := make(chan struct{})
	unhook := context.AfterFunc(ctx, func() {
		_ = windows.SetEvent(stop)
		close(signalled)
	})
	defer func() {
		if !unhook() {
			<-signalled
		}
		_ = windows.CloseHandle(stop)
	}()
	l := newLineEditor(max)
	defer l.wipe()
	var records [16]inputRecord
	defer clear(records[:])
	for {
		if _, err := windows.WaitForMultipleObjects([]windows.Handle{stop, t.in}, false, windows.INFINITE); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		// Read one record at a time, so that input after the line is not consumed.
		n, err := readConsoleInput(t.in, records[:1])
		if err != nil {
			return nil, err
		}
		for _, r := range records[:n] {
			unit, times := r.typed()
			for range times {
				what, taken := l.key(unit)
				switch what {
				case editDone:
					return l.line()
				case editEnd:
					return nil, errEnd
				}
				if echo {
					t.echo(what, unit, taken)
				}
			}
		}
	}
}

// echo displays the effect of a key. A character of two units is displayed when both
// have arrived.
func (t *Terminal) echo(what edit, unit uint16, taken int) {
	switch what {
	case editAdded:
		var n uint32
		_ = windows.WriteConsole(t.out, &unit, 1, &n, nil)
	case editTaken:
		for range taken {
			_, _ = io.WriteString(t, "\b \b")
		}
	}
}

// inputRecord is an INPUT_RECORD with a KEY_EVENT_RECORD (wincontypes.h).
type inputRecord struct {
	kind    uint16
	_       uint16
	down    int32
	repeat  uint16
	virtual uint16
	scan    uint16
	unit    uint16
	control uint32
}

const (
	keyEvent = 0x0001  // KEY_EVENT
	menuKey  = 0x12    // VK_MENU, Alt
	maxTimes = 1 << 10 // of a repeated key
)

// typed returns the unit that a record adds to a line, and how often.
func (r inputRecord) typed() (unit uint16, times int) {
	if r.kind != keyEvent || r.unit == 0 {
		return 0, 0
	}
	// A character typed by its number arrives when Alt is released.
	if r.down == 0 && r.virtual != menuKey {
		return 0, 0
	}
	return r.unit, min(max(int(r.repeat), 1), maxTimes)
}

var (
	kernel32             = windows.NewLazySystemDLL("kernel32.dll")
	procReadConsoleInput = kernel32.NewProc("ReadConsoleInputW")
	procWerSetFlags      = kernel32.NewProc("WerSetFlags")
	procGetStartupInfo   = kernel32.NewProc("GetStartupInfoW")
	ntdll                = windows.NewLazySystemDLL("ntdll.dll")
	procNtQueryObject    = ntdll.NewProc("NtQueryObject")
)

func readConsoleInput(h windows.Handle, records []inputRecord) (int, error) {
	var n uint32
	ok, _, err := procReadConsoleInput.Call(uintptr(h), uintptr(unsafe.Pointer(&records[0])), uintptr(len(records)), uintptr(unsafe.Pointer(&n)))
	if ok == 0 {
		return 0, fmt.Errorf("read console: %w", err)
	}
	return int(n), nil
}

// NoCore makes a crash of this process leave no dump, in which a code could be
// found: error reporting is not asked.
func NoCore() {
	windows.SetErrorMode(windows.SetErrorMode(0) | windows.SEM_NOGPFAULTERRORBOX | windows.SEM_FAILCRITICALERRORS)
	// noHeap excludes memory from error reports that are written nevertheless.
	const noHeap = 1 // WER_FAULT_REPORTING_FLAG_NOHEAP
	if procWerSetFlags.Find() == nil {
		_, _, _ = procWerSetFlags.Call(noHeap)
	}
}

// Conceal must be called before a code is read. Windows has no equivalent of a process
// that is not dumpable: programs of the same user can read its memory.
func Conceal() { NoCore() }

// Reveal ends Conceal.
func Reveal() {}

// Colour makes a console understand the escape sequences of colours and
// reports whether it does.
func Colour(fd uintptr) bool {
	var mode uint32
	if err := windows.GetConsoleMode(windows.Handle(fd), &mode); err != nil {
		return false
	}
	const vt = windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING | windows.ENABLE_PROCESSED_OUTPUT
	return mode&vt == vt || windows.SetConsoleMode(windows.Handle(fd), mode|vt) == nil
}
