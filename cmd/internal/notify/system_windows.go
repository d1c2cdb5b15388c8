package notify

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

var procSendMessage = windows.NewLazySystemDLL("wtsapi32.dll").NewProc("WTSSendMessageW")

const (
	currentSession = ^uint32(0) // WTS_CURRENT_SESSION
	// shownFor limits how long a message stays, in seconds.
	shownFor = 60
)

// Send shows the message in a box. The session of the user shows it, not this process,
// so Send does not wait. A box has no number and cannot be replaced.
func Send(_ context.Context, m Message) (uint32, error) {
	title, err := units(m.App)
	if err != nil {
		return 0, err
	}
	text, err := units(m.Summary + "\n\n" + m.Body)
	if err != nil {
		return 0, err
	}
	if err := procSendMessage.Find(); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrNoDesktop, err)
	}
	style := uint32(windows.MB_OK | windows.MB_ICONWARNING)
	if m.Urgent {
		style = windows.MB_OK | windows.MB_ICONERROR
	}
	var response uint32
	ok, _, err := procSendMessage.Call(0, uintptr(currentSession),
		uintptr(unsafe.Pointer(&title[0])), uintptr(2*(len(title)-1)),
		uintptr(unsafe.Pointer(&text[0])), uintptr(2*(len(text)-1)),
		uintptr(style), shownFor, uintptr(unsafe.Pointer(&response)), 0)
	if ok == 0 {
		return 0, fmt.Errorf("%w: %w", ErrNoDesktop, err)
	}
	return 0, nil
}

// units converts a string for Windows, with a final NUL.
func units(s string) ([]uint16, error) {
	u, err := windows.UTF16FromString(s)
	if err != nil {
		return nil, errors.New("notify: text with a NUL")
	}
	return u, nil
}
