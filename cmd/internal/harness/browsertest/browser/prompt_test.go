package browser

import (
	"testing"

	"cie/cmd/internal/harness/browsertest/desktop"
)

// TestCertificateIsConfirmedByButtonOfItsDialogOnly: the page and the dialogs for the PIN
// have buttons, too.
func TestCertificateIsConfirmedByButtonOfItsDialogOnly(t *testing.T) {
	in := func(role, name string, parent *desktop.Element) *desktop.Element {
		return &desktop.Element{Role: role, Name: name, Parent: parent}
	}
	window := in("frame", "Entra con CIE - Chromium", nil)
	firefox := in("panel", "", in("dialog", "User Identification Request", window))
	chromium := in("dialog", "Select a certificate", window)
	for _, tt := range []struct {
		name string
		e    *desktop.Element
		want bool
	}{
		{"Firefox", in("push button", "OK", firefox), true},
		{"Chromium", in("push button", "OK", chromium), true},
		{"cancel", in("push button", "Cancel", chromium), false},
		{"text", in("static", "OK", chromium), false},
		{"dialog for the PIN", in("push button", "OK", in("dialog", "Password Required - Mozilla Firefox", window)), false},
		{"page", in("push button", "OK", window), false},
	} {
		if got := confirmsCertificate(tt.e); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
