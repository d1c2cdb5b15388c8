package cms

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// sample returns a message with one signer and arbitrary attributes.
func sample(t testing.TB) []byte {
	t.Helper()
	m := Message{
		Certificates: [][]byte{{0x30, 0}},
		Signers: [][]byte{build(0x30, bytes.Join([][]byte{
			{2, 1, 1}, {0x30, 5, 0x30, 0, 2, 1, 5}, {0x30, 3, 6, 1, 0x2A}, {0x30, 3, 6, 1, 0x2A}, {4, 1, 9},
		}, nil))},
	}
	var out bytes.Buffer
	if err := m.Write(&out, bytes.NewReader([]byte("content")), 7, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestParseReadsFuzzSample(t *testing.T) {
	d, err := Parse(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(d.Content)
	if err != nil || string(content) != "content" || len(d.Signers) != 1 {
		t.Errorf("%q, %v", content, err)
	}
}

// FuzzOpen checks that nothing panics or hangs, that errors are of three kinds, that
// the content can be read, and that a message can be written and read again.
func FuzzOpen(f *testing.F) {
	der := sample(f)
	f.Add(der)
	f.Add([]byte(base64.StdEncoding.EncodeToString(der)))
	f.Add([]byte("-----BEGIN PKCS7-----\n" + base64.StdEncoding.EncodeToString(der) + "\n-----END PKCS7-----\n"))
	f.Add([]byte{0x30, 0x80, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 2, 0xA0, 0x80, 0x30, 0x80, 2, 1, 1, 0x31, 0,
		0x30, 0x80, 6, 1, 0x2A, 0xA0, 0x80, 0x24, 0x80, 4, 1, 'x', 0x24, 0x80, 4, 1, 'y', 0, 0, 0, 0, 0, 0, 0, 0, 0x31, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		d, err := Parse(in)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrLimit) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		for _, s := range d.Signers {
			if _, err := s.Verify(d.Certificates, make([]byte, 32), d.ContentType); err == nil && len(d.Certificates) == 0 {
				t.Fatal("verified without a certificate")
			}
		}
		if d.Content == nil || len(d.Signers) == 0 {
			return
		}
		content, err := io.ReadAll(d.Content)
		if err != nil || int64(len(content)) != d.Content.Size() {
			t.Fatalf("%d of %d bytes: %v", len(content), d.Content.Size(), err)
		}
		m := Message{Digests: d.rawDigests, Certificates: d.rawCertificates, CRLs: d.rawCRLs}
		for _, s := range d.Signers {
			m.Signers = append(m.Signers, s.Raw)
		}
		var out bytes.Buffer
		if err := m.Write(&out, bytes.NewReader(content), int64(len(content)), nil); err != nil {
			t.Fatal(err)
		}
		again, err := Parse(out.Bytes())
		if err != nil {
			t.Fatalf("written and not read again: %v", err)
		}
		second, err := io.ReadAll(again.Content)
		if err != nil || !bytes.Equal(second, content) || len(again.Signers) != len(d.Signers) {
			t.Fatalf("another content: %v", err)
		}
	})
}

// FuzzBase64 compares the decoder with encoding/base64, from every offset.
func FuzzBase64(f *testing.F) {
	f.Add([]byte("some text that is encoded"), 7)
	f.Add(bytes.Repeat([]byte{0xFF}, 3000), 64)
	f.Fuzz(func(t *testing.T, content []byte, width int) {
		text := base64.StdEncoding.EncodeToString(content)
		var in []byte
		for i := range len(text) {
			in = append(in, text[i])
			if width > 0 && i%width == width-1 {
				in = append(in, '\r', '\n')
			}
		}
		x, err := newIndexed(&base64Cursor{w: window{src: bytesReader(in), size: int64(len(in))}})
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(io.NewSectionReader(x, 0, x.size), content); err != nil {
			t.Fatal(err)
		}
	})
}

// Random access to chunks and base64 beyond one mark.
func TestIndexedReadsFromEveryOffset(t *testing.T) {
	content := make([]byte, 3*markEvery+12345)
	for i := range content {
		content[i] = byte(i * i >> 3)
	}
	var in []byte
	in = append(in, 0x24, 0x80)
	for rest := content; len(rest) > 0; {
		n := min(len(rest), 1+len(in)%5000)
		in = append(in, build(0x04, rest[:n])...)
		rest = rest[n:]
	}
	in = append(in, 0, 0)
	c := &chunks{w: window{src: bytesReader(in), size: int64(len(in))}}
	h, err := c.w.header(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.push(h); err != nil {
		t.Fatal(err)
	}
	x, err := newIndexed(c)
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]*indexed{"chunks": x, "base64": func() *indexed {
		text := []byte(base64.StdEncoding.EncodeToString(content))
		x, err := newIndexed(&base64Cursor{w: window{src: bytesReader(text), size: int64(len(text))}})
		if err != nil {
			t.Fatal(err)
		}
		return x
	}()} {
		if x.size != int64(len(content)) {
			t.Fatalf("%s: %d bytes", name, x.size)
		}
		for _, off := range []int{0, 1, markEvery - 1, markEvery, 2*markEvery + 7, len(content) - 3, 5, markEvery * 3} {
			p := make([]byte, 70_000)
			n, err := x.ReadAt(p, int64(off))
			want := content[off:min(off+len(p), len(content))]
			if !bytes.Equal(p[:n], want) || (err == io.EOF) != (off+len(p) > len(content)) {
				t.Errorf("%s at %d: %d bytes, %v", name, off, n, err)
			}
		}
		if _, err := x.ReadAt(make([]byte, 1), x.size); err != io.EOF {
			t.Errorf("%s at the end: %v", name, err)
		}
	}
}
