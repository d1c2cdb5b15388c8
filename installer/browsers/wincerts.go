package browsers

import (
	"bytes"
	"slices"

	"cie/installer/browsers/keystore"
)

// CertificateList is CURRENT_USER\My as package keystore reads and writes it.
type CertificateList interface {
	List() ([]keystore.Entry, error)
	Put(keystore.Entry) error
	Clear() error
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

// State compares the list with the certificates to be listed. One certificate of a holder is
// replaced by a newer one.
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
		case !bytes.Equal(entries[i].Certificate, h.Certificate):
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
	for _, h := range t.env.Holders {
		if err := t.env.Certificates.Put(h); err != nil {
			return c, err
		}
		c = Change{Changed: true, Files: []string{certificatesPath}}
	}
	return c, nil
}

func (t certificates) Remove() (Change, error) {
	entries, err := t.env.Certificates.List()
	if err != nil || len(entries) == 0 {
		return Change{}, err
	}
	if err := t.env.Certificates.Clear(); err != nil {
		return Change{}, err
	}
	return Change{Changed: true, Files: []string{certificatesPath}}, nil
}
