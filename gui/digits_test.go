package gui

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"

	"cie/card"
)

// shown returns the text that the field draws.
func shown(d *DigitField) string {
	s := ""
	for _, o := range test.WidgetRenderer(d).Objects() {
		if t, ok := o.(*canvas.Text); ok {
			s += t.Text
		}
	}
	return s
}

func typed(d *DigitField, s string) {
	for _, r := range s {
		d.TypedRune(r)
	}
}

func TestDigitFieldTakesDigitsOnly(t *testing.T) {
	test.NewTempApp(t)
	d := NewDigitField("PIN")
	changes := 0
	d.OnChanged = func() { changes++ }
	typed(d, "12a 3é٤")
	if string(d.Code()) != "1234" || changes != 4 {
		t.Fatalf("%q after %d changes", d.Code(), changes)
	}
	if shown(d) != "" {
		t.Errorf("hidden digits are drawn: %q", shown(d))
	}
	d.Reveal(true)
	if shown(d) != "1234" {
		t.Errorf("revealed: %q", shown(d))
	}
	typed(d, "５۶789")
	if string(d.Code()) != "12345678" || !d.Complete() {
		t.Errorf("%q", d.Code())
	}
	d.TypedKey(&fyne.KeyEvent{Name: fyne.KeyBackspace})
	if d.Len() != 7 || d.digits[7] != 0 {
		t.Errorf("after Backspace: %d digits, %v", d.Len(), d.digits)
	}
	d.Wipe()
	if d.digits != [8]byte{} || d.Len() != 0 || d.Revealed() || shown(d) != "" {
		t.Errorf("after Wipe: %v, %q", d.digits, shown(d))
	}
}

func TestPasteTakesACodeOfAnyLayout(t *testing.T) {
	test.NewTempApp(t)
	for _, tt := range []struct{ before, pasted, want string }{
		{"", "12345678", "12345678"},
		{"", " 1234 5678\n", "12345678"},
		{"", "1234-5678", "12345678"},
		{"", "1234", "1234"},
		{"", "١٢٣٤ ٥٦٧٨", "12345678"},
		{"1234", "5678", "12345678"},
		{"12", "87654321", "87654321"},
		{"12345", "6789", "12345"},
		{"12", "123456789", "12"},
		{"12", "PIN 1234", "12"},
		{"12", "", "12"},
	} {
		d := NewDigitField("PIN")
		rejected := false
		d.OnRejected = func() { rejected = true }
		typed(d, tt.before)
		c := test.NewClipboard()
		c.SetContent(tt.pasted)
		d.TypedShortcut(&fyne.ShortcutPaste{Clipboard: c})
		if got := string(d.Code()); got != tt.want || rejected != (got == tt.before) {
			t.Errorf("%q pasted after %q: %q, rejected %v", tt.pasted, tt.before, got, rejected)
		}
		c.SetContent("kept")
		d.TypedShortcut(&fyne.ShortcutCopy{Clipboard: c})
		d.TypedShortcut(&fyne.ShortcutCut{Clipboard: c})
		if c.Content() != "kept" {
			t.Error("digits can be copied out of the field")
		}
	}
}

// The button that reveals the digits stays beside its field when text is big.
func TestRevealBesideField(t *testing.T) {
	for _, scale := range []int{100, 200} {
		f := newFake()
		f.settings.TextScale = scale
		d := newRig(t, f)
		d.lay(3, 10, card.Genuine)
		d.Go(screenChange)
		e := d.current.(*codeScreen).form.code
		field, button := e.Position(), e.reveal.Position()
		if button.X < field.X+e.Size().Width || button.Y+e.reveal.Size().Height > field.Y+e.Size().Height+1 {
			t.Errorf("%d%%: field at %v size %v, button at %v size %v", scale, field, e.Size(), button, e.reveal.Size())
		}
	}
}
