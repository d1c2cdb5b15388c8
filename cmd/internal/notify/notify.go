// Package notify shows a notification on the person's desktop, for programs
// that have no window to speak through: the PKCS#11 module inside a browser.
//
// On Windows a box of the session shows it. Elsewhere the package speaks the
// D-Bus wire protocol itself, as much of it as one call needs (D-Bus
// specification 0.43; Desktop Notifications specification 1.2, Notify): a shared
// library inside other people's programs should not bring a D-Bus stack along.
package notify

import "errors"

// Message is one notification. Summary and Body are plain text.
type Message struct {
	App      string // name of the program
	Icon     string // name of an icon; may be empty
	Summary  string
	Body     string
	Urgent   bool   // stays until the person closes it
	Replaces uint32 // the notification this one takes the place of; 0: none
}

// ErrNoDesktop: there is no session bus, or nobody on it shows notifications.
var ErrNoDesktop = errors.New("no desktop that shows notifications")
