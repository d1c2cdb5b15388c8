package gui

import (
	"context"
	"errors"
	"sync"
	"time"

	"cie/apdu"
	"cie/card"
)

// fake is a Service with virtual everything. Its card checks codes like a
// real one; blocked keeps an operation waiting, to look at the screen meanwhile.
type fake struct {
	*fakeSigning
	fakeVerifying
	mu       sync.Mutex
	states   chan ReaderState
	cards    map[string]*fakeCard
	settings Settings
	saved    error
	folder   string
	browsers []Browser
	failing  error // of SetBrowsers
	starting error // of StartService
	findings []Finding
	readStep card.StepName // that Inspect reports first
	hold     chan struct{} // operations wait here if not nil
	reading  chan struct{} // and Inspect here
	steps    []card.StepName
	log      []string
	kept     [][]byte // the slices that codes came in
	prepared []context.Context
}

type fakeCard struct {
	card     Card
	err      error
	pin, puk string
	failWith error // the next operation fails so
}

var testNow = time.Date(2030, 1, 15, 12, 0, 0, 0, time.UTC)

func newFake() *fake {
	f := &fake{
		states: make(chan ReaderState), cards: map[string]*fakeCard{},
		browsers: []Browser{
			{ID: "firefox", Name: "Firefox", State: BrowserOff},
			{ID: "chromium", Name: "Chromium", State: BrowserReady},
			{ID: "snap", Name: "Firefox (snap)", State: BrowserSandboxed},
		},
		findings: []Finding{
			{Step: "service", Level: FindingOK, Found: "service-answers"},
			{Step: "reader", Level: FindingWarning, Subject: "Test Reader 0", Found: "reader-threatened", Remedy: "blacklist-pn533"},
			{Step: "card", Level: FindingError, Found: "no-card", Remedy: "lay-card"},
			{Step: "tries", Level: FindingSkipped, Found: "waits"},
			{Step: "certificate", Level: FindingOK, Found: "certificate-valid", Values: []FindingValue{{Name: "until", Text: "2031-03-18", Private: true}}},
			{Step: "module", Level: FindingError, Found: "module-missing", Remedy: "reinstall", Detail: "no such file",
				Values: []FindingValue{{Name: "path", Text: "/usr/lib/x86_64-linux-gnu/pkcs11/cie-pkcs11.so"}}},
			{Step: "browser", Level: FindingError, Subject: "Firefox 140.1", Found: "browser-off", Remedy: "enable-browsers"},
			{Step: "tls13", Level: FindingOK, Found: "tls13-impossible"},
		},
		settings: Settings{Language: "en", Theme: "light"},
		folder:   "file:///logs",
	}
	f.fakeSigning = &fakeSigning{fake: f}
	return f
}

const (
	testReader = "Test Reader 0"
	testPIN    = "13572468"
	testPUK    = "86427531"
)

func (f *fake) put(reader string, pin, puk int, level card.Level) *fakeCard {
	c := &fakeCard{
		card: Card{ID: "999900000001", Family: card.FamilyNXP,
			PIN: card.Tries{Left: pin, Max: 3, Reported: true}, PUK: card.Tries{Left: puk, Max: 10, Reported: true},
			Authenticity: card.Authenticity{Level: level}},
		pin: testPIN, puk: testPUK,
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cards[reader] = c
	return c
}

func (f *fake) note(s string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, s)
}

func (f *fake) Watch(ctx context.Context) <-chan ReaderState {
	out := make(chan ReaderState)
	go func() {
		defer close(out)
		for {
			select {
			case d := <-f.states:
				select {
				case out <- d:
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func (f *fake) Prepare(ctx context.Context, reader string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.prepared = append(f.prepared, ctx)
}

func (f *fake) Inspect(ctx context.Context, reader string, update func(Card)) error {
	f.mu.Lock()
	c := f.cards[reader]
	f.mu.Unlock()
	if f.readStep != "" {
		update(Card{Reading: f.readStep})
	}
	if f.reading != nil {
		select {
		case <-f.reading:
		case <-ctx.Done():
		}
	}
	if c == nil {
		return apdu.ErrNoCard
	}
	if c.err != nil {
		return c.err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	update(Card{ID: c.card.ID, Family: c.card.Family})
	update(c.card)
	return nil
}

func (f *fake) StartService(context.Context) error { f.note("start"); return f.starting }

func (f *fake) Accept(_ context.Context, reader string) error {
	f.note("accept")
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.cards[reader]
	if c == nil {
		return apdu.ErrNoCard
	}
	if c.failWith != nil {
		return c.failWith
	}
	c.card.Authenticity.Accepted = true
	return nil
}

// operate does what every operation with a code does.
func (f *fake) operate(ctx context.Context, name, reader string, ref card.PINRef, code []byte, o CodeOptions) (*fakeCard, error) {
	f.note(name)
	f.mu.Lock()
	c, hold := f.cards[reader], f.hold
	f.kept = append(f.kept, code)
	steps := f.steps
	f.mu.Unlock()
	for i, s := range steps {
		o.Progress(card.Progress{Step: i + 1, Total: len(steps) + 1, Name: s})
	}
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if c == nil {
		return nil, apdu.ErrNoCard
	}
	if c.failWith != nil {
		err := c.failWith
		c.failWith = nil
		return nil, err
	}
	if !c.card.Authenticity.TakesCodes() {
		return nil, &card.NotAcceptedError{Level: c.card.Authenticity.Level}
	}
	t, want := &c.card.PIN, c.pin
	if ref == card.PUK {
		t, want = &c.card.PUK, c.puk
	}
	if t.Left == 0 {
		return nil, &card.PINError{Ref: ref}
	}
	if t.Left == 1 && !o.AllowLastTry {
		return nil, &card.LastTryError{Ref: ref}
	}
	if string(code) != want {
		t.Left--
		return nil, &card.PINError{Ref: ref, Tries: t.Left}
	}
	t.Left = t.Max
	return c, nil
}

func (f *fake) Holder(ctx context.Context, reader string, pin []byte, o CodeOptions) (Holder, error) {
	_, err := f.operate(ctx, "holder", reader, card.PIN, pin, o)
	if err != nil {
		return Holder{}, err
	}
	return Holder{
		Surname: "PROVA", GivenName: "MARIA", FiscalCode: "PRVMRA70A41Z999S", DocumentNumber: "ZZ00000ZZ",
		NotBefore: testNow.AddDate(-9, 0, 0), NotAfter: testNow.AddDate(1, 2, 3), GraceUntil: testNow.AddDate(1, 5, 3),
	}, nil
}

func (f *fake) ChangePIN(ctx context.Context, reader string, old, pin []byte, o CodeOptions) error {
	c, err := f.operate(ctx, "change", reader, card.PIN, old, o)
	f.mu.Lock()
	f.kept = append(f.kept, pin)
	f.mu.Unlock()
	if err != nil {
		return err
	}
	c.pin = string(pin)
	return nil
}

func (f *fake) Unblock(ctx context.Context, reader string, puk, pin []byte, o CodeOptions) error {
	c, err := f.operate(ctx, "unblock", reader, card.PUK, puk, o)
	f.mu.Lock()
	f.kept = append(f.kept, pin)
	f.mu.Unlock()
	if err != nil {
		return err
	}
	c.pin = string(pin)
	c.card.PIN.Left = c.card.PIN.Max
	return nil
}

func (f *fake) TestLogin(ctx context.Context, reader string, pin []byte, o CodeOptions) (Login, error) {
	_, err := f.operate(ctx, "login", reader, card.PIN, pin, o)
	return Login{Name: "MARIA PROVA", Protocol: "TLS 1.2"}, err
}

func (f *fake) Browsers(context.Context) ([]Browser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Browser(nil), f.browsers...), nil
}

func (f *fake) SetBrowsers(_ context.Context, id string, enable bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failing != nil {
		return f.failing
	}
	for i, b := range f.browsers {
		if id != "" && b.ID != id {
			continue
		}
		if enable && b.State == BrowserOff {
			f.browsers[i].State = BrowserRestart
		}
		if !enable && b.State != BrowserSandboxed {
			f.browsers[i].State = BrowserOff
		}
	}
	return nil
}

func (f *fake) Diagnose(ctx context.Context, d Diagnosis, found func(Finding)) error {
	if d.PIN == nil {
		for _, x := range f.findings {
			found(x)
		}
		return ctx.Err()
	}
	found(Finding{Step: "service", Level: FindingOK, Found: "service-answers"})
	_, err := f.operate(ctx, "diagnose", d.Reader, card.PIN, d.PIN, d.CodeOptions)
	if err == nil {
		found(Finding{Step: "login", Level: FindingOK, Found: "login-works", Values: []FindingValue{{Name: "version", Text: "TLS 1.2"}}})
	}
	return err
}

func (f *fake) Report(text string) string { return text + "system: test\n" }

func (f *fake) SaveReport(text string) (string, error) {
	f.note(text)
	return "report.txt", nil
}

func (f *fake) Settings() Settings { return f.settings }

func (f *fake) SaveSettings(s Settings) error {
	if f.saved != nil {
		return f.saved
	}
	f.settings = s
	return nil
}

func (f *fake) LogFolder() string  { return f.folder }
func (f *fake) ClearLogs() error   { f.note("clear"); return nil }
func (f *fake) ForgetCards() error { return errors.New("the disk is full") }
func (f *fake) About() About {
	return About{Version: "1.2.3", ModulePath: "/usr/lib/x86_64-linux-gnu/pkcs11/cie-pkcs11.so", Libraries: []Library{
		{"fyne.io/fyne/v2", "v2.8.0", "BSD-3-Clause"}, {"golang.org/x/crypto", "v0.57.0", "BSD-3-Clause"}}}
}
