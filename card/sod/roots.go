package sod

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"cie/card/internal/rawcert"
	"cie/card/internal/regular"
)

// Roots is a list of trust anchors: country signing CAs. The zero value is an
// empty list. Adding roots must not run at the same time as Verify.
type Roots struct {
	list []*root
}

type root struct {
	subject             rawcert.Name
	keyID               []byte // SubjectKeyIdentifier, nil if absent
	key                 rawcert.PublicKey
	notBefore, notAfter time.Time
	raw                 []byte // the certificate, nil for built-in roots
}

// ErrNotCA reports that a certificate offered as a root does not belong to a CA.
var ErrNotCA = errors.New("not a certificate of a certification authority")

// ErrNoCertificate reports that the input contains no certificate.
var ErrNoCertificate = errors.New("no certificate found")

// Len returns the number of roots.
func (r *Roots) Len() int { return len(r.list) }

// Names returns the common names of the roots with their years of validity,
// as in "Italian Country Signer CA (2020-2035)".
func (r *Roots) Names() []string {
	var names []string
	for _, a := range r.list {
		names = append(names, a.name())
	}
	return names
}

// Clone returns a copy of the list.
func (r *Roots) Clone() *Roots {
	if r == nil {
		return &Roots{}
	}
	return &Roots{list: slices.Clone(r.list)}
}

// add appends a root unless the list already contains it.
func (r *Roots) add(a *root) {
	for _, have := range r.list {
		if have.subject.Equal(a.subject) && sameKey(have.key.Key, a.key.Key) &&
			have.notBefore.Equal(a.notBefore) && have.notAfter.Equal(a.notAfter) {
			return
		}
	}
	r.list = append(r.list, a)
}

func sameKey(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// AddDER adds one certificate in DER, or several in sequence. Added certificates
// are trusted, so the caller must know their origin. A certificate must belong
// to a CA; the signature of a self-signed one must verify. Dates are not checked.
// If some of several certificates are unusable, the others are added and the
// error names the unusable ones.
func (r *Roots) AddDER(der []byte) error {
	var failed []error
	rest := cryptobyte.String(der)
	for n := 1; ; n++ {
		var one cryptobyte.String
		if !rest.ReadASN1Element(&one, cbasn1.SEQUENCE) {
			failed = append(failed, fmt.Errorf("certificate %d: %w", n, ErrNoCertificate))
			break
		}
		if err := r.addCertificate(one); err != nil {
			failed = append(failed, fmt.Errorf("certificate %d: %w", n, err))
		}
		if len(bytes.Trim(rest, "\x00\r\n")) == 0 {
			break
		}
	}
	return errors.Join(failed...)
}

// AddPEM adds every block of type CERTIFICATE and ignores everything else. It
// returns ErrNoCertificate if there is no such block. See AddDER.
func (r *Roots) AddPEM(data []byte) error {
	var failed []error
	n := 0
	for {
		var b *pem.Block
		if b, data = pem.Decode(data); b == nil {
			break
		}
		if b.Type != "CERTIFICATE" {
			continue
		}
		n++
		if err := r.addCertificate(b.Bytes); err != nil {
			failed = append(failed, fmt.Errorf("certificate %d: %w", n, err))
		}
	}
	if n == 0 {
		return ErrNoCertificate
	}
	return errors.Join(failed...)
}

// maxFile limits the size of a file of certificates. The master list of all
// countries has less than 2 MiB.
const maxFile = 8 << 20

// AddFile adds the certificates in a regular file, PEM or DER. Errors name the
// file.
func (r *Roots) AddFile(name string) error {
	f, err := regular.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return err // names the file
	case len(data) > maxFile:
		err = errors.New("file too large")
	case bytes.Contains(data, []byte("-----BEGIN ")):
		err = r.AddPEM(data)
	default:
		err = r.AddDER(data)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// AddDir adds the files of a directory whose names end in .pem, .crt, .cer or
// .der. It ignores subdirectories. Unusable files do not prevent the others from
// being added: the error has one line for each unusable file. If the directory
// does not exist, the error matches fs.ErrNotExist.
func (r *Roots) AddDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var failed []error
	for _, e := range entries {
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".pem", ".crt", ".cer", ".der":
		default:
			continue
		}
		if e.IsDir() {
			continue
		}
		if err := r.AddFile(filepath.Join(dir, e.Name())); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (r *Roots) addCertificate(der []byte) error {
	c, err := rawcert.Parse(bytes.Clone(der))
	if err != nil {
		return err
	}
	key, err := readKey(c.SPKI)
	if err != nil {
		return err
	}
	if err := checkCA(c); err != nil {
		return fmt.Errorf("%s: %w: %w", c.Subject, ErrNotCA, err)
	}
	if c.SelfSigned() {
		err := verifyCertificate(c, key)
		if errors.Is(err, rawcert.ErrSignature) {
			return fmt.Errorf("%s: %w", c.Subject, err)
		}
	}
	r.add(&root{
		subject:   c.Subject,
		keyID:     c.SubjectKeyID(),
		key:       key,
		notBefore: c.NotBefore,
		notAfter:  c.NotAfter,
		raw:       c.Raw,
	})
	return nil
}

func (a *root) name() string {
	return fmt.Sprintf("%s (%d-%d)", a.subject, a.notBefore.Year(), a.notAfter.Year())
}

// certificate returns the root in the form of crypto/x509, with the known fields
// only if there is no certificate.
func (a *root) certificate() *x509.Certificate {
	if a.raw != nil {
		if c, err := x509.ParseCertificate(a.raw); err == nil {
			return c
		}
	}
	c := &x509.Certificate{
		Subject:      pkixName(a.subject),
		PublicKey:    a.key.Key,
		SubjectKeyId: a.keyID,
		NotBefore:    a.notBefore,
		NotAfter:     a.notAfter,
		IsCA:         true,
		KeyUsage:     x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if _, ok := a.key.Key.(*rsa.PublicKey); ok {
		c.PublicKeyAlgorithm = x509.RSA
	}
	return c
}

func pkixName(n rawcert.Name) pkix.Name {
	var sequence pkix.RDNSequence
	for _, rdn := range n {
		var set pkix.RelativeDistinguishedNameSET
		for _, a := range rdn {
			set = append(set, pkix.AttributeTypeAndValue{Type: a.Type, Value: a.Value})
		}
		sequence = append(sequence, set)
	}
	var name pkix.Name
	name.FillFromRDNSequence(&sequence)
	return name
}
