package gui

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"cie/apdu"
	"cie/card"
)

func TestCardPageShowsEachReaderState(t *testing.T) {
	d := newRig(t, newFake())
	d.wants("Looking for readers")
	d.show(ReaderState{Down: fmt.Errorf("no daemon: %w", apdu.ErrNoService)})
	d.wants("smart card service of this computer does not answer", "[Start the service]", "[Copy the command]")
	d.lacks("no daemon")
	d.press("Show details")
	d.wants("no-service", "no daemon")
	d.show(ReaderState{})
	d.wants("No card reader is connected")
	d.show(ReaderState{Readers: []Reader{d.reader(Empty)}})
	d.wants("No card on this reader", "Put your identity card on the reader", "10 seconds")
	d.show(ReaderState{Readers: []Reader{d.reader(Mute)}})
	d.wants("it does not answer")
	d.fake.put(testReader, 3, 10, card.Genuine).err = card.ErrNotCIE
	d.show(ReaderState{Readers: []Reader{d.reader(Present)}})
	d.wants("not an Italian electronic identity card")
	d.lay(3, 10, card.Genuine)
	d.wants("All is well: genuine, PIN ok", "[Show my data]", "[Enter the services]", "[Change PIN]")
	d.lacks("attempts left", "NXP", testReader)
	d.unfold()
	d.wants("3 of 3 attempts left", "10 of 10 attempts left", "NXP", testReader)
	d.lay(3, 10, card.IssuerUnknown)
	d.wants("its issuer is not known. Update")
	d.lay(3, 10, card.NotGenuine)
	d.wants("This card is not genuine", "do not type PIN or PUK")
	d.lacks("[Show my data]", "[Change PIN]")
}

func TestCardPageShowsTriesAndActions(t *testing.T) {
	d := newRig(t, newFake())
	for _, tt := range []struct {
		pin, puk int
		words    []string
	}{
		{3, 10, []string{"3 of 3", "10 of 10", "[Show my data]", "[Change PIN]", "[Forgot the PIN?]"}},
		{2, 10, []string{"2 of 3"}},
		{1, 10, []string{"1 of 3"}},
		{0, 10, []string{"blocked: choose a new one with the PUK", "[Unblock PIN]"}},
		{-1, -1, []string{"attempts left: not known"}},
		{3, 9, []string{"9 of 10"}}, {3, 4, []string{"4 of 10"}}, {3, 3, []string{"3 of 10"}}, {3, 1, []string{"1 of 10"}},
		{3, 0, []string{"blocked for ever", "[Change PIN]"}},
		{0, 0, []string{"blocked for ever", "ask your municipality"}},
	} {
		d.lay(tt.pin, tt.puk, card.Genuine)
		d.unfold()
		d.wants(tt.words...)
		if tt.puk == 0 {
			d.lacks("[Forgot the PIN?]", "[Unblock PIN]", "unblock it with the PUK")
		}
		kinds := map[int]kind{3: good, 2: good, 1: warn, 0: bad, -1: info}
		if k := triesKind(card.PIN, card.Tries{Left: tt.pin, Max: 3}); k != kinds[tt.pin] {
			t.Errorf("PIN %d: kind %v", tt.pin, k)
		}
	}
}

func TestHolderIsShownWithPIN(t *testing.T) {
	d := newRig(t, newFake())
	d.lay(3, 10, card.Genuine)
	d.press("Show my data")
	if _, ok := d.win.Canvas().Focused().(*DigitField); !ok {
		t.Fatal("the keyboard is not in the field")
	}
	d.codes("00000000")
	d.idle()
	d.wants("The PIN is not right: 2 attempts are left", "2 of 3")
	d.press("Show my data")
	d.codes(testPIN)
	d.idle()
	d.wants("MARIA PROVA", "ZZ00000ZZ", "PRVMRA70A41Z999S", "All is well: genuine, valid until 18 March 2031, PIN ok")
	d.show(ReaderState{Readers: []Reader{d.reader(Empty)}})
	d.lacks("PROVA")
	d.lay(3, 10, card.Genuine)
	d.lacks("PROVA")
}

func TestChangePINAsksInSteps(t *testing.T) {
	d := newRig(t, newFake())
	c := d.lay(3, 10, card.Genuine)
	d.Go(screenChange)
	d.wants("3 of 3 attempts left", "last sheet of the receipt")
	d.wants("Step 1 of 2")
	d.lacks("New PIN")
	if !d.button("Next").Disabled() {
		t.Error("the second step opens without the first")
	}
	d.keys("1357")
	d.wants("First half typed")
	d.keys("246")
	d.wants("1 digit is missing")
	d.keys("8")
	d.key(fyne.KeyReturn)
	d.keys("11111111")
	d.wants("One digit repeated")
	d.key(fyne.KeyDelete)
	d.keys("23456789")
	d.wants("Digits in sequence")
	d.key(fyne.KeyDelete)
	d.keys(testPIN)
	d.wants("same as the current one")
	d.key(fyne.KeyDelete)
	d.keys("24681357")
	d.wants("This PIN can be used")
	d.key(fyne.KeyReturn)
	d.keys("25")
	d.wants("The two new PINs are not the same")
	d.key(fyne.KeyBackspace)
	d.keys("4681357")
	d.wants("The two new PINs are the same")
	d.key(fyne.KeyReturn)
	d.idle()
	d.wants("The PIN has been changed")
	if c.pin != "24681357" {
		t.Errorf("the card has PIN %s", c.pin)
	}
	for i, k := range d.fake.kept {
		if strings.Trim(string(k), "\x00") != "" {
			t.Errorf("code %d is not wiped after the operation", i)
		}
	}
	d.key(fyne.KeyReturn)
	d.wants("Your CIE")
}

func TestWrongPINUntilBlocked(t *testing.T) {
	d := newRig(t, newFake())
	c := d.lay(3, 10, card.Genuine)
	d.Go(screenChange)
	d.codes("00000000", "24681357", "24681357")
	d.idle()
	d.wants("The PIN is not right: 2 attempts are left", "2 of 3")
	d.codes("00000000")
	f := d.current.(*codeScreen).form
	if d.win.Canvas().Focused() != fyne.Focusable(f.submit) {
		t.Fatal("the new PIN is not kept")
	}
	d.key(fyne.KeyReturn)
	d.idle()
	d.wants("1 attempt is left", "Only 1 attempt is left for the PIN", "I understand", "[Choose a new PIN with the PUK]")
	d.codes("00000000")
	if len(d.fake.log) != 2 || !f.submit.Disabled() {
		t.Fatal("the last try was sent without a confirmation")
	}
	if d.win.Canvas().Focused() != fyne.Focusable(f.confirm) {
		t.Error("Enter does not lead to the confirmation")
	}
	d.keys(" ")
	if !f.confirm.Checked {
		t.Fatal("Space does not confirm")
	}
	d.press("Next")
	d.press("Change PIN")
	d.idle()
	d.wants("The PIN is blocked", "[Unblock PIN]")
	if c.card.PIN.Left != 0 {
		t.Errorf("tries left %d", c.card.PIN.Left)
	}
	d.key(fyne.KeyReturn)
	if d.at != screenUnblock {
		t.Fatalf("Enter leads to %s", d.at)
	}
	d.codes(testPUK, "97531864", "97531864")
	d.idle()
	d.wants("You have a new PIN")
	if c.card.PIN.Left != 3 || c.pin != "97531864" {
		t.Errorf("after unblocking: %+v", c)
	}
}

func TestUnblockAsksConfirmationForFewTries(t *testing.T) {
	for left, confirm := range map[int]bool{10: false, 4: false, 3: true, 2: true, 1: true} {
		d := newRig(t, newFake())
		d.lay(0, left, card.Genuine)
		d.Go(screenUnblock)
		if got := d.current.(*codeScreen).form.confirmBox.Visible(); got != confirm {
			t.Errorf("PUK with %d tries: confirmation %v", left, got)
		}
		if confirm {
			d.wants("you need a new card", "I understand")
		}
	}
	d := newRig(t, newFake())
	d.lay(0, 0, card.Genuine)
	for _, screen := range []string{screenUnblock, screenChange} {
		d.Go(screen)
		d.wants("The PUK is blocked, and nobody can unblock it")
	}
}

func TestRefusedLastTry(t *testing.T) {
	d := newRig(t, newFake())
	c := d.lay(-1, -1, card.Genuine)
	d.Go(screenChange)
	c.failWith = &card.LastTryError{Ref: card.PIN}
	d.codes(testPIN, "24681357", "24681357")
	d.idle()
	d.wants("Few attempts are left, so the code was not sent")
}

func TestRemovalInTheMiddle(t *testing.T) {
	f := newFake()
	d := newRig(t, f)
	d.lay(3, 10, card.Genuine)
	d.Go(screenChange)
	d.keys("1357")
	form := d.current.(*codeScreen).form
	test.Tap(form.code.reveal)
	if shown(form.code.DigitField) != "1357" {
		t.Error("the button does not reveal the digits")
	}
	d.show(ReaderState{Readers: []Reader{d.reader(Empty)}})
	d.wants("Put your identity card on the reader")
	if form.code.Revealed() || form.code.reveal.Icon != theme.VisibilityIcon() {
		t.Error("the next digits would be shown")
	}
	if form.code.Len() != 0 || form.code.digits != [8]byte{} {
		t.Error("the digits stay when the card is removed")
	}
	c := d.lay(3, 10, card.Genuine)
	f.hold = make(chan struct{})
	f.steps = []card.StepName{card.StepKeyExchange, card.StepTries, card.StepVerifyPIN, card.StepChangePIN}
	c.failWith = &card.InterruptedError{Ref: card.PIN, State: card.PINUnknown, Err: apdu.ErrRemoved}
	d.codes(testPIN, "24681357", "24681357")
	op := d.current.(*codeScreen).form.op
	d.until(func() bool { return op.unsafe })
	d.show(ReaderState{Readers: []Reader{d.reader(Empty)}})
	d.wants("Do not move the card")
	close(f.hold)
	d.idle()
	d.wants("while the new PIN was being written", "Show my data", "Put your identity card on the reader")
}

func TestCancelOnlyWhileSafe(t *testing.T) {
	f := newFake()
	f.hold = make(chan struct{})
	f.steps = []card.StepName{card.StepSelect, card.StepKeyExchange}
	d := newRig(t, f)
	c := d.lay(3, 10, card.Genuine)
	d.Go(screenChange)
	d.codes(testPIN, "24681357", "24681357")
	op := d.current.(*codeScreen).form.op
	d.until(func() bool { return op.bar.Value == 1 })
	d.wants("Setting up a protected connection", "[Stop]")
	if d.win.Canvas().Focused() != fyne.Focusable(op.stop) {
		t.Error("the keyboard is not on the way out")
	}
	d.key(fyne.KeyReturn)
	d.idle()
	d.wants("Stopped at your request", "Nothing was changed")

	f.steps = []card.StepName{card.StepVerifyPIN}
	d.codes(testPIN)
	d.key(fyne.KeyReturn)
	op = d.current.(*codeScreen).form.op
	d.until(func() bool { return op.unsafe })
	d.wants("It cannot be stopped now")
	if !op.stop.Disabled() {
		t.Error("cancelling is offered while the card writes")
	}
	op.stop.OnTapped()
	close(f.hold)
	d.idle()
	d.wants("The PIN has been changed")
	if c.pin != "24681357" {
		t.Error("the operation was cut off")
	}
}

func TestSeveralCardsAreListed(t *testing.T) {
	f := newFake()
	d := newRig(t, f)
	f.put("A", 3, 10, card.Genuine)
	f.put("B", 2, 10, card.Genuine)
	d.show(ReaderState{Readers: []Reader{{Name: "A", Presence: Present, Visit: 1}, {Name: "B", Presence: Present, Visit: 2}, {Name: "C"}}})
	d.wants("2 of 3", "No card on this reader")
	d.Go(screenChange)
	d.wants("There are several cards", "3 of 3")
	d.chosen = "B"
	d.current.update()
	d.wants("2 of 3")
	d.codes(testPIN, "24681357", "24681357")
	d.idle()
	if f.cards["B"].pin != "24681357" || f.cards["A"].pin != testPIN {
		t.Error("the code went to the wrong card")
	}
}

// A card is named by its holder where that is known, and else by the label that
// browsers show.
func TestCardsAreNamedByTheirHolder(t *testing.T) {
	f := newFake()
	d := newRig(t, f)
	f.put("A", 3, 10, card.Genuine).card.Name = "ANNA ESEMPIO"
	f.put("B", 2, 10, card.Genuine).card.ID = "999900001234"
	d.show(ReaderState{Readers: []Reader{{Name: "A", Presence: Present, Visit: 1}, {Name: "B", Presence: Present, Visit: 2}}})
	d.wants("ANNA ESEMPIO", "CIE 1234", "2 of 3")
	d.Go(screenChange)
	pick := d.selection("There are several cards. Which one do you want to use?")
	if want := []string{"ANNA ESEMPIO (A)", "CIE 1234 (B)"}; !slices.Equal(pick.Options, want) {
		t.Errorf("%q, want %q", pick.Options, want)
	}
	if pick.Selected != "ANNA ESEMPIO (A)" {
		t.Errorf("%q is chosen", pick.Selected)
	}
	pick.SetSelected("CIE 1234 (B)")
	if d.chosen != "B" {
		t.Errorf("%q is chosen", d.chosen)
	}
}

// A form keeps what is typed when another reader changes, and loses it when
// the card is exchanged.
func TestTypingIsNotDisturbed(t *testing.T) {
	f := newFake()
	d := newRig(t, f)
	f.put("A", 3, 10, card.Genuine)
	a := Reader{Name: "A", Presence: Present, Visit: 1}
	d.show(ReaderState{Readers: []Reader{a}})
	d.Go(screenChange)
	d.keys("135")
	d.show(ReaderState{Readers: []Reader{a, {Name: "B", Presence: Mute, Visit: 2}}})
	if n := d.current.(*codeScreen).form.code.Len(); n != 3 {
		t.Errorf("%d digits left", n)
	}
	d.show(ReaderState{Readers: []Reader{{Name: "A", Presence: Present, Visit: 3}}})
	if n := d.current.(*codeScreen).form.code.Len(); n != 0 {
		t.Errorf("%d digits went over to another card", n)
	}
}

func TestAccessRegistersOneBrowser(t *testing.T) {
	f := newFake()
	f.browsers = []Browser{
		{ID: "f", Name: "Firefox", State: BrowserReady},
		{ID: "c", Name: "Chromium", State: BrowserReady, Shares: []string{"Chrome", "Edge"}},
	}
	d := newRig(t, f)
	d.Go(screenAccess)
	d.idle()
	tap := func(name string) {
		t.Helper()
		var b *button
		walk(d.win.Content(), func(o fyne.CanvasObject) {
			if x, ok := o.(*button); ok && x.AccessibilityLabel() == name {
				b = x // the last: a question is below the list
			}
		})
		if b == nil {
			t.Fatalf("no button %q:\n%s", name, d.words())
		}
		test.Tap(b)
	}
	tap("Remove from Firefox")
	d.wants("Remove the card from Firefox?")
	d.lacks("they share")
	d.press("Cancel")
	d.lacks("Remove the card from")
	tap("Remove from Chromium")
	d.wants("This applies to Chrome, Edge, too")
	tap("Remove from Chromium")
	d.idle()
	d.wants("Done: Chromium.")
	if f.browsers[0].State != BrowserReady || f.browsers[1].State != BrowserOff {
		t.Errorf("%+v", f.browsers)
	}
	tap("Set up Chromium")
	d.idle()
	if f.browsers[1].State != BrowserRestart {
		t.Errorf("%+v", f.browsers)
	}
}

func TestAccessRegistersBrowsers(t *testing.T) {
	d := newRig(t, newFake())
	d.lay(3, 10, card.Genuine)
	d.Go(screenAccess)
	d.idle()
	d.wants("Firefox", "Not set up yet", "snap or flatpak", "Level 3", "[Set up browsers]", "[Remove from browsers]")
	d.press("Set up browsers")
	d.until(func() bool { return strings.Contains(d.words(), "open it again") })
	d.wants("Done.")
	d.press("Remove from browsers")
	d.wants("Remove the card from all browsers?")
	d.press("Remove from browsers")
	d.until(func() bool {
		return !strings.Contains(d.words(), "[Remove from browsers]") && strings.Contains(d.words(), "[Set up browsers]")
	})
	d.fake.failing = fmt.Errorf("%w: sudo", ErrHomeOwner)
	d.press("Set up browsers")
	d.until(func() bool { return strings.Contains(d.words(), "without sudo") })

	d.win.Canvas().Focus(d.current.(*accessScreen).ask.form.code.DigitField)
	d.codes(testPIN)
	d.idle()
	d.wants("The login works", "MARIA PROVA", "TLS 1.2")
	d.win.Canvas().Focus(d.current.(*accessScreen).ask.form.code.DigitField)
	d.codes("00000000")
	d.idle()
	d.wants("2 attempts are left")
	d.lacks("The login works")
}

func TestHelpShowsEveryTopic(t *testing.T) {
	d := newRig(t, newFake())
	d.Go(screenHelp)
	for i, topic := range helpTopics {
		test.Tap(d.current.(*helpScreen).buttons[i])
		d.wants(d.texts.T("help." + topic + ".text"))
	}
	d.Go(screenHelp)
	d.key(fyne.KeyTab) // no effect in the driver of the tests; must not panic
	all := ""
	for _, topic := range helpTopics {
		all += d.texts.T("help." + topic + ".text")
	}
	for _, fact := range []string{"+39 800 098 558", "48 hours", "90 more days", "9:00–16:00", "www.cartaidentita.it", "3 August 2026", "Three wrong", "Ten wrong", `"cie help"`} {
		if !strings.Contains(all, fact) {
			t.Errorf("the help does not mention %q", fact)
		}
	}
}

func TestSettingsApplyAtOnce(t *testing.T) {
	d := newRig(t, newFake())
	d.Go(screenSettings)
	s := d.current.(*settingsScreen)
	s.first.SetSelected("Deutsch")
	d.wants("Einstellungen", "Textgröße")
	if d.fake.settings.Language != "de" {
		t.Error("the language is not saved")
	}
	// Each takes effect at once; what is shown then is what was chosen.
	for _, c := range []struct {
		name, value string
		got         func(Settings) any
		want        any
	}{
		{"Design", "Dunkel", func(s Settings) any { return s.Theme }, "dark"},
		{"Textgröße", "200\u00a0%", func(s Settings) any { return s.TextScale }, 200},
		{"Umfang", "Nur Fehler", func(s Settings) any { return s.LogLevel }, "errors"},
		{"Sprache", "Wie das System", func(s Settings) any { return s.Language }, ""},
	} {
		d.selection(c.name).SetSelected(c.value)
		if got := c.got(d.fake.settings); got != c.want {
			t.Errorf("%s: %v is saved, want %v", c.name, got, c.want)
		}
		if s, ok := d.win.Canvas().Focused().(*selection); !ok || s.Selected != c.value && c.want != "" {
			t.Errorf("%s: the keyboard is elsewhere", c.name)
		}
	}
	d.wants("Settings") // the system speaks English
	if d.theme.Scale != 200 || d.theme.Name != "dark" {
		t.Errorf("theme %+v", d.theme)
	}
	d.selection("Language").SetSelected("Deutsch")
	var auto *check
	walk(d.win.Content(), func(o fyne.CanvasObject) {
		if c, ok := o.(*check); ok {
			auto = c
		}
	})
	auto.SetChecked(true)
	if !d.fake.settings.Autostart {
		t.Error("the automatic start is not saved")
	}
	d.press("Protokolle löschen")
	d.wants("Die Protokolle löschen?")
	d.press("Abbrechen")
	d.lacks("Die Protokolle löschen?")
	if slices.Contains(d.fake.log, "clear") {
		t.Error("deleted without an answer")
	}
	d.press("Protokolle löschen")
	d.press("Protokolle löschen")
	d.wants("Die Protokolle wurden gelöscht.")
	d.press("Karten vergessen")
	d.lacks("Es hat nicht geklappt")
	d.press("Karten vergessen")
	d.wants("Es hat nicht geklappt")
	d.fake.saved = errors.New("the disk is full")
	d.current.(*settingsScreen).first.SetSelected("English")
	d.wants("Es hat nicht geklappt")
}

func TestAboutListsLibrariesAndCopiesPath(t *testing.T) {
	d := newRig(t, newFake())
	d.Go(screenAbout)
	d.wants("Version 1.2.3", "fyne.io/fyne/v2 v2.8.0", "BSD-3-Clause")
	d.key(fyne.KeyReturn)
	if got := fyne.CurrentApp().Clipboard().Content(); !strings.HasSuffix(got, "cie-pkcs11.so") {
		t.Errorf("clipboard: %q", got)
	}
}

func TestChangePINByKeyboard(t *testing.T) {
	d := newRig(t, newFake())
	d.lay(3, 10, card.Genuine)
	d.Go(screenChange)
	d.keys("12")
	d.key(fyne.KeyEscape)
	if d.at != screenCard {
		t.Errorf("Escape leads to %s", d.at)
	}
	d.win.Canvas().Focus(d.nav[0])
	for range slices.IndexFunc(screens, func(e entry) bool { return e.name == screenCodes }) {
		d.key(fyne.KeyDown)
	}
	d.key(fyne.KeyReturn)
	if d.at != screenChange {
		t.Errorf("the arrows and Enter lead to %s", d.at)
	}
	for _, e := range pages() {
		name := e.name
		d.Go(name)
		d.until(func() bool { return true })
		if d.win.Canvas().Focused() == nil {
			t.Errorf("screen %s: nothing has the keyboard", name)
		}
		d.idle()
		d.key(fyne.KeyEscape)
		if d.at != screenCard {
			t.Errorf("screen %s: Escape leads to %s", name, d.at)
		}
	}
}

func TestDemoBannerMovesTheCard(t *testing.T) {
	a := test.NewTempApp(t)
	f := newFake()
	moved := make(chan struct{}, 1)
	d := &rig{t: t, fake: f, more: make(chan struct{}, 1)}
	d.UI = New(a, f, Options{Do: d.enqueue, Demo: &Demo{PIN: testPIN, PUK: testPUK, Move: func() { moved <- struct{}{} }}})
	defer d.Close()
	for _, e := range pages() {
		d.Go(e.name)
		d.wants("Demonstration with a virtual card", testPIN, testPUK)
	}
	d.press("Remove or insert the card")
	<-moved
}

// Cards that are inserted and removed leave no goroutine.
func TestCardsLeaveNoGoroutine(t *testing.T) {
	d := newRig(t, newFake())
	d.lay(3, 10, card.Genuine)
	before := runtime.NumGoroutine()
	windows := len(fyne.CurrentApp().Driver().AllWindows())
	rounds := 500
	if testing.Short() {
		rounds = 100
	}
	for i := range rounds {
		d.show(ReaderState{Readers: []Reader{d.reader(Empty)}})
		if i%30 == 0 {
			d.Go(pages()[i/30%3].name)
		}
		d.lay(3, 10, card.Genuine)
	}
	for runtime.NumGoroutine() > before {
		runtime.Gosched() // those that have delivered are about to end
	}
	if n := len(fyne.CurrentApp().Driver().AllWindows()); n != windows {
		t.Errorf("%d windows, %d before", n, windows)
	}
	if len(d.slots) != 1 {
		t.Errorf("%d slots", len(d.slots))
	}
	var held context.Context = d.ctx
	if held.Err() != nil {
		t.Error("the window was closed")
	}
}

// The virtual card of Windows Hello is no choice beside a CIE; two CIEs are.
func TestOnlyCIEsAreOfferedBesideACIE(t *testing.T) {
	const hello = "Windows Hello 0"
	d := newRig(t, newFake())
	d.fake.put(testReader, 3, 10, card.Genuine)
	d.fake.put(hello, 3, 10, card.Genuine).err = card.ErrNotCIE
	both := func(visit uint64) ReaderState {
		return ReaderState{Readers: []Reader{{Name: hello, Presence: Present, Visit: visit}, {Name: testReader, Presence: Present, Visit: 1}}}
	}
	d.show(both(1))
	d.Go(screenChange)
	d.lacks("There are several cards", hello)
	if s := d.pick(); s == nil || s.reader.Name != testReader {
		t.Errorf("codes go to %+v", s)
	}
	d.fake.put(hello, 3, 10, card.Genuine)
	d.show(both(2))
	d.wants("There are several cards")
}
