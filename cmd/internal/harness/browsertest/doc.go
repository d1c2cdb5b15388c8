// Package browsertest tests the login of "Entra con CIE" in real browsers: a
// loopback identity provider ([cie/cmd/internal/harness/browsertest/idp]), a screen of its
// own ([cie/cmd/internal/harness/browsertest/desktop]), Debian's Firefox ESR and Chromium
// used as a user uses them ([cie/cmd/internal/harness/browsertest/browser]), the module as
// it is built, registered by cie browsers enable in an empty home, a private PC/SC
// daemon and a virtual card.
//
// Screenshots are kept in artifacts/browsers at the top of the tree.
package browsertest
