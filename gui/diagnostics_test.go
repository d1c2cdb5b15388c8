package gui

import (
	"runtime"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"cie/card"
	catalogue "cie/gui/text"
)

func TestDiagnosticsShowFindings(t *testing.T) {
	f := newFake()
	f.findings = append(f.findings, Finding{Step: "new-step", Level: FindingWarning, Found: "new-finding", Remedy: "new-remedy"})
	d := newRig(t, f)
	d.Go(screenDiagnostics)
	d.idle()
	d.wants("It answers.", "Reader: Test Reader 0", "There is no card.", "leave it there", "It is missing: /usr/lib", "Valid until 18 March 2031.",
		"Firefox 140.1", "set up the browsers", "new-step", "new-finding", "new-remedy")
	d.lacks("{")
	d.press("Copy report")
	d.until(func() bool { return strings.Contains(d.words(), "Copied.") })
	report := fyne.CurrentApp().Clipboard().Content()
	for _, w := range []string{"[error] module: module-missing -> reinstall", "1.2.3", "cie-pkcs11.so", "[skipped]", "system: test", "Valid until ...."} {
		if !strings.Contains(report, w) {
			t.Errorf("the report lacks %q:\n%s", w, report)
		}
	}
	if strings.Contains(report, "2031") {
		t.Errorf("the report holds a private date:\n%s", report)
	}
	d.press("Save report")
	d.until(func() bool { return strings.Contains(d.words(), "Saved as report.txt") })
}

// The summary counts what is fine, and lists what to look at, the worst first.
func TestDiagnosticsSummaryListsWorstFirst(t *testing.T) {
	f := newFake()
	d := newRig(t, f)
	d.Go(screenDiagnostics)
	d.idle()
	d.wants("3 of 8 steps are fine", "To check: Card on the reader, Module for the browsers, Browser: Firefox 140.1, Reader: Test Reader 0.", "1 step was not checked.")
	f.findings = []Finding{f.findings[0], f.findings[4]}
	d.press("Check again")
	d.idle()
	d.wants("All 2 steps are fine")
	d.lacks("Look at", "not checked")
}

// A PIN is optional in the diagnostics, with the rules of everywhere else.
func TestDiagnosticsWithPIN(t *testing.T) {
	f := newFake()
	d := newRig(t, f)
	d.lay(3, 10, card.Genuine)
	d.Go(screenDiagnostics)
	d.idle()
	d.lacks("3 of 3")
	d.press("Check with the PIN too")
	d.wants("Optional", "3 of 3 attempts left", "last sheet of the receipt")
	d.key(fyne.KeyEscape)
	d.lacks("3 of 3")
	d.press("Check with the PIN too")
	d.codes("00000000")
	d.idle()
	d.wants("The PIN is not right: 2 attempts are left", "2 of 3 attempts left")
	d.codes("00000000")
	d.idle()
	d.wants("Only 1 attempt is left for the PIN", "I understand")
	sent := len(f.log)
	d.codes(testPIN)
	if len(f.log) != sent {
		t.Fatal("the last try was sent without a confirmation")
	}
	d.keys(" ")
	d.press("Start the check")
	d.idle()
	d.wants("All 2 steps are fine", "Login")
	d.lacks("attempt is left", "attempts left")
	for i, k := range f.kept {
		if strings.Trim(string(k), "\x00") != "" {
			t.Errorf("code %d is not wiped after the operation", i)
		}
	}
	// A check that was refused without a confirmation is repeated with one.
	c := d.lay(-1, -1, card.Genuine)
	d.press("Check with the PIN too")
	c.failWith = &card.LastTryError{Ref: card.PIN}
	d.codes(testPIN)
	d.idle()
	d.wants("Few attempts are left, so the code was not sent", "Few attempts are left for the PIN", "I understand")
	// Without a card there is nothing to ask for.
	d.show(ReaderState{Readers: []Reader{d.reader(Empty)}})
	d.wants("Put your identity card on the reader")
}

// The commands of a remedy are those of the distribution; both are shown where it
// is another one.
func TestRemedyNamesPackagesOfTheDistribution(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no packages to install")
	}
	for _, l := range catalogue.Languages {
		texts := LoadTexts(l.Code)
		for _, remedy := range []string{"install-pcscd", "install-libccid"} {
			for distribution, want := range map[string][2]bool{"debian": {true, false}, "fedora": {false, true}, "": {true, true}, "other": {true, true}} {
				words := texts.remedy(Finding{Remedy: remedy, Distribution: distribution})
				if got := [2]bool{strings.Contains(words, "sudo apt install"), strings.Contains(words, "sudo dnf install")}; got != want {
					t.Errorf("%s, %q: %s", l.Code, distribution, words)
				}
			}
		}
	}
	f := newFake()
	f.findings = []Finding{{Step: "service", Level: FindingError, Found: "service-missing", Remedy: "install-pcscd", Distribution: "fedora"}}
	d := newRig(t, f)
	d.Go(screenDiagnostics)
	d.idle()
	d.wants("dnf install pcsc-lite")
	d.lacks("apt")
}
