package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cie/apdu"
	"cie/apdu/pcsc"
	"cie/apdu/readers"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/identity"
	"cie/card/sod"
	"cie/cmd/internal/probe"
	"cie/installer/browsers"
)

const reader = "Reader 00 00"

func present(name string) readers.State {
	return readers.State{Name: name, Present: true, ATR: []byte{0x3B, 0}}
}

// opened returns a function that opens the service.
func opened(s *cardtest.Service) func() (readers.Service, error) {
	return func() (readers.Service, error) { return s, nil }
}

func broken(err error) func() (readers.Service, error) {
	return func() (readers.Service, error) { return nil, err }
}

func denial(code uint32) error {
	return &pcsc.Error{Op: "establish", Kind: apdu.ErrNoService, Code: code}
}

// holding returns a service with one reader and a card in it.
func holding(c *cardtest.Card) *cardtest.Service {
	s := &cardtest.Service{}
	s.Insert(reader, c)
	return s
}

func newCard(t *testing.T, p cardtest.Profile) *cardtest.Card {
	t.Helper()
	c, err := cardtest.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// fakeProber returns the results in its fields.
type fakeProber struct {
	load, login error
	cards       []probe.Card
	outcome     probe.Outcome
	pin         []byte // the PIN of the last call
}

func (p *fakeProber) Load(context.Context, string) (probe.Info, error) {
	return probe.Info{Version: "1.2"}, p.load
}

func (p *fakeProber) Cards(context.Context, string) ([]probe.Card, error) { return p.cards, nil }

func (p *fakeProber) Login(_ context.Context, _ string, _ probe.Login, pin []byte) (probe.Outcome, error) {
	p.pin = bytes.Clone(pin)
	return p.outcome, p.login
}

// machine returns an Env without a defect and without card; tests change it.
func machine(t *testing.T) *Env {
	t.Helper()
	root := t.TempDir()
	home := filepath.Join(root, "home")
	roots := sod.BuiltinRoots().Clone()
	if err := roots.AddPEM(cardtest.CSCAPEM()); err != nil {
		t.Fatal(err)
	}
	e := &Env{
		Root: root, Getenv: func(string) string { return "" }, Now: func() time.Time { return time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC) },
		PCSC: opened(&cardtest.Service{}), Card: card.Options{Roots: roots},
		Machine: &browsers.Env{
			Home: home, Root: root, Proc: filepath.Join(root, "proc"), Module: filepath.Join(root, "cie-pkcs11.so"), UID: os.Geteuid(), SudoUID: -1,
			ConfigHome: filepath.Join(home, ".config"), DataHome: filepath.Join(home, ".local/share"), StateHome: filepath.Join(home, ".local/state"),
		},
		Prober: &fakeProber{cards: []probe.Card{{Slot: reader}}},
	}
	put(t, e.Machine.Module, "")
	put(t, filepath.Join(root, "/usr/sbin/pcscd"), "")
	put(t, filepath.Join(home, "firefox/application.ini"), "[App]\nVersion=140.0\n")
	put(t, filepath.Join(home, ".mozilla/firefox/profiles.ini"), "[Profile0]\nIsRelative=1\nPath=p\n")
	put(t, filepath.Join(home, ".mozilla/firefox/p/prefs.js"), "")
	return e
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// examine runs the doctor.
func examine(t *testing.T, e *Env, ask PINFunc) []Check {
	t.Helper()
	reported := 0
	checks, err := Run(context.Background(), *e, ask, func(Check) { reported++ })
	if err != nil || reported != len(checks) {
		t.Fatalf("%v; %d checks, %d reported", err, len(checks), reported)
	}
	// Every step is reported, whatever fails.
	for _, id := range []ID{Service, Permission, Readers, Card, Identity, Field, Authenticity, Tries, Certificate, Module, ModuleCard, Browser, Login, TLS13} {
		if !slices.ContainsFunc(checks, func(c Check) bool { return c.ID == id }) {
			t.Errorf("no check %s", id)
		}
	}
	return checks
}

func want(t *testing.T, checks []Check, id ID, status Status, finding Finding, remedy Remedy) Check {
	t.Helper()
	var seen []string
	for _, c := range checks {
		if c.ID == id && c.Status == status && c.Finding == finding && c.Remedy == remedy {
			return c
		}
		if c.ID == id {
			seen = append(seen, fmt.Sprintf("%s %s -> %s (%s)", c.Status, c.Finding, c.Remedy, c.Detail))
		}
	}
	t.Errorf("%s: want %s %s -> %s, found %q", id, status, finding, remedy, seen)
	return Check{}
}

func yes() bool { return true }

func TestServiceProblemsAreFound(t *testing.T) {
	tests := []struct {
		name    string
		break_  func(*Env)
		id      ID
		finding Finding
		remedy  Remedy
	}{
		{"stopped", func(e *Env) { e.PCSC = broken(apdu.ErrNoService) }, Service, ServiceStopped, StartPCSC},
		{"not installed", func(e *Env) {
			e.PCSC = broken(apdu.ErrNoService)
			_ = os.Remove(filepath.Join(e.Root, "usr/sbin/pcscd"))
		}, Service, ServiceMissing, InstallPCSC},
		{"hangs", func(e *Env) { e.PCSC = broken(apdu.ErrTimeout) }, Service, ServiceHangs, RestartPCSC},
		{"not admitted", func(e *Env) { e.PCSC = broken(denial(codeSecurityViolation)) }, Permission, AccessDenied, AllowAccess},
		{"no access", func(e *Env) { e.PCSC = broken(denial(codeNoAccess)) }, Permission, AccessDenied, AllowAccess},
		{"not admitted later", func(e *Env) {
			s := &cardtest.Service{}
			s.Stop(denial(codeSecurityViolation))
			e.PCSC = opened(s)
		}, Permission, AccessDenied, AllowAccess},
		{"not admitted from afar", func(e *Env) {
			e.PCSC = broken(denial(codeSecurityViolation))
			e.Getenv = func(n string) string { return map[string]string{"SSH_CONNECTION": "192.0.2.1"}[n] }
		}, Permission, AccessRemote, SitAtComputer},
		{"bad stub data", func(e *Env) { e.PCSC = broken(denial(0x6F7)) }, Service, ServiceRemote, SitAtComputer},
		{"broken pipe", func(e *Env) { e.PCSC = broken(denial(0x6D)) }, Service, ServiceRemote, SitAtComputer},
		{"bad stub data later", func(e *Env) {
			s := &cardtest.Service{}
			s.Stop(denial(0x6F7))
			e.PCSC = opened(s)
		}, Service, ServiceRemote, SitAtComputer},
		{"no service", func(e *Env) { e.PCSC = broken(denial(0x8010001D)) }, Service, ServiceStopped, StartPCSC},
		{"service stopped", func(e *Env) { e.PCSC = broken(denial(0x8010001E)) }, Service, ServiceStopped, StartPCSC},
		{"no service, remote", func(e *Env) {
			e.PCSC, e.Remote = broken(denial(0x8010001D)), yes
		}, Service, ServiceRemote, SitAtComputer},
		{"service stopped, remote", func(e *Env) {
			e.PCSC, e.Remote = broken(denial(0x8010001E)), yes
		}, Service, ServiceRemote, SitAtComputer},
		{"not admitted, remote", func(e *Env) {
			e.PCSC, e.Remote = broken(denial(codeSecurityViolation)), yes
		}, Permission, AccessDenied, AllowAccess},
		{"hangs, remote", func(e *Env) { e.PCSC, e.Remote = broken(apdu.ErrTimeout), yes }, Service, ServiceHangs, RestartPCSC},
		{"no reader, remote", func(e *Env) { e.Remote = yes }, Readers, NoReaderRemote, SitAtComputer},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := machine(t)
			tt.break_(e)
			checks := examine(t, e, nil)
			want(t, checks, tt.id, Fail, tt.finding, tt.remedy)
			want(t, checks, Card, Skipped, Waits, "")
			if Worst(checks) != Fail {
				t.Error("no failure")
			}
		})
	}
}

// usb puts a device into the fake /sys; class and driver are of its interface.
func usb(t *testing.T, e *Env, id, class, driver string) {
	t.Helper()
	vendor, product, _ := strings.Cut(id, ":")
	base := filepath.Join(e.Root, "/sys/bus/usb/devices")
	put(t, base+"/1-2/idVendor", vendor+"\n")
	put(t, base+"/1-2/idProduct", product+"\n")
	put(t, base+"/1-2:1.0/bInterfaceClass", class+"\n")
	if driver != "" {
		put(t, base+"/../drivers/"+driver+"/bind", "")
		if err := os.Symlink("../../drivers/"+driver, base+"/1-2:1.0/driver"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReaderProblemsAreFound(t *testing.T) {
	load := func(t *testing.T, e *Env) {
		for _, m := range kernelModules {
			put(t, filepath.Join(e.Root, "/sys/module", m, "refcnt"), "0")
		}
	}
	tests := []struct {
		name    string
		break_  func(*testing.T, *Env)
		finding Finding
		remedy  Remedy
		says    string
	}{
		{"none", func(*testing.T, *Env) {}, NoReader, PlugReader, ""},
		{"a mouse", func(t *testing.T, e *Env) { usb(t, e, "046d:c077", "03", "usbhid") }, NoReader, PlugReader, ""},
		{"ACR122U taken", func(t *testing.T, e *Env) { load(t, e); usb(t, e, "072f:2200", "0b", "pn533_usb") }, ReaderTaken, FreeReader, "ACS ACR122U 072f:2200"},
		{"ACR122U, driver not shown", func(t *testing.T, e *Env) { load(t, e); usb(t, e, "072F:2200", "0b", "") }, ReaderTaken, FreeReader, "pn533_usb, pn533, nfc"},
		{"blacklisted, not yet unloaded", func(t *testing.T, e *Env) {
			load(t, e)
			usb(t, e, "072f:2200", "0b", "pn533_usb")
			put(t, filepath.Join(e.Root, "/etc/modprobe.d/x.conf"), "# no\nblacklist pn533-usb\n")
		}, ReaderStillLoaded, Reboot, "ACR122U"},
		{"no driver", func(t *testing.T, e *Env) { usb(t, e, "076b:502a", "0b", "") }, ReaderUnclaimed, InstallDriver, "076b:502a"},
		{"integrated, known to the kernel", func(t *testing.T, e *Env) { put(t, filepath.Join(e.Root, "/sys/class/nfc/nfc0/name"), "nfc0") }, ReaderIntegrated, OtherReader, ""},
		{"integrated, by ACPI", func(t *testing.T, e *Env) {
			put(t, filepath.Join(e.Root, "/sys/bus/i2c/devices/i2c-NXP1001:00/name"), "NXP1001:00")
		}, ReaderIntegrated, OtherReader, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := machine(t)
			tt.break_(t, e)
			c := want(t, examine(t, e, nil), Readers, Fail, tt.finding, tt.remedy)
			if !strings.Contains(fmt.Sprint(c.Values), tt.says) {
				t.Errorf("%v does not say %q", c.Values, tt.says)
			}
		})
	}
}

func TestDefectsOfReaders(t *testing.T) {
	tests := []struct {
		reader, modprobe string
		loaded           bool
		status           Status
		finding          Finding
		remedy           Remedy
	}{
		{"OMNIKEY 5022 00 00", "", true, OK, ReaderGood, ""},
		{"ACS ACR122U PICC Interface 00 00", "", false, Warn, ReaderThreatened, FreeReader},
		{"ACS ACR122U PICC Interface 00 00", "", true, Warn, ReaderThreatened, FreeReader},
		{"ACS ACR122U PICC Interface 00 00", "install pn533_usb /bin/false\n", true, Warn, ReaderStillLoaded, Reboot},
		{"ACS ACR122U PICC Interface 00 00", "blacklist pn533_usb\n", false, OK, ReaderGood, ""},
		{"ACS ACR122U PICC Interface 00 00", "#blacklist pn533_usb\ninstall pn533_usb /sbin/special\n", false, Warn, ReaderThreatened, FreeReader},
		{"Broadcom Corp 5880 [Contacted SmartCard] 00 00", "", false, Warn, ReaderNoField, OtherReader},
	}
	for _, tt := range tests {
		e := machine(t)
		e.PCSC = opened(cardtest.NewService(tt.reader))
		if tt.loaded {
			put(t, filepath.Join(e.Root, "/sys/module/pn533_usb/refcnt"), "0")
		}
		if tt.modprobe != "" {
			put(t, filepath.Join(e.Root, "/etc/modprobe.d/x.conf"), tt.modprobe)
		}
		checks := examine(t, e, nil)
		if c := want(t, checks, Reader, tt.status, tt.finding, tt.remedy); c.Subject != tt.reader {
			t.Errorf("%+v", c)
		}
		want(t, checks, Card, Fail, NoCard, LayCard)
	}
}

func TestCardProblemsAreFound(t *testing.T) {
	one := func(state readers.State, c apdu.Card, err error) *cardtest.Service {
		s := &cardtest.Service{}
		s.Put(reader, state, func() (apdu.Card, error) { return c, err })
		return s
	}
	mute, exclusive := present(reader), present(reader)
	mute.Mute, exclusive.Exclusive = true, true
	tests := []struct {
		name    string
		service *cardtest.Service
		id      ID
		finding Finding
		remedy  Remedy
	}{
		{"none", cardtest.NewService(reader), Card, NoCard, LayCard},
		{"mute", one(mute, nil, nil), Card, CardMute, LayCardAgain},
		{"held by another program", one(exclusive, nil, nil), Card, CardExclusive, CloseOthers},
		{"busy", one(present(reader), nil, apdu.ErrBusy), Identity, CardExclusive, CloseOthers},
		{"foreign", one(present(reader), cardtest.Foreign{}, nil), Identity, ForeignCard, UseCIE},
		{"fails", one(present(reader), cardtest.Foreign{Err: apdu.ErrRemoved}, nil), Identity, CardFails, LayCardAgain},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := machine(t)
			e.PCSC = opened(tt.service)
			want(t, examine(t, e, nil), tt.id, Fail, tt.finding, tt.remedy)
		})
	}
}

// A card of another kind beside an identity card does not affect the result.
func TestForeignCardDoesNotAffectResult(t *testing.T) {
	e := machine(t)
	cie := newCard(t, cardtest.Profile{})
	s := &cardtest.Service{}
	s.InsertForeign("Other 00 00", cardtest.Foreign{})
	s.Insert(reader, cie)
	e.PCSC = opened(s)
	if c := want(t, examine(t, e, nil), Identity, OK, IsCIE, ""); c.Subject != reader {
		t.Errorf("%+v", c)
	}
	e.Reader = func(name string) bool { return strings.HasPrefix(name, "Other") }
	want(t, examine(t, e, nil), Identity, Fail, ForeignCard, UseCIE)
}

func TestUnstableContactIsFound(t *testing.T) {
	for _, tt := range []struct {
		bad     []int // connections that fail; the first is the one that identifies
		status  Status
		finding Finding
		remedy  Remedy
	}{
		{nil, OK, FieldGood, ""},
		{[]int{3}, Warn, FieldWeak, MoveCard},
		{[]int{2, 4, 6, 8}, Warn, FieldWeak, MoveCard},
		{[]int{1, 2, 3, 4, 5}, Fail, FieldBad, MoveCard},
	} {
		e := machine(t)
		card, n, service := newCard(t, cardtest.Profile{}), -1, &cardtest.Service{}
		service.Put(reader, present(reader), func() (apdu.Card, error) {
			if n++; slices.Contains(tt.bad, n) {
				return cardtest.Foreign{Err: apdu.ErrRemoved}, nil
			}
			return card.Reader(), nil
		})
		e.PCSC = opened(service)
		c := want(t, examine(t, e, nil), Field, tt.status, tt.finding, tt.remedy)
		if len(tt.bad) > 0 && (c.Values[0].Text != fmt.Sprint(len(tt.bad)) || c.Values[1].Text != fmt.Sprint(reads)) {
			t.Errorf("%v", c.Values)
		}
	}
}

func TestForgedCardsAreFound(t *testing.T) {
	e := machine(t)
	e.PCSC = opened(holding(newCard(t, cardtest.Profile{})))
	want(t, examine(t, e, nil), Authenticity, OK, Genuine, "")
	e.Card.Roots = nil
	want(t, examine(t, e, nil), Authenticity, Warn, IssuerUnknown, AddIssuer)
	clone := newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{AntiClone: true}})
	e = machine(t)
	e.PCSC = opened(holding(clone))
	checks := examine(t, e, func(context.Context, string, card.Tries) ([]byte, []card.CodeOption, error) {
		t.Error("a PIN is asked for a copy")
		return nil, nil, nil
	})
	want(t, checks, Authenticity, Fail, NotGenuine, ShowMunicipality)
	want(t, checks, Tries, Skipped, Waits, "")
	middle := newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{InternalAuthentication: true}})
	e.PCSC = opened(holding(middle))
	want(t, examine(t, e, nil), Tries, Fail, NotGenuine, ShowMunicipality)
}

// spend spends tries of a card's codes.
func spend(t *testing.T, c *cardtest.Card, pin, puk int) {
	t.Helper()
	s, err := card.Open(context.Background(), c.Reader(), card.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range pin {
		_ = s.Verify(context.Background(), card.PIN, []byte("40404041"), card.AllowLastTry(), card.AcceptUnknownIssuer())
	}
	for range puk {
		_ = s.ResetTries(context.Background(), []byte("40404041"), card.AllowLastTry(), card.AcceptUnknownIssuer())
	}
}

func TestRemainingTriesAreJudged(t *testing.T) {
	for _, tt := range []struct {
		pin, puk int
		status   Status
		finding  Finding
		remedy   Remedy
	}{
		{0, 0, OK, TriesFull, ""},
		{1, 0, Warn, TriesSpent, Careful},
		{0, 2, Warn, TriesSpent, Careful},
		{3, 0, Fail, PINBlocked, UnblockPIN},
		{0, 10, Warn, PUKBlocked, Careful},
		{3, 10, Fail, PUKBlocked, NewCard},
	} {
		c := newCard(t, cardtest.Profile{})
		spend(t, c, tt.pin, tt.puk)
		e := machine(t)
		e.PCSC = opened(holding(c))
		want(t, examine(t, e, nil), Tries, tt.status, tt.finding, tt.remedy)
	}
	e := machine(t)
	e.PCSC = opened(holding(newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{RefuseTries: 0x6A88}})))
	want(t, examine(t, e, nil), Tries, OK, TriesUnknown, "")
}

// gives returns a PINFunc with a copy of a PIN and stores the copy in kept, so that tests see whether it is wiped.
func gives(pin string, kept *[]byte) PINFunc {
	return func(context.Context, string, card.Tries) ([]byte, []card.CodeOption, error) {
		*kept = []byte(pin)
		return *kept, []card.CodeOption{card.AllowLastTry()}, nil
	}
}

func TestEveryValidityAndLockHasAFinding(t *testing.T) {
	for _, v := range identity.Validities() {
		if f := validities[v]; f.status == "" || f.finding == "" || (f.status == OK) != (f.remedy == "") {
			t.Errorf("validity %d: %+v", v, f)
		}
	}
	for _, l := range card.Locks() {
		if f := locks[l]; f.status == "" || f.finding == "" || f.remedy == "" {
			t.Errorf("lock %d: %+v", l, f)
		}
	}
}

func TestCertificateProblemsAreFound(t *testing.T) {
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	for _, tt := range []struct {
		from, to time.Time
		status   Status
		finding  Finding
		remedy   Remedy
	}{
		{day(2020, 1, 1), day(2030, 1, 1), OK, CertificateValid, ""},
		{day(2020, 1, 1), day(2026, 9, 1), Warn, CertificateEnds, RenewCard},
		{day(2016, 1, 1), day(2026, 5, 1), Warn, CertificateGrace, RenewCard},
		{day(2016, 1, 1), day(2026, 1, 1), Fail, CertificateExpired, RenewCard},
		{day(2026, 9, 1), day(2036, 1, 1), Fail, CertificateEarly, CheckClock},
	} {
		e := machine(t)
		prober := &fakeProber{cards: []probe.Card{{Slot: reader}}, outcome: probe.Outcome{Version: "TLS 1.2", TLS13: "refused"}}
		e.Prober, e.PCSC = prober, opened(holding(newCard(t, cardtest.Profile{NotBefore: tt.from, NotAfter: tt.to})))
		var pin []byte
		checks := examine(t, e, gives(string(cardtest.DefaultPIN()), &pin))
		c := want(t, checks, Certificate, tt.status, tt.finding, tt.remedy)
		for _, v := range c.Values {
			if !v.Private {
				t.Errorf("the date %s is not private", v.Text)
			}
		}
		want(t, checks, Login, OK, LoginWorks, "")
		want(t, checks, TLS13, OK, TLS13Refused, "")
		if !bytes.Equal(prober.pin, cardtest.DefaultPIN()) {
			t.Error("the module got another PIN")
		}
		if !bytes.Equal(pin, make([]byte, len(pin))) {
			t.Error("the PIN was not wiped")
		}
	}
}

// A PIN that gets blocked while the PUK is blocked needs a new card.
func TestPINBlockedWithDeadPUKNeedsNewCard(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	spend(t, c, 2, 10)
	e := machine(t)
	e.PCSC = opened(holding(c))
	var pin []byte
	want(t, examine(t, e, gives("40404041", &pin)), Certificate, Fail, PUKBlocked, NewCard)
}

func TestPINFindingsFollowTheTries(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	e := machine(t)
	e.PCSC = opened(holding(c))
	var pin []byte
	for _, finding := range []Finding{PINWrong, PINWrong, PINBlocked} {
		checks := examine(t, e, gives("40404041", &pin))
		if finding == PINBlocked {
			want(t, checks, Certificate, Fail, PINBlocked, UnblockPIN)
		} else {
			want(t, checks, Certificate, Fail, PINWrong, CheckPIN)
		}
		// A wrong PIN is sent to the card once, and never to the module.
		want(t, checks, Login, Skipped, LoginNeedsPIN, GivePIN)
		if e.Prober.(*fakeProber).pin != nil || !bytes.Equal(pin, make([]byte, len(pin))) {
			t.Error("the wrong PIN was used again or kept")
		}
	}
	// Without a PIN nothing is spent; a refusal ends it.
	none := func(context.Context, string, card.Tries) ([]byte, []card.CodeOption, error) { return nil, nil, nil }
	e.PCSC = opened(holding(newCard(t, cardtest.Profile{})))
	want(t, examine(t, e, none), Certificate, Skipped, CertificateNeedsPIN, GivePIN)
	no := errors.New("no")
	refuse := func(context.Context, string, card.Tries) ([]byte, []card.CodeOption, error) { return nil, nil, no }
	if _, err := Run(context.Background(), *e, refuse, nil); !errors.Is(err, no) {
		t.Errorf("%v", err)
	}
}

// A certificate that the module remembers needs no PIN.
func TestKnownCertificateNeedsNoPIN(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	s, err := card.Open(context.Background(), c.Reader(), card.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Verify(context.Background(), card.PIN, cardtest.DefaultPIN(), card.AcceptUnknownIssuer()); err != nil {
		t.Fatal(err)
	}
	der, err := s.Certificate(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	e := machine(t)
	e.PCSC = opened(holding(c))
	e.Prober = &fakeProber{cards: []probe.Card{{Slot: "Other"}, {Slot: reader, Certificate: der}}}
	want(t, examine(t, e, nil), Certificate, OK, CertificateValid, "")
	e.Prober = &fakeProber{cards: []probe.Card{{Slot: reader, Certificate: []byte("rubbish")}}}
	want(t, examine(t, e, nil), Certificate, Fail, CertificateFails, ReportIt)
}

func TestModuleProblemsAreFound(t *testing.T) {
	for reason, finding := range map[probe.Reason]Finding{
		probe.ReasonMissing: ModuleMissing, probe.ReasonNotLoadable: ModuleRefused, probe.ReasonNotModule: ModuleForeign,
		probe.ReasonRefused: ModuleFails, probe.ReasonCrashed: ModuleCrashes, probe.ReasonTimeout: ModuleHangs, probe.ReasonChild: ModuleFails,
	} {
		e := machine(t)
		e.Prober = &fakeProber{load: &probe.Error{Reason: reason}}
		checks := examine(t, e, nil)
		want(t, checks, Module, Fail, finding, Reinstall)
		want(t, checks, Login, Skipped, Waits, "")
	}
	e := machine(t)
	e.PCSC, e.Prober = opened(holding(newCard(t, cardtest.Profile{}))), &fakeProber{}
	want(t, examine(t, e, nil), ModuleCard, Fail, ModuleSeesNone, ReportIt)
	var pin []byte
	e.Prober = &fakeProber{cards: []probe.Card{{Slot: reader}}, login: &probe.Error{Reason: probe.ReasonHandshake}}
	want(t, examine(t, e, gives(string(cardtest.DefaultPIN()), &pin)), Login, Fail, LoginFails, ReportIt)
}

func TestUnregisteredBrowsersAreFound(t *testing.T) {
	e := machine(t)
	want(t, examine(t, e, nil), Browser, Fail, FindingOf(BrowserOff), EnableBrowsers)
	for _, r := range browsers.PlanEnable(e.Machine.Targets(browsers.Options{User: true})).Run(nil) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	checks := examine(t, e, nil)
	want(t, checks, Browser, OK, FindingOf(BrowserReady), "")

	put(t, filepath.Join(e.Root, "snap/chromium/current/meta/snap.yaml"), "version: 1\n")
	c := want(t, examine(t, e, nil), Browser, Warn, FindingOf(BrowserSandboxed), NativeBrowser)
	if c.Subject != "Chromium 1" || c.Values[0].Text != "snap" {
		t.Errorf("%+v", c)
	}
	e.Machine.Module = filepath.Join(e.Root, "elsewhere.so")
	put(t, e.Machine.Module, "")
	want(t, examine(t, e, nil), Browser, Fail, FindingOf(BrowserElsewhere), EnableBrowsers)
	put(t, filepath.Join(e.Machine.Home, ".mozilla/firefox/p/pkcs11.txt"), strings.Repeat("x", 8<<20))
	want(t, examine(t, e, nil), Browser, Fail, FindingOf(BrowserDamaged), MendProfile)
	if err := os.RemoveAll(filepath.Join(e.Machine.Home, "firefox")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(e.Root, "snap")); err != nil {
		t.Fatal(err)
	}
	want(t, examine(t, e, nil), Browser, Warn, BrowserNone, InstallBrowser)
}

// The start of a process is read from /proc.
func TestProcessStartIsReadFromProc(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/stat", "cpu 1 2\nbtime 1000000\n")
	put(t, dir+"/7/stat", "7 (a (strange) name) S"+strings.Repeat(" 1", 18)+" 250 1 1\n")
	put(t, dir+"/8/stat", "8 short")
	put(t, dir+"/9/stat", "9 (x) S"+strings.Repeat(" 1", 18)+" later\n")
	put(t, dir+"/7/maps", "00-ff r-xp 0 0:0 1  /lib/cie-pkcs11.so\n")
	got, ok := startOf(dir, 7)
	if want := time.Unix(1000002, 500_000_000); !ok || !got.Equal(want) {
		t.Errorf("%v, %t", got, ok)
	}
	for _, pid := range []int{8, 9, 10} {
		if _, ok := startOf(dir, pid); ok {
			t.Errorf("%d has a start", pid)
		}
	}
	if !hasLoaded(dir, 7, "/lib/cie-pkcs11.so") || hasLoaded(dir, 7, "/lib/cie-pkcs1") || hasLoaded(dir, 8, "/lib/cie-pkcs11.so") {
		t.Error("what is loaded")
	}
}

func TestCleanRemovesPersonalData(t *testing.T) {
	e := machine(t)
	e.Machine.Home = "/srv/mariaprova"
	for in, want := range map[string]string{
		"loads: /srv/mariaprova/lib/cie-pkcs11.so":          "loads: ~/lib/cie-pkcs11.so",
		"found: Gemalto PC Twin Reader (70D7E2EE) 00 00":    "found: Gemalto PC Twin Reader (...) 00 00",
		"belongs to mariaprova":                             "belongs to (...)",
		"PRVMRA70A41Z999S":                                  "(...)",
		"prvmra70a41z999s, CA00000AA, 123456789012":         "(...), (...), (...)",
		"ATR 3B8E80018031806549544E5850120FFF8290F0":        "ATR (...)",
		"pcsc: connect [PC/SC 80100069], Linux 6.1.0-18":    "pcsc: connect [PC/SC 80100069], Linux 6.1.0-18",
		"10 readings of 10 succeeded; 072f:2200, TLS 1.2":   "10 readings of 10 succeeded; 072f:2200, TLS 1.2",
		"Identiv uTrust 3700 F CL Reader [CCID] (x) 00 00.": "Identiv uTrust 3700 F CL Reader [CCID] (x) 00 00.",
	} {
		if got := e.Clean(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// The end of the context ends the run, and the interrupted check is not reported.
func TestCancelledRunStops(t *testing.T) {
	e := machine(t)
	e.PCSC = opened(holding(newCard(t, cardtest.Profile{})))
	ctx, cancel := context.WithCancel(context.Background())
	checks, err := Run(ctx, *e, nil, func(c Check) {
		if c.ID == Identity {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || checks[len(checks)-1].ID != Identity {
		t.Errorf("%v after %v", err, checks[len(checks)-1])
	}
}

func TestCheckMarshalsToJSON(t *testing.T) {
	b, err := json.Marshal(Check{ID: Tries, Status: OK, Finding: TriesFull, Values: []Value{{Name: "pin", Text: "3"}}})
	if err != nil || string(b) != `{"id":"tries","status":"ok","finding":"tries-full","values":{"pin":"3"}}` {
		t.Errorf("%s, %v", b, err)
	}
}

// A package that was removed leaves an entry with its old version.
func TestRemovedPackageIsNotListed(t *testing.T) {
	root := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n")
	write("var/lib/dpkg/status", "Package: pcscd\nStatus: install ok installed\nVersion: 1.9.9-2\n\n"+
		"Package: opensc\nStatus: deinstall ok config-files\nVersion: 0.23.0-0.3\n\n"+
		"Package: other\nStatus: install ok installed\nVersion: 1\n")
	got := System(root)
	if !slices.Contains(got, "package: pcscd 1.9.9-2") || !slices.Contains(got, "system: Debian GNU/Linux 12 (bookworm)") {
		t.Errorf("%q", got)
	}
	for _, line := range got {
		if strings.Contains(line, "opensc") || strings.Contains(line, "other") {
			t.Errorf("%q", line)
		}
	}
}

// Remedies name the packages of the distribution.
func TestChecksNameTheDistribution(t *testing.T) {
	for release, want := range map[string]Distribution{
		"ID=debian\n": Debian,
		"NAME=\"Linux Mint\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n": Debian,
		"ID=fedora\n": Fedora,
		"ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n": Fedora,
		"ID=opensuse-leap\nID_LIKE='suse opensuse'\n":    "",
		"": "",
	} {
		e := machine(t)
		put(t, filepath.Join(e.Root, "etc/os-release"), release)
		if err := os.Remove(filepath.Join(e.Root, "usr/sbin/pcscd")); err != nil {
			t.Fatal(err)
		}
		e.PCSC = broken(apdu.ErrNoService)
		c := examine(t, e, nil)[0]
		if c.Remedy != InstallPCSC || c.Distribution != want {
			t.Errorf("%q: %+v, want packages of %q", release, c, want)
		}
		if b, err := json.Marshal(c); err != nil || strings.Contains(strings.ToLower(string(b)), "distribution") {
			t.Errorf("JSON %s, %v", b, err)
		}
	}
}
