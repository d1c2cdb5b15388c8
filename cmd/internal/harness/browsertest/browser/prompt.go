package browser

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	// Entered is called when a PIN is typed, right before Enter. It may be nil.
	Entered func()
}

// Answer answers prompts until done is closed or ctx ends. A prompt without a PIN for
// it is an error.
func (p *Person) Answer(ctx context.Context, b *Browser, done <-chan struct{}) error {
	stirred := time.Now()
	for {
		select {
		case <-done:
			// What closes done ends with ctx, too.
			if ctx.Err() == nil {
				return nil
			}
			return fmt.Errorf("%w; answered %v; on the screen: %s", ctx.Err(), p.Seen, b.seen())
		case <-ctx.Done():
			return fmt.Errorf("%w; answered %v; on the screen: %s", ctx.Err(), p.Seen, b.seen())
		case <-b.gone:
			return fmt.Errorf("the browser ended; answered %v", p.Seen)
		case <-time.After(300 * time.Millisecond): // each look is a process, and thirty questions to the browser
		}
		// Once Firefox showed a choice of certificates for two minutes without reporting it to
		// the accessibility bus. It updates what it reports when it paints, and a user who
		// waits moves the pointer.
		if time.Since(stirred) > 5*time.Second {
			stirred = time.Now()
			_ = b.cfg.Desktop.Stir()
		}
		if w, ok := b.pinPrompt(ctx); ok {
			if err := p.typePIN(ctx, b, w); err != nil {
				return err
			}
			continue
		}
		if button, ok := b.choice(ctx); ok && button.Sensitive {
			if err := p.choose(ctx, b, button); err != nil {
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
	if p.Entered != nil {
		p.Entered()
	}
	if err := d.Keys("Return"); err != nil {
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

func (p *Person) choose(ctx context.Context, b *Browser, button *desktop.Element) error {
	p.see(PromptCertificate)
	// An early click may be lost: Firefox ignores those of the first moment.
	for range 10 {
		at, err := button.Rest(ctx)
		if err == nil {
			err = b.cfg.Desktop.Click(at.X, at.Y)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("choice of a certificate: %w", errors.Join(ctx.Err(), err))
		}
		for range 20 {
			now, ok := b.choice(ctx)
			if !ok {
				return nil
			}
			button = now
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(100 * time.Millisecond):
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

func (b *Browser) pinPrompt(ctx context.Context) (desktop.Window, bool) {
	windows, err := b.cfg.Desktop.Windows(ctx, pinTitles...)
	// The browser's name in the title distinguishes the two browsers on one screen.
	i := slices.IndexFunc(windows, func(w desktop.Window) bool {
		return strings.Contains(w.Title, "Firefox") == (b.Kind == Firefox)
	})
	if err != nil || i < 0 {
		return desktop.Window{}, false
	}
	return windows[i], true
}

// seen returns the dialogs and buttons of the browser for the error of a wait.
func (b *Browser) seen() string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	elements, err := b.cfg.Desktop.Elements(ctx, applications[b.Kind])
	var list []string
	for _, e := range elements {
		if e.Role == "dialog" || e.Role == "push button" || e.Role == "alert" || e.Role == "frame" {
			list = append(list, fmt.Sprintf("%s %q", e.Role, e.Name))
		}
	}
	return fmt.Sprintf("%s (%v; last question without an answer: %v)", strings.Join(list, ", "), err, b.cfg.Desktop.Unanswered())
}

// applications are the names of the browsers on the accessibility bus.
var applications = map[Kind]string{Firefox: "Firefox", Chromium: "Chromium"}

// certificateDialogs are the names of the dialogs in which a certificate is chosen.
// Both browsers draw them inside their window, so they have no window of their own.
var certificateDialogs = []string{"User Identification Request", "Select a certificate"}

// choice looks for the dialog in which a certificate is chosen, and returns its button
// that confirms.
func (b *Browser) choice(ctx context.Context) (*desktop.Element, bool) {
	elements, err := b.cfg.Desktop.Elements(ctx, applications[b.Kind])
	if err != nil {
		return nil, false
	}
	i := slices.IndexFunc(elements, confirmsCertificate)
	if i < 0 {
		return nil, false
	}
	return elements[i], true
}

// confirmsCertificate reports whether an element is the button that confirms the
// choice of a certificate. The dialogs that ask for the PIN have buttons too.
func confirmsCertificate(e *desktop.Element) bool {
	dialog, ok := e.In("dialog")
	return ok && e.Role == "push button" && e.Name == "OK" && slices.Contains(certificateDialogs, dialog.Name)
}
