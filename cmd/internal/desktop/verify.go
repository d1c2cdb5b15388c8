package desktop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cie/card/ades"
	"cie/card/ades/cms"
	"cie/card/ades/pdf"
	"cie/cmd/internal/documents"
	"cie/gui"
)

// verifying is the part of the Service that verifies documents. It needs no card.
type verifying struct {
	anchors *ades.Anchors
	fetcher ades.Fetcher // used only if the user asks for it
	home    string       // for files that cannot be written beside the document
	now     func() time.Time
}

// VerifyFile implements gui.Verifying.
func (v *verifying) VerifyFile(ctx context.Context, path string, o gui.VerifyOptions) (*gui.Verification, error) {
	verifier := &ades.Verifier{Anchors: v.anchors, Now: v.now()}
	if o.Ask {
		verifier.Fetcher = v.fetcher
	}
	d, err := v.judge(ctx, path, o, verifier)
	if err != nil {
		if unsigned(path, err) {
			return &gui.Verification{Path: path}, nil
		}
		return nil, verifyError(err)
	}
	defer d.Close()
	r := &gui.Verification{
		Path: path, Password: o.Password, Encoding: "pdf", Content: d.Content, Unread: d.InsideErr != nil,
		Asked: o.Ask, Hosts: d.Hosts(),
	}
	if d.PDF != nil {
		r.Signatures = inPDF(nil, d.PDF, 0)
		return r, nil
	}
	r.Encoding, r.Document = string(d.Message.Message.Encoding), d.Message.Document() != nil
	layer := 0
	for m := d.Message; m != nil; m = m.Inner {
		r.Signatures = inMessage(r.Signatures, m.Results, layer, false)
		layer++
	}
	if d.Inside != nil {
		r.Signatures = inPDF(r.Signatures, d.Inside, layer)
	}
	return r, nil
}

func (v *verifying) judge(ctx context.Context, path string, o gui.VerifyOptions, verifier *ades.Verifier) (*documents.Verified, error) {
	options := documents.VerifyOptions{Verifier: verifier, Content: o.Content, Password: []byte(o.Password)}
	if o.Progress != nil {
		options.Progress = func(_ string, done, size int64) { o.Progress(done, size) }
	}
	return documents.Verify(ctx, path, options)
}

func inMessage(list []gui.Signature, results []*ades.Result, layer int, counter bool) []gui.Signature {
	for _, r := range results {
		list = append(list, gui.Signature{Result: r, Layer: layer, Counter: counter})
		list = inMessage(list, r.Counter, layer, true)
	}
	return list
}

func inPDF(list []gui.Signature, r *pdf.Report, layer int) []gui.Signature {
	for i, s := range r.Signatures {
		result := s.Judgement()
		list = append(list, gui.Signature{Result: result, Layer: layer, PDF: s, Number: i + 1})
		list = inMessage(list, result.Counter, layer, true)
	}
	return list
}

// unsigned reports whether a file that cannot be read as a signed message is a
// document without a signature.
func unsigned(path string, err error) bool {
	if _, ok := errors.AsType[*documents.MessageError](err); !ok || documents.IsMessage(path) {
		return false
	}
	in, _, err := documents.OpenRegular(path)
	if err != nil {
		return false
	}
	defer in.Close()
	head := make([]byte, 64)
	n, _ := in.ReadAt(head, 0)
	return !cms.Looks(bytes.TrimSpace(head[:n]))
}

// verifyError returns the errors that the window has words for.
func verifyError(err error) error {
	switch {
	case errors.Is(err, pdf.ErrPassword):
		return fmt.Errorf("%w: %w", gui.ErrPassword, err)
	case isFormat(err):
		return fmt.Errorf("%w: %w", gui.ErrDamaged, err)
	}
	return err
}

// isFormat reports whether err is about the content of a file.
func isFormat(err error) bool {
	if _, ok := errors.AsType[*documents.MessageError](err); ok {
		return true
	}
	_, damaged := errors.AsType[*pdf.DamagedError](err)
	_, unsupported := errors.AsType[*pdf.UnsupportedError](err)
	return damaged || unsupported || errors.Is(err, pdf.ErrTooComplex) || errors.Is(err, pdf.ErrNotPDF)
}

// ExtractFile implements gui.Verifying.
func (v *verifying) ExtractFile(ctx context.Context, r *gui.Verification, n int) (string, error) {
	d, err := v.judge(ctx, r.Path, gui.VerifyOptions{Password: r.Password, Content: r.Content}, &ades.Verifier{Anchors: v.anchors})
	if err != nil {
		return "", err
	}
	defer d.Close()
	base := filepath.Base(r.Path)
	if n > 0 {
		stem, ext := split(base)
		base = fmt.Sprintf("%s-rev%d%s", stem, n, ext)
	} else {
		base = documentName(base)
	}
	return v.newFile(r.Path, base, func(name string) error { return d.Extract(ctx, n, name) })
}

// documentName returns the name of the document in an envelope, such as letter.pdf
// for letter.pdf.p7m.p7m.
func documentName(base string) string {
	for documents.IsMessage(base) {
		base = strings.TrimSuffix(base, filepath.Ext(base))
	}
	if base == "" {
		return "document"
	}
	return base
}

// SaveVerification implements gui.Verifying.
func (v *verifying) SaveVerification(r *gui.Verification, title, language string, report []pdf.Paragraph) (string, error) {
	var b bytes.Buffer
	if err := pdf.WriteSheets(&b, title, language, v.now(), report); err != nil {
		return "", err
	}
	stem, _ := split(documentName(filepath.Base(r.Path)))
	base := stem + "-" + strings.ReplaceAll(strings.ToLower(title), " ", "-") + ".pdf"
	return v.newFile(r.Path, base, func(name string) error {
		f, err := documents.Create(name)
		if err != nil {
			return err
		}
		defer f.Discard()
		if _, err := f.Write(b.Bytes()); err != nil {
			return err
		}
		return f.Commit()
	})
}

func split(base string) (stem, ext string) {
	ext = filepath.Ext(base)
	return strings.TrimSuffix(base, ext), ext
}

// maxNames limits the names that are tried for one new file.
const maxNames = 1000

// newFile calls write with a name of its own beside a file, or in the home directory
// if nothing can be written there.
func (v *verifying) newFile(beside, base string, write func(name string) error) (string, error) {
	name, err := freeName(filepath.Dir(beside), base, write)
	e, ok := errors.AsType[*documents.FileError](err)
	if !ok || e.Op != documents.OpWrite || v.home == "" {
		return name, err
	}
	if name, again := freeName(v.home, base, write); again == nil {
		return name, nil
	}
	return name, err
}

// freeName calls write with the first name that no file has.
func freeName(dir, base string, write func(name string) error) (name string, err error) {
	stem, ext := split(base)
	for i := 1; i <= maxNames; i++ {
		name = filepath.Join(dir, base)
		if i > 1 {
			name = filepath.Join(dir, fmt.Sprintf("%s (%d)%s", stem, i, ext))
		}
		if _, err := os.Lstat(name); err == nil {
			continue
		}
		if err = write(name); !errors.Is(err, fs.ErrExist) {
			return name, err
		}
	}
	return name, fs.ErrExist
}
