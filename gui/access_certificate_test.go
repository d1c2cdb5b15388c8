package gui

import "testing"

// A browser that takes the certificate from the user's list needs it first, and the page
// says before the button is pressed that it is a copy.
func TestAccessSaysThatTheCertificateIsCopied(t *testing.T) {
	f := newFake()
	f.browsers = []Browser{{ID: "f", Name: "Firefox", State: BrowserReady}}
	d := newRig(t, f)
	d.Go(screenAccess)
	d.idle()
	d.lacks("a copy of the certificate")

	f = newFake()
	f.browsers = []Browser{{ID: "c", Name: "Google Chrome", State: BrowserOff, Copies: true}}
	d = newRig(t, f)
	d.Go(screenAccess)
	d.idle()
	d.wants("a copy of the certificate", "[Set up browsers]")

	f = newFake()
	f.browsers = []Browser{{ID: "c", Name: "Google Chrome", State: BrowserNoCertificate, Copies: true}}
	d = newRig(t, f)
	d.Go(screenAccess)
	d.idle()
	d.wants("First read the data of the card with the PIN")
	d.lacks("[Set up browsers]")
}
