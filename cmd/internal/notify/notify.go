// Package notify shows a notification on the user's desktop, for programs without a
// window of their own: the PKCS#11 module inside a browser.
//
// On Windows it shows a message box of the session. Elsewhere it implements the D-Bus
// wire protocol as far as one call needs it (D-Bus specification 0.43; Desktop
// Notifications specification 1.2, Notify), so that the shared library does not load
// a D-Bus library into other programs.
package notify

import "errors"

// Message is one notification. Summary and Body are plain text.
type Message struct {
	App      string // name of the program
	Icon     string // name of an icon; may be empty
	Summary  string
	Body     string
	Urgent   bool   // remains until the user closes it
	Replaces uint32 // the notification that this one replaces; 0: none
}

// ErrNoDesktop reports that there is no session bus, or no notification service on it.
var ErrNoDesktop = errors.New("no desktop that shows notifications")
