package documents

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"strings"

	"cie/card/ades/cms"
)

// p7mDocument is a file that gets a CAdES signature.
type p7mDocument struct {
	file     string
	size     int64
	sum      []byte
	detached bool
	add      bool // to a message that has signatures
	progress func(done, size int64)
}

func prepareP7M(ctx context.Context, file string, o Options) (Document, error) {
	in, size, err := OpenRegular(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	d := &p7mDocument{file: file, size: size, detached: o.Detached, progress: o.Progress}
	content := io.Reader(in)
	length := size
	if m, err := d.existing(in, o); err != nil {
		return nil, err
	} else if m != nil {
		d.add, length = true, m.Content.Size()
		content = io.NewSectionReader(m.Content, 0, length)
	}
	h := sha256.New()
	if _, err := io.Copy(h, NewMeter(ctx, length, o.Progress).Reader(content)); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, &FileError{OpRead, file, err}
	}
	d.sum = h.Sum(nil)
	return d, nil
}

// existing opens a message that gets a further signature. It returns nil for a file
// that is signed as it is.
func (d *p7mDocument) existing(in *os.File, o Options) (*cms.SignedData, error) {
	if o.Wrap || o.Detached || !IsMessage(d.file) {
		return nil, nil
	}
	m, err := cms.Open(in, d.size)
	if err != nil {
		return nil, &MessageError{err}
	}
	if m.Content == nil {
		return nil, ErrDetached
	}
	return m, nil
}

// Digest implements Document.
func (d *p7mDocument) Digest() []byte { return d.sum }

// stem: x.ext.p7m. A further signature makes x-2.ext.p7m of x.ext.p7m.
func (d *p7mDocument) stem(Naming) name {
	base := filepath.Base(d.file)
	stem, ext, dotted := strings.Cut(base, ".")
	if dotted {
		ext = "." + ext
	}
	switch {
	case d.add:
		return name{stem, ext, true}
	case d.detached:
		ext += ".p7s"
	default:
		ext += ".p7m"
	}
	return name{stem, ext, false}
}

func (d *p7mDocument) sign(ctx context.Context, s cms.Signer, o cms.Options, w *NewFile) error {
	in, size, err := OpenRegular(d.file)
	if err != nil {
		return err
	}
	defer in.Close()
	if size != d.size {
		return ErrChanged
	}
	content := io.Reader(in)
	var m *cms.Message
	if d.add {
		had, err := cms.Open(in, size)
		if err != nil || had.Content == nil {
			return ErrChanged
		}
		if m, err = cms.Add(had, s, d.sum, o); err != nil {
			return err
		}
		size = had.Content.Size()
		content = io.NewSectionReader(had.Content, 0, size)
	} else if m, err = cms.Sign(s, d.sum, o); err != nil {
		return err
	}
	metered := NewMeter(ctx, size, d.progress).Reader(content)
	if !d.detached {
		return m.Write(w, metered, size, d.sum)
	}
	// The document is not written, but must still be the one that was hashed.
	h := sha256.New()
	if _, err := io.Copy(h, metered); err != nil {
		return err
	}
	if !bytes.Equal(h.Sum(nil), d.sum) {
		return ErrChanged
	}
	der, err := m.Detached()
	if err != nil {
		return err
	}
	_, err = w.Write(der)
	return err
}
