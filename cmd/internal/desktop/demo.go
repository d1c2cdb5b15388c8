package desktop

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"os"
	"sync"
	"time"

	"cie/apdu/readers"
	"cie/card"
	"cie/card/ades"
	"cie/card/cardtest"
	"cie/card/sod"
	"cie/card/state"
	"cie/cmd/internal/doctor"
	"cie/cmd/internal/loopback"
	"cie/cmd/internal/probe"
	"cie/gui"
	"cie/installer/browsers"
)

// demoReader is the name of the one reader of the demonstration.
const demoReader = "Demo NFC"

// demo is the Service of a demonstration: a virtual card in this process, and
// browsers and settings that exist only here.
type demo struct {
	*cards
	*signing
	*verifying
	service *cardtest.Service // with demoReader alone
	card    *cardtest.Card
	about   func(module string) gui.About

	mu       sync.Mutex
	settings gui.Settings
	enabled  map[string]bool // by the ID of the browser
}

// Demo returns the Service of a demonstration, the data of its card for the window,
// and a function that ends it.
func Demo(about func(module string) gui.About) (gui.Service, *gui.Demo, func(), error) {
	virtual, err := cardtest.New(cardtest.Profile{
		Surname: "ROSSI", GivenName: "MARIA", FiscalCode: "RSSMRA70A41Z999X", NIS: "999900000042", DocumentNumber: "CA00000AA",
	})
	if err != nil {
		return nil, nil, nil, err
	}
	// Slow enough to see the steps.
	virtual.SetCost(cardtest.CostModel{PerAPDU: 8 * time.Millisecond, DHAgreement: 700 * time.Millisecond, RSAPrivate: 150 * time.Millisecond, Sleep: true})
	roots := sod.BuiltinRoots().Clone()
	if err := roots.AddPEM(cardtest.CSCAPEM()); err != nil {
		return nil, nil, nil, err
	}
	anchors := ades.BuiltinAnchors()
	if err := anchors.Add(cardtest.IssuingCAPEM()); err != nil {
		return nil, nil, nil, err
	}
	home, _ := os.UserHomeDir()
	opts := card.Options{Roots: roots, State: state.Memory()}
	service := &cardtest.Service{}
	service.Insert(demoReader, virtual)
	// The authority of the virtual card answers in this process.
	v := &verifying{anchors: anchors, fetcher: &cardtest.Authority{Now: time.Now}, home: home, now: time.Now}
	d := &demo{cards: newCards(service, opts), verifying: v, service: service, card: virtual, about: about, enabled: map[string]bool{}}
	d.signing = &signing{cards: d.cards}
	return d, &gui.Demo{PIN: string(cardtest.DefaultPIN()), PUK: string(cardtest.DefaultPUK()), Move: d.move}, d.pages.Close, nil
}

// move removes the card of the demonstration, or inserts it again.
func (d *demo) move() {
	if d.card.Present() {
		d.service.Remove(demoReader)
	} else {
		d.service.Insert(demoReader, d.card)
	}
}

// About implements gui.Service.
func (d *demo) About() gui.About { return d.about(browsers.DefaultModulePath()) }

// Browsers implements gui.Service.
func (d *demo) Browsers(context.Context) ([]gui.Browser, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := []gui.Browser{
		{ID: "firefox", Name: "Firefox", State: gui.BrowserOff},
		{ID: "chromium", Name: "Chromium", State: gui.BrowserOff},
		{ID: "firefox-snap", Name: "Firefox (snap)", State: gui.BrowserSandboxed},
	}
	for i, state := range []gui.BrowserState{gui.BrowserReady, gui.BrowserRestart} {
		if d.enabled[list[i].ID] {
			list[i].State = state
		}
	}
	return list, nil
}

// SetBrowsers implements gui.Service.
func (d *demo) SetBrowsers(ctx context.Context, id string, enable bool) error {
	list, _ := d.Browsers(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range list {
		if id == "" || id == b.ID {
			d.enabled[b.ID] = enable
		}
	}
	return nil
}

// Diagnose implements gui.Service. It reports the steps of a real machine for the
// virtual one.
func (d *demo) Diagnose(ctx context.Context, with gui.Diagnosis, found func(gui.Finding)) error {
	env := doctor.Env{
		Root: nowhere, Getenv: func(string) string { return "" }, Now: time.Now, Prober: demoProber{d},
		Card:    d.cards.opts,
		Machine: &browsers.Env{Root: nowhere, Home: nowhere, Proc: nowhere, ConfigHome: nowhere, DataHome: nowhere, StateHome: nowhere, RuntimeDir: nowhere, Module: "(demo)", SudoUID: -1},
		PCSC:    func() (readers.Service, error) { return d.service.Open(), nil },
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

// nowhere is a directory without files: a demonstration reads none.
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

// demoProber is a module that works.
type demoProber struct{ *demo }

func (p demoProber) Identify(context.Context, string) (probe.Info, error) { return probe.Info{}, nil }

func (p demoProber) Load(context.Context, string) (probe.Info, error) { return probe.Info{}, nil }

func (p demoProber) Cards(context.Context, string) ([]probe.Card, error) {
	if !p.card.Present() {
		return nil, nil
	}
	return []probe.Card{{Slot: demoReader}}, nil
}

// Login signs with the card directly, because there is no module.
func (p demoProber) Login(ctx context.Context, _ string, l probe.Login, pin []byte) (probe.Outcome, error) {
	server, err := x509.ParseCertificate(l.Certificate)
	if err != nil {
		return probe.Outcome{}, err
	}
	conn, err := p.service.Connect(demoReader)
	if err != nil {
		return probe.Outcome{}, err
	}
	defer conn.Close()
	s, err := card.Open(ctx, conn, p.opts)
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

// enter connects and waits for the first byte, which is sent once the service
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

// StartService implements gui.Service: the service of a demonstration always runs.
func (d *demo) StartService(context.Context) error { return nil }

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
