package documents

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// OpenRegular opens a file that can be read twice. Its errors are FileErrors.
func OpenRegular(name string) (*os.File, int64, error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		return nil, 0, &FileError{OpRegular, name, errNotRegular}
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(name)
	}
	if err != nil {
		return nil, 0, &FileError{OpRead, name, err}
	}
	return f, info.Size(), nil
}

// FormatOf returns the format in which a file is signed unless another one is asked
// for: a PDF is signed as one.
func FormatOf(file string) Format {
	if strings.EqualFold(filepath.Ext(file), ".pdf") {
		return PDF
	}
	in, _, err := OpenRegular(file)
	if err != nil {
		return P7M
	}
	defer in.Close()
	if IsPDF(in) {
		return PDF
	}
	return P7M
}

// IsPDF reports whether a file begins like a PDF document.
func IsPDF(r io.ReaderAt) bool {
	var head [1024]byte
	n, _ := r.ReadAt(head[:], 0)
	return bytes.Contains(head[:n], []byte("%PDF-")) && head[0] != 0x30
}

// IsMessage reports whether a file has the name of a signed message.
func IsMessage(file string) bool {
	ext := strings.ToLower(filepath.Ext(file))
	return ext == ".p7m" || ext == ".p7s"
}

// Meter reports how far a file was read, and stops at the end of a context.
type Meter struct {
	ctx      context.Context
	progress func(done, size int64)
	size     int64
	done     int64
}

// NewMeter returns the Meter of a file of this size. progress may be nil.
func NewMeter(ctx context.Context, size int64, progress func(done, size int64)) *Meter {
	return &Meter{ctx: ctx, size: size, progress: progress}
}

// Reader returns r with the Meter.
func (m *Meter) Reader(r io.Reader) io.Reader { return meteredReader{m, r} }

// ReaderAt returns r with the Meter.
func (m *Meter) ReaderAt(r io.ReaderAt) io.ReaderAt { return meteredAt{m, r} }

func (m *Meter) report(done int64) {
	m.done = done
	if m.progress != nil {
		m.progress(done, m.size)
	}
}

type meteredReader struct {
	m *Meter
	r io.Reader
}

// Read implements io.Reader.
func (r meteredReader) Read(p []byte) (int, error) {
	if r.m.ctx.Err() != nil {
		return 0, context.Cause(r.m.ctx)
	}
	n, err := r.r.Read(p)
	r.m.report(r.m.done + int64(n))
	return n, err
}

type meteredAt struct {
	m *Meter
	r io.ReaderAt
}

// ReadAt implements io.ReaderAt.
func (r meteredAt) ReadAt(b []byte, off int64) (int, error) {
	if r.m.ctx.Err() != nil {
		return 0, context.Cause(r.m.ctx)
	}
	n, err := r.r.ReadAt(b, off)
	r.m.report(off + int64(n))
	return n, err
}
