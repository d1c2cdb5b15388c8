package browsers

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"
	"strings"

	"cie/installer/browsers/keystore"
)

// CertificateList is CURRENT_USER\My as package keystore reads and writes it.
type CertificateList interface {
	List() ([]keystore.Entry, error)
	Put(keystore.Entry) error
	Remove(container string) error
}

// certificatesPath names the place for people and programs; it is no file.
const certificatesPath = `CURRENT_USER\My`

// certificates is the target of Chrome and Edge on Windows: they offer the certificates of
// this list, and use their keys through the key storage provider that the list names. The
// list contains a public copy of the holder's certificate, so only a user's registration
// adds to it.
type certificates struct{ env *Env }

// certificateTargets returns the target if the key storage provider is installed, or was:
// then the list may have entries to be removed.
func (e *Env) certificateTargets() []Target {
	if e.Certificates == nil {
		return nil
	}
	if entries, err := e.Certificates.List(); !e.KeyStorage && err == nil && len(entries) == 0 {
		return nil
	}
	return []Target{certificates{e}}
}

func (certificates) ID() string         { return string(KindCertificates) + ":" + certificatesPath }
func (certificates) Kind() Kind         { return KindCertificates }
func (certificates) Scope() Scope       { return ScopeUser }
func (certificates) Path() string       { return certificatesPath }
func (certificates) Programs() []string { return []string{"google-chrome", "microsoft-edge"} }

// Running is empty: the browsers read the list at each login.
func (certificates) Running() []Process { return nil }

// person returns the fiscal code in a certificate of a card, which a new card of its holder
// repeats (CIE 6.12: the common name is the fiscal code, a slash and the NIS); "" if there is
// none.
func person(der []byte) string {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return ""
	}
	code, _, ok := strings.Cut(cert.Subject.CommonName, "/")
	if !ok {
		return ""
	}
	return code
}

// replaced returns the entries of earlier cards of the holder of h.
func replaced(entries []keystore.Entry, h keystore.Entry) []keystore.Entry {
	var old []keystore.Entry
	holder := person(h.Certificate)
	for _, e := range entries {
		if e.Container != h.Container && holder != "" && person(e.Certificate) == holder {
			old = append(old, e)
		}
	}
	return old
}

// State compares the list with the certificates to be listed. A holder has one entry: that of a
// new card replaces that of the old one.
func (t certificates) State() State {
	entries, err := t.env.Certificates.List()
	switch {
	case err != nil:
		return State{Status: Damaged, Reason: ReasonUnreadable, Err: err}
	case len(t.env.Holders) == 0 && len(entries) == 0:
		return State{Status: Unavailable, Reason: ReasonNoCertificate}
	}
	s := State{Status: Registered, Module: keystore.Provider}
	for _, h := range t.env.Holders {
		i := slices.IndexFunc(entries, func(e keystore.Entry) bool { return e.Container == h.Container })
		switch {
		case i < 0:
			return State{Status: Absent}
		case !bytes.Equal(entries[i].Certificate, h.Certificate), len(replaced(entries, h)) > 0:
			s.Status = Elsewhere
		}
	}
	return s
}

func (t certificates) Install() (Change, error) {
	var c Change
	if s := t.State(); s.Status == Registered || s.Status == Unavailable {
		return c, s.Err
	}
	entries, err := t.env.Certificates.List()
	if err != nil {
		return c, err
	}
	for _, h := range t.env.Holders {
		if err := t.env.Certificates.Put(h); err != nil {
			return c, err
		}
		c = Change{Changed: true, Files: []string{certificatesPath}}
		for _, old := range replaced(entries, h) {
			if err := t.env.Certificates.Remove(old.Container); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

func (t certificates) Remove() (Change, error) {
	entries, err := t.env.Certificates.List()
	if err != nil || len(entries) == 0 {
		return Change{}, err
	}
	for _, e := range entries {
		err = errors.Join(err, t.env.Certificates.Remove(e.Container))
	}
	return Change{Changed: true, Files: []string{certificatesPath}}, err
}
