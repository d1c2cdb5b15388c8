package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"cie/card/ades/cms"
)

// p7mFormat makes CAdES signatures of any file.
type p7mFormat struct{}

// p7mDocument is a file that is to be signed.
type p7mDocument struct {
	ctx      context.Context
	file     string
	size     int64
	sum      []byte
	detached bool
	add      bool // to a message that has signatures
}

// openRegular opens a file that can be read twice.
func (a *app) openRegular(name string) (*os.File, int64, error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		return nil, 0, a.problem("failed", exitFailed, "error.not-a-file", name)
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(name)
	}
	if err != nil {
		return nil, 0, a.problem("failed", exitFailed, "error.read", name, cause(err))
	}
	return f, info.Size(), nil
}

func (p7mFormat) prepare(ctx context.Context, a *app, file string, f *signFlags) (unsigned, error) {
	in, size, err := a.openRegular(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	d := &p7mDocument{ctx: ctx, file: file, size: size, detached: f.detached}
	content := io.Reader(in)
	length := size
	if m, err := d.existing(a, in, f); err != nil {
		return nil, err
	} else if m != nil {
		d.add, length = true, m.Content.Size()
		content = io.NewSectionReader(m.Content, 0, length)
	}
	h := sha256.New()
	if _, err := io.Copy(h, &metered{ctx: ctx, a: a, file: file, r: content, size: length}); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, a.problem("failed", exitFailed, "error.read", file, cause(err))
	}
	d.sum = h.Sum(nil)
	return d, nil
}

// existing opens a message that gets a further signature, nil for a file that
// is signed as it is.
func (d *p7mDocument) existing(a *app, in *os.File, f *signFlags) (*cms.SignedData, error) {
	ext := strings.ToLower(filepath.Ext(d.file))
	if f.wrap || f.detached || ext != ".p7m" && ext != ".p7s" {
		return nil, nil
	}
	m, err := cms.Open(in, d.size)
	if err != nil {
		return nil, a.problem("failed", exitFailed, "sign.broken", d.file, err)
	}
	if m.Content == nil {
		return nil, a.problem("failed", exitFailed, "sign.detached", d.file).do(a.text("sign.detached.do"))
	}
	return m, nil
}

func (d *p7mDocument) digest() []byte { return d.sum }

// suggest: x.ext.p7m. A further signature makes x-2.ext.p7m of x.ext.p7m, with
// the first number that is free.
func (d *p7mDocument) suggest() func(n int) string {
	base := filepath.Base(d.file)
	if !d.add {
		ext := ".p7m"
		if d.detached {
			ext = ".p7s"
		}
		return func(n int) string {
			if n > 0 {
				return ""
			}
			return base + ext
		}
	}
	stem, exts, dotted := strings.Cut(base, ".")
	if dotted {
		exts = "." + exts
	}
	return func(n int) string { return fmt.Sprintf("%s-%d%s", stem, n+2, exts) }
}

func (d *p7mDocument) sign(a *app, s cms.Signer, o cms.Options, w io.Writer) error {
	in, size, err := a.openRegular(d.file)
	if err != nil {
		return err
	}
	defer in.Close()
	if size != d.size {
		return cms.ErrContentChanged
	}
	content := io.Reader(in)
	var m *cms.Message
	if d.add {
		had, err := cms.Open(in, size)
		if err != nil || had.Content == nil {
			return cms.ErrContentChanged
		}
		if m, err = cms.Add(had, s, d.sum, o); err != nil {
			return err
		}
		size = had.Content.Size()
		content = io.NewSectionReader(had.Content, 0, size)
	} else if m, err = cms.Sign(s, d.sum, o); err != nil {
		return err
	}
	metered := &metered{ctx: d.ctx, a: a, file: d.file, r: content, size: size}
	if !d.detached {
		return m.Write(w, metered, size, d.sum)
	}
	// The document is not written, but must still be the one that was hashed.
	h := sha256.New()
	if _, err := io.Copy(h, metered); err != nil {
		return err
	}
	if !bytes.Equal(h.Sum(nil), d.sum) {
		return cms.ErrContentChanged
	}
	der, err := m.Detached()
	if err != nil {
		return err
	}
	_, err = w.Write(der)
	return err
}
