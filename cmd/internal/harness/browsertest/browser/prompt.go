package browser

import (
	"context"
	"fmt"
	"image"
	"strings"
	"time"

	"cie/cmd/internal/harness/browsertest/desktop"
)

// Prompt is something a browser asked a user.
type Prompt string

const (
	PromptPIN         Prompt = "pin"         // type the PIN
	PromptCertificate Prompt = "certificate" // choose a certificate
)

// Person answers the prompts of a browser.
type Person struct {
	// PINs are typed one after the other; the last one for any further prompt.
	PINs []string
	// Seen are the prompts answered so far, in order.
	Seen []Prompt
	// Before is called when a prompt is on the screen, before the user
	// answers: a test takes a screenshot or removes the card.
	Before func(Prompt)
}

// Answer answers prompts until done is closed or ctx ends. A prompt without a PIN for
// it is an error.
func (p *Person) Answer(ctx context.Context, b *Browser, done <-chan struct{}) error {
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("%w; answered %v", ctx.Err(), p.Seen)
		case <-b.gone:
			return fmt.Errorf("the browser ended; answered %v", p.Seen)
		case <-time.After(150 * time.Millisecond):
		}
		if w, ok := b.pinPrompt(ctx); ok {
			if err := p.typePIN(ctx, b, w); err != nil {
				return err
			}
			continue
		}
		if at, ok := b.choice(ctx); ok {
			if err := p.choose(ctx, b, at); err != nil {
				return err
			}
		}
	}
}

func (p *Person) see(prompt Prompt) {
	if p.Before != nil {
		p.Before(prompt)
	}
	p.Seen = append(p.Seen, prompt)
}

func (p *Person) typePIN(ctx context.Context, b *Browser, w desktop.Window) error {
	if len(p.PINs) == 0 {
		return fmt.Errorf("asked for a PIN (%q), and there is none to type; answered %v", w.Title, p.Seen)
	}
	p.see(PromptPIN)
	pin := p.PINs[0]
	if len(p.PINs) > 1 {
		p.PINs = p.PINs[1:]
	}
	d := b.cfg.Desktop
	if err := d.Focus(ctx, w); err != nil {
		if now, ok := b.pinPrompt(ctx); ok && now.ID == w.ID {
			return err
		}
		return nil // the browser closed it: the card was removed
	}
	if err := d.Type(ctx, pin); err != nil {
		return err
	}
	if err := d.Keys(ctx, "Return"); err != nil {
		return err
	}
	// The same window may come back for another try: wait until it is gone.
	for range 100 {
		if now, ok := b.pinPrompt(ctx); !ok || now.ID != w.ID {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

func (p *Person) choose(ctx context.Context, b *Browser, at image.Point) error {
	p.see(PromptCertificate)
	// Firefox enables its buttons a moment after it shows them, so an early click is
	// repeated.
	for range 10 {
		if err := b.cfg.Desktop.Click(ctx, at.X, at.Y); err != nil {
			return err
		}
		// A dialog that fades out can be missed in one look and seen in the next.
		absent := 0
		for range 5 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(200 * time.Millisecond):
			}
			now, ok := b.choice(ctx)
			if ok {
				at, absent = now, 0
				continue
			}
			if absent++; absent == 2 {
				// Out of the way of the next look.
				return b.cfg.Desktop.Point(ctx, 640, 880)
			}
		}
	}
	return fmt.Errorf("the choice of certificates does not close")
}

// Asking reports whether a prompt for the PIN or a choice of certificates is on the
// screen.
func (b *Browser) Asking(ctx context.Context) bool {
	_, pin := b.pinPrompt(ctx)
	if pin {
		return true
	}
	_, choice := b.choice(ctx)
	return choice
}

// Titles returns the titles of the browser's windows.
func (b *Browser) Titles(ctx context.Context) []string {
	windows, err := b.cfg.Desktop.Windows(ctx)
	if err != nil {
		return nil
	}
	var list []string
	for _, w := range windows {
		list = append(list, w.Title)
	}
	return list
}

func (b *Browser) pinPrompt(ctx context.Context) (desktop.Window, bool) {
	windows, err := b.cfg.Desktop.Windows(ctx)
	if err != nil {
		return desktop.Window{}, false
	}
	for _, w := range windows {
		for _, t := range pinTitles {
			// The browser's name in the title distinguishes the two browsers on one screen.
			if strings.Contains(w.Title, t) && strings.Contains(w.Title, "Firefox") == (b.Kind == Firefox) {
				return w, true
			}
		}
	}
	return desktop.Window{}, false
}

// choice looks for the dialog in which a certificate is chosen and for the
// button that confirms. Both browsers draw it inside their window over a page
// made dark, with the button in blue.
func (b *Browser) choice(ctx context.Context) (image.Point, bool) {
	img, err := b.cfg.Desktop.Picture(ctx)
	if err != nil {
		return image.Point{}, false
	}
	return confirmButton(img)
}

// confirmButton finds the blue button of a dialog over a darkened page.
func confirmButton(img *image.RGBA) (image.Point, bool) {
	if !dimmed(img) {
		return image.Point{}, false
	}
	// The button is the largest block of rows with a run of blue, one below the
	// other. Lines and letters in the same blue are no blocks.
	var best, block image.Rectangle
	for y := img.Rect.Min.Y; y < img.Rect.Max.Y; y++ {
		run := blueRun(img, y)
		if run.Dx() >= 15 && run.Overlaps(block.Add(image.Pt(0, 1))) {
			block = block.Union(run)
		} else {
			block = run
		}
		if block.Dy() > best.Dy() && block.Dx() < 300 {
			best = block
		}
	}
	if best.Dy() < 12 || best.Dy() > 80 {
		return image.Point{}, false
	}
	return image.Pt((best.Min.X+best.Max.X)/2, (best.Min.Y+best.Max.Y)/2), true
}

// blueRun returns the longest run of blue pixels in a row.
func blueRun(img *image.RGBA, y int) image.Rectangle {
	var best image.Rectangle
	start := -1
	for x := img.Rect.Min.X; x <= img.Rect.Max.X; x++ {
		if x < img.Rect.Max.X && blue(img, x, y) {
			if start < 0 {
				start = x
			}
			continue
		}
		if start >= 0 && x-start > best.Dx() {
			best = image.Rect(start, y, x, y+1)
		}
		start = -1
	}
	return best
}

func blue(img *image.RGBA, x, y int) bool {
	c := img.RGBAAt(x, y)
	dark := c.B > 180 && c.R < 60 && c.G > 60 && c.G < 140
	// Chromium's private windows are dark and their buttons light.
	light := c.B > 235 && c.R > 150 && c.R < 190 && c.G > 180 && c.G < 215
	return dark || light
}

// dimmed reports whether the empty part of the page is a grey in between: a page
// of the service is white, and made dark when a dialog is over it. Some
// Firefoxes darken with a grey that has a touch of blue.
func dimmed(img *image.RGBA) bool {
	for _, p := range []image.Point{{60, 600}, {200, 700}, {500, 760}} {
		c := img.RGBAAt(p.X, p.Y)
		if max(c.R, c.G, c.B)-min(c.R, c.G, c.B) > 4 || c.R < 70 || c.R > 180 {
			return false
		}
	}
	return true
}
