package browsers

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"path/filepath"
	"slices"
	"testing"

	"cie/installer/browsers/keystore"
)

// certificateList is a CertificateList in memory.
type certificateList struct {
	entries []keystore.Entry
	err     error
}

func (l *certificateList) List() ([]keystore.Entry, error) { return slices.Clone(l.entries), l.err }

func (l *certificateList) Put(e keystore.Entry) error {
	l.entries = append(slices.DeleteFunc(l.entries, func(old keystore.Entry) bool { return old.Container == e.Container }), e)
	return l.err
}

func (l *certificateList) Remove(container string) error {
	l.entries = slices.DeleteFunc(l.entries, func(e keystore.Entry) bool { return e.Container == container })
	return l.err
}

// certificateOf returns a certificate with the common name of a card.
func certificateOf(t testing.TB, name string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// A new card has another NIS, and so another container.
func TestNewCardReplacesTheOldOneOfItsHolder(t *testing.T) {
	e, list := newChrome(t)
	old := keystore.Entry{Container: "CIE-1", Certificate: certificateOf(t, "PRVMRA70A41Z999S/999900000001")}
	other := keystore.Entry{Container: "CIE-2", Certificate: certificateOf(t, "VRDLGI60A01Z999T/999900000002")}
	list.entries = []keystore.Entry{old, other}
	renewed := keystore.Entry{Container: "CIE-3", Certificate: certificateOf(t, "PRVMRA70A41Z999S/999900000003")}
	e.Holders = []keystore.Entry{renewed}
	wantStatus(t, e, Absent, "")
	enable(t, e)
	wantStatus(t, e, Registered, "")
	if len(list.entries) != 2 || list.entries[0].Container != "CIE-2" || list.entries[1].Container != "CIE-3" {
		t.Errorf("%+v", list.entries)
	}
}

// newChrome returns a Windows with Chrome, Edge and the key storage provider.
func newChrome(t testing.TB) (*Env, *certificateList) {
	t.Helper()
	e, list := newWindows(t), &certificateList{}
	e.Certificates, e.KeyStorage = list, true
	write(t, filepath.Join(e.DataHome, "Google", "Chrome", "Application", "chrome.exe"), "MZ")
	write(t, filepath.Join(e.ProgramFiles[1], "Microsoft", "Edge", "Application", "msedge.exe"), "MZ")
	return e, list
}

// statusOf returns the status and reason of a browser in a survey.
func statusOf(t testing.TB, e *Env, id string) (Status, Reason) {
	t.Helper()
	for _, b := range e.Survey(t.Context(), Options{User: true, System: true}).Browsers {
		if b.ID == id {
			return b.Status, b.Reason
		}
	}
	t.Fatalf("%s is not listed", id)
	return "", ""
}

func wantStatus(t testing.TB, e *Env, status Status, reason Reason) {
	t.Helper()
	for _, id := range []string{"google-chrome", "microsoft-edge"} {
		if s, r := statusOf(t, e, id); s != status || r != reason {
			t.Errorf("%s: %s %s, want %s %s", id, s, r, status, reason)
		}
	}
}

// enable registers for the user and expects success.
func enable(t testing.TB, e *Env) []Result {
	t.Helper()
	r := PlanEnable(e.Targets(Options{User: true})).Run(nil)
	if !OK(r) {
		t.Fatalf("%+v", r)
	}
	return r
}

func TestChromeAndEdgeFollowTheCertificates(t *testing.T) {
	e, list := newChrome(t)
	first, renewed, other := []byte("certificate"), []byte("renewed certificate"), []byte("of another holder")
	wantStatus(t, e, Unavailable, ReasonNoCertificate)
	for _, r := range enable(t, e) { // nothing to list yet, and no error
		if r.Target.Kind() == KindCertificates && (r.Action != ActionSkip || r.Change.Changed) {
			t.Errorf("%+v", r)
		}
	}

	e.Holders = []keystore.Entry{{Container: "CIE-1", Certificate: first}}
	wantStatus(t, e, Absent, "")
	enable(t, e)
	wantStatus(t, e, Registered, "")
	for _, r := range enable(t, e) {
		if r.Change.Changed {
			t.Errorf("a second time changed %s", r.Target.ID())
		}
	}

	// Another run, with the card of another holder, keeps the first one.
	e.Holders = []keystore.Entry{{Container: "CIE-2", Certificate: other}}
	enable(t, e)
	if len(list.entries) != 2 {
		t.Errorf("%+v", list.entries)
	}

	e.Holders = []keystore.Entry{{Container: "CIE-1", Certificate: renewed}}
	wantStatus(t, e, Elsewhere, "")
	enable(t, e)
	wantStatus(t, e, Registered, "")
	if len(list.entries) != 2 || !slices.ContainsFunc(list.entries, func(x keystore.Entry) bool { return bytes.Equal(x.Certificate, renewed) }) {
		t.Errorf("%+v", list.entries)
	}

	e.Holders = nil
	wantStatus(t, e, Registered, "")
	if r := PlanDisable(e.Targets(Options{User: true})).Run(nil); !OK(r) || len(list.entries) != 0 {
		t.Errorf("%+v, left %+v", r, list.entries)
	}
}

// After the removal of the provider its entries are found, and only then.
func TestCertificatesAreRemovedWithoutTheProvider(t *testing.T) {
	e, list := newChrome(t)
	list.entries = []keystore.Entry{{Container: "CIE-1", Certificate: []byte("certificate")}}
	e.KeyStorage = false
	if r := PlanDisable(e.Targets(Options{User: true})).Run(nil); !OK(r) || len(list.entries) != 0 {
		t.Errorf("%+v, left %+v", r, list.entries)
	}
	for _, target := range e.Targets(Options{User: true}) {
		if target.Kind() == KindCertificates {
			t.Error("a place that nothing uses is listed")
		}
	}
	if list := e.Browsers(); slices.ContainsFunc(list, func(b Browser) bool { return b.Family == Chromium }) {
		t.Errorf("%+v", list)
	}
}

func TestCertificatesOfTheSystemAreNotChanged(t *testing.T) {
	e, _ := newChrome(t)
	e.Holders = []keystore.Entry{{Container: "CIE-1", Certificate: []byte("certificate")}}
	for _, target := range e.Targets(Options{System: true}) {
		if target.Kind() == KindCertificates {
			t.Error("the list of a user is a target of the system")
		}
	}
}

func TestUnreadableCertificatesAreAnError(t *testing.T) {
	e, list := newChrome(t)
	list.err = ErrBusy
	e.Holders = []keystore.Entry{{Container: "CIE-1", Certificate: []byte("certificate")}}
	wantStatus(t, e, Damaged, ReasonUnreadable)
	if r := PlanEnable(e.Targets(Options{User: true})).Run(nil); OK(r) {
		t.Error("no error")
	}
}
