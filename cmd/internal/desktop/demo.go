package desktop

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"sync"
	"time"

	"cie/apdu/pcsc"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/sod"
	"cie/card/state"
	"cie/cmd/internal/doctor"
	"cie/cmd/internal/loopback"
	"cie/cmd/internal/probe"
	"cie/gui"
	"cie/installer"
)

// demoReader is the name of the one reader of the demonstration.
const demoReader = "Demo NFC"

// demo is the Service of a demonstration: a virtual card in this process, and
// browsers and settings that exist only here.
type demo struct {
	*cards
	readers *demoReaders
	about   func(module string) gui.About

	mu       sync.Mutex
	settings gui.Settings
	enabled  bool
}

// Demo returns the Service of a demonstration, what the window shows of its
// card, and what ends it.
func Demo(about func(module string) gui.About) (gui.Service, *gui.Demo, func(), error) {
	virtual, err := cardtest.New(cardtest.Profile{
		Surname: "ROSSI", GivenName: "MARIA", FiscalCode: "RSSMRA70A41Z999X", NIS: "999900000042", DocumentNumber: "CA00000AA",
	})
	if err != nil {
		return nil, nil, nil, err
	}
	// As slow as is needed to see the steps, and no slower.
	virtual.SetCost(cardtest.CostModel{PerAPDU: 8 * time.Millisecond, DHAgreement: 700 * time.Millisecond, RSAPrivate: 150 * time.Millisecond, Sleep: true})
	roots := sod.BuiltinRoots().Clone()
	if err := roots.AddPEM(cardtest.CSCAPEM()); err != nil {
		return nil, nil, nil, err
	}
	opts := card.Options{Roots: roots, State: state.Memory()}
	r := &demoReaders{card: virtual, opts: opts, moved: make(chan struct{}, 1)}
	virtual.Insert()
	d := &demo{cards: newCards(r, opts), readers: r, about: about}
	return d, &gui.Demo{PIN: string(cardtest.DefaultPIN()), PUK: string(cardtest.DefaultPUK()), Move: r.move}, func() {}, nil
}

// demoReaders is a desk with one reader and one card.
type demoReaders struct {
	card  *cardtest.Card
	opts  card.Options
	moved chan struct{}
}

func (r *demoReaders) move() {
	if r.card.Present() {
		r.card.Remove()
	} else {
		r.card.Insert()
	}
	select {
	case r.moved <- struct{}{}:
	default:
	}
}

func (r *demoReaders) Watch(ctx context.Context) <-chan gui.Desk {
	out := make(chan gui.Desk)
	go func() {
		defer close(out)
		for visit := uint64(1); ; visit++ {
			reader := gui.Reader{Name: demoReader, Contactless: true}
			if r.card.Present() {
				reader.Presence, reader.Visit = gui.Present, visit
			}
			select {
			case out <- gui.Desk{Readers: []gui.Reader{reader}}:
			case <-ctx.Done():
				return
			}
			select {
			case <-r.moved:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func (r *demoReaders) Connect(string) (link, error) { return r.card.Reader(), nil }

// About implements gui.Service.
func (d *demo) About() gui.About { return d.about(installer.DefaultModulePath()) }

// Browsers implements gui.Service.
func (d *demo) Browsers(context.Context) ([]gui.Browser, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := []gui.Browser{
		{ID: "firefox", Name: "Firefox", State: gui.BrowserOff},
		{ID: "chromium", Name: "Chromium", State: gui.BrowserOff},
		{ID: "firefox-snap", Name: "Firefox (snap)", State: gui.BrowserSandboxed},
	}
	if d.enabled {
		list[0].State, list[1].State = gui.BrowserReady, gui.BrowserRestart
	}
	return list, nil
}

// SetBrowsers implements gui.Service.
func (d *demo) SetBrowsers(_ context.Context, enable bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.enabled = enable
	return nil
}

// Diagnose implements gui.Service: the steps of a real machine, on the virtual
// one.
func (d *demo) Diagnose(ctx context.Context, with gui.Diagnosis, found func(gui.Finding)) error {
	env := doctor.Env{
		Root: nowhere, Getenv: func(string) string { return "" }, Now: time.Now, Prober: demoProber{d.readers},
		Card:    d.cards.opts,
		Machine: &installer.Env{Root: nowhere, Home: nowhere, Proc: nowhere, ConfigHome: nowhere, DataHome: nowhere, StateHome: nowhere, RuntimeDir: nowhere, Module: "(demo)", SudoUID: -1},
		PCSC:    func() (doctor.PCSC, error) { return d.readers.stack(), nil },
	}
	d.cards.release()
	return diagnose(ctx, env, with, func(c doctor.Check) {
		if c.ID != doctor.Browser {
			found(finding(c))
			return
		}
		list, _ := d.Browsers(ctx)
		for _, b := range list {
			found(demoBrowser(b))
		}
	})
}

// nowhere is a directory without files: a demonstration looks at none.
const nowhere = "/dev/null/cie-demo"

func demoBrowser(b gui.Browser) gui.Finding {
	c := doctor.Check{ID: doctor.Browser, Status: doctor.OK, Finding: doctor.FindingOf(doctor.BrowserState(b.State)), Subject: b.Name}
	switch b.State {
	case gui.BrowserOff:
		c.Status, c.Remedy = doctor.Fail, doctor.EnableBrowsers
	case gui.BrowserRestart:
		c.Status, c.Remedy = doctor.Warn, doctor.RestartBrowser
		c.Values = []doctor.Value{{Name: "running", Text: b.Name}}
	case gui.BrowserSandboxed:
		c.Status, c.Remedy = doctor.Warn, doctor.NativeBrowser
		c.Values = []doctor.Value{{Name: "packaging", Text: "snap"}}
	}
	return finding(c)
}

// stack is the desk of the demonstration as the diagnostics see it.
func (r *demoReaders) stack() doctor.PCSC { return demoStack{r} }

type demoStack struct{ *demoReaders }

func (s demoStack) Status() ([]pcsc.ReaderState, error) {
	return []pcsc.ReaderState{{Name: demoReader, Present: s.card.Present()}}, nil
}

func (s demoStack) Connect(reader string) (doctor.Conn, error) { return s.demoReaders.Connect(reader) }

func (s demoStack) Close() error { return nil }

// demoProber is a module that works.
type demoProber struct{ *demoReaders }

func (p demoProber) Load(context.Context, string) (probe.Info, error) { return probe.Info{}, nil }

func (p demoProber) Cards(context.Context, string) ([]probe.Card, error) {
	if !p.card.Present() {
		return nil, nil
	}
	return []probe.Card{{Slot: demoReader}}, nil
}

// Login has no module to go through: the card itself signs.
func (p demoProber) Login(ctx context.Context, _ string, l probe.Login, pin []byte) (probe.Outcome, error) {
	server, err := x509.ParseCertificate(l.Certificate)
	if err != nil {
		return probe.Outcome{}, err
	}
	s, err := card.Open(ctx, p.card.Reader(), p.opts)
	if err != nil {
		return probe.Outcome{}, err
	}
	defer s.Close()
	if err := s.Verify(ctx, card.PIN, pin); err != nil {
		return probe.Outcome{}, err
	}
	own, err := loopback.ClientCertificate(ctx, s)
	if err != nil {
		return probe.Outcome{}, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{own}}
	config.RootCAs.AddCert(server)
	state, err := enter(ctx, l.Server, config)
	if err != nil {
		return probe.Outcome{}, err
	}
	o := probe.Outcome{Version: tls.VersionName(state.Version), Cipher: tls.CipherSuiteName(state.CipherSuite)}
	if _, err := enter(ctx, l.TLS13, config); err != nil {
		o.TLS13 = err.Error()
	} else {
		o.TLS13OK = true
	}
	return o, nil
}

// enter connects and waits for the first byte, which comes once the service
// has accepted the client.
func enter(ctx context.Context, address string, config *tls.Config) (tls.ConnectionState, error) {
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		return tls.ConnectionState{}, err
	}
	return conn.(*tls.Conn).ConnectionState(), nil
}

// Report implements gui.Service.
func (d *demo) Report(text string) string { return text }

// Settings implements gui.Service.
func (d *demo) Settings() gui.Settings {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.settings
}

// SaveSettings implements gui.Service. Nothing is written.
func (d *demo) SaveSettings(s gui.Settings) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	s.Autostart = false
	d.settings = s
	return nil
}

// LogFolder implements gui.Service: a demonstration keeps no logs.
func (d *demo) LogFolder() string { return "" }

// ClearLogs implements gui.Service.
func (d *demo) ClearLogs() error { return nil }

// ForgetCards implements gui.Service.
func (d *demo) ForgetCards() error { return nil }

// SaveReport implements gui.Service.
func (d *demo) SaveReport(string) (string, error) { return "", gui.ErrDemo }

var _ gui.Service = (*demo)(nil)
var _ gui.Service = (*desktop)(nil)
var _ card.Conn = (link)(nil)
