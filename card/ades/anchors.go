package ades

import (
	"bytes"
	"embed"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"cie/card/internal/rawcert"
	"cie/card/internal/regular"
)

// The certificates of the issuers of the CIE as the EU trusted list has them.
//
//go:embed anchors/*.der
var builtin embed.FS

// Anchors is a list of trust anchors. The zero value is empty.
type Anchors struct {
	list []*authority
}

// authority is a certificate that may sign others, with its parsed key.
type authority struct {
	cert *rawcert.Certificate
	key  rawcert.PublicKey
	id   []byte // key identifier, nil if it has none
}

var (
	// ErrNotCA reports a certificate that may not sign others.
	ErrNotCA = errors.New("not the certificate of an authority")
	// ErrNoCertificate reports a file without a certificate.
	ErrNoCertificate = errors.New("no certificate found")
)

var builtinAnchors = sync.OnceValue(func() *Anchors {
	a := &Anchors{}
	files, err := fs.Glob(builtin, "anchors/*.der")
	if err == nil && len(files) == 0 {
		err = ErrNoCertificate
	}
	for _, name := range files {
		der, readErr := builtin.ReadFile(name)
		err = errors.Join(err, readErr, a.add(der))
	}
	if err != nil {
		panic("ades: embedded anchors: " + err.Error())
	}
	return a
})

// BuiltinAnchors returns the five issuers of the CIE: both national roots and
// their three subordinate authorities. The caller may add to it.
func BuiltinAnchors() *Anchors { return builtinAnchors().Clone() }

// Clone returns an independent copy.
func (a *Anchors) Clone() *Anchors { return &Anchors{list: slices.Clone(a.list)} }

// Len returns the number of anchors.
func (a *Anchors) Len() int { return len(a.list) }

// Names returns the common name and the years of every anchor.
func (a *Anchors) Names() []string {
	var names []string
	for _, x := range a.list {
		names = append(names, fmt.Sprintf("%s (%d-%d)", x.cert.Subject, x.cert.NotBefore.Year(), x.cert.NotAfter.Year()))
	}
	return names
}

func newAuthority(c *rawcert.Certificate) (*authority, error) {
	key, err := rawcert.ReadKey(c.SPKI)
	if err != nil {
		return nil, err
	}
	if err := checkCA(c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotCA, err)
	}
	return &authority{cert: c, key: key, id: c.SubjectKeyID()}, nil
}

func (a *Anchors) add(der []byte) error {
	c, err := rawcert.Parse(bytes.Clone(der))
	if err != nil {
		return err
	}
	x, err := newAuthority(c)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Subject, err)
	}
	if !slices.ContainsFunc(a.list, func(o *authority) bool { return bytes.Equal(o.cert.Raw, c.Raw) }) {
		a.list = append(a.list, x)
	}
	return nil
}

// Add adds the certificates in data: PEM blocks, or DER certificates in sequence.
// If some of them are unusable, it adds the others and returns an error that
// names the unusable ones.
func (a *Anchors) Add(data []byte) error {
	var ders [][]byte
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		for b, rest := pem.Decode(data); b != nil; b, rest = pem.Decode(rest) {
			if b.Type == "CERTIFICATE" {
				ders = append(ders, b.Bytes)
			}
		}
	} else {
		rest := cryptobyte.String(data)
		var one cryptobyte.String
		for rest.PeekASN1Tag(cbasn1.SEQUENCE) && rest.ReadASN1Element(&one, cbasn1.SEQUENCE) {
			ders = append(ders, one)
		}
		if len(bytes.Trim(rest, "\x00\r\n")) > 0 {
			ders = append(ders, rest)
		}
	}
	if len(ders) == 0 {
		return ErrNoCertificate
	}
	var failed []error
	for n, der := range ders {
		if err := a.add(der); err != nil {
			failed = append(failed, fmt.Errorf("certificate %d: %w", n+1, err))
		}
	}
	return errors.Join(failed...)
}

// maxFile limits a file of certificates.
const maxFile = 8 << 20

// AddFile adds the certificates in a regular file, PEM or DER. Errors name the
// file.
func (a *Anchors) AddFile(name string) error {
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
	default:
		err = a.Add(data)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// AddDir adds the files of a directory whose names end in .pem, .crt, .cer or
// .der. It ignores subdirectories. Unusable files do not prevent the others from
// being added. If the directory does not exist, the error matches fs.ErrNotExist.
func (a *Anchors) AddDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var failed []error
	for _, e := range entries {
		ext := strings.ToLower(filepath.Ext(e.Name()))
		if e.IsDir() || !slices.Contains([]string{".pem", ".crt", ".cer", ".der"}, ext) {
			continue
		}
		if err := a.AddFile(filepath.Join(dir, e.Name())); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// AddPath adds a file or the files of a directory.
func (a *Anchors) AddPath(name string) error {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return a.AddDir(name)
	}
	return a.AddFile(name)
}

// Chain returns the issuers of a certificate among the anchors, in DER, without the
// self-signed one. A message contains them beside the signer's certificate.
func (a *Anchors) Chain(der []byte) [][]byte {
	c, err := rawcert.Parse(der)
	if err != nil {
		return nil
	}
	var chain [][]byte
	for len(chain) < maxChain {
		i := slices.IndexFunc(a.list, func(x *authority) bool { return names(c, x.cert) && c.VerifySignature(x.key) == nil })
		if i < 0 || a.list[i].cert.SelfSigned() {
			return chain
		}
		c = a.list[i].cert
		chain = append(chain, c.Raw)
	}
	return chain
}
