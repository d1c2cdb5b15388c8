package pdf

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"cie/card/ades"
	"cie/card/ades/cms"
)

// large is a document with a picture of that many bytes, which are not in memory.
type large struct {
	head, tail []byte
	picture    int64
}

func newLarge(t testing.TB, picture int64) *large {
	t.Helper()
	b := plain(1)
	b.objects[20] = streamObject("/Type /XObject", "PICTURE")
	doc := b.bytes()
	// The length has as many digits as will be needed, and the offsets after it move.
	head, tail, _ := bytes.Cut(doc, []byte("PICTURE"))
	grown := fmt.Sprintf("/Length %d>>", picture)
	shift := int64(len(grown)-len("/Length 7>>")) + picture - 7
	head = bytes.Replace(head, []byte("/XObject /Length 7>>"), []byte("/XObject "+grown), 1)
	i := bytes.LastIndex(tail, []byte("startxref\n")) + len("startxref\n")
	var start int64
	fmt.Sscan(string(tail[i:]), &start)
	tail = append(tail[:i:i], fmt.Sprintf("%d\n%%%%EOF\n", start+shift)...)
	return &large{head, tail, picture}
}

func (l *large) size() int64 { return int64(len(l.head)) + l.picture + int64(len(l.tail)) }

func (l *large) ReadAt(p []byte, off int64) (int, error) {
	if off >= l.size() {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && off < l.size() {
		var c int
		switch end := int64(len(l.head)) + l.picture; {
		case off < int64(len(l.head)):
			c = copy(p[n:], l.head[off:])
		case off < end:
			c = int(min(int64(len(p)-n), end-off))
			clear(p[n : n+c])
		default:
			c = copy(p[n:], l.tail[off-end:])
		}
		n += c
		off += int64(c)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// discard is a file that discards its content.
type discard struct{}

func (discard) Write(p []byte) (int, error)            { return len(p), nil }
func (discard) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

const benchSize = 300 << 20

// BenchmarkHash300MB is the reference for BenchmarkSign300MB.
func BenchmarkHash300MB(b *testing.B) {
	l := newLarge(b, benchSize)
	b.SetBytes(l.size())
	for b.Loop() {
		h := sha256.New()
		io.Copy(h, io.NewSectionReader(l, 0, l.size()))
	}
}

func BenchmarkSign300MB(b *testing.B) {
	l := newLarge(b, benchSize)
	s := holder(b)
	b.SetBytes(l.size())
	b.ReportAllocs()
	for b.Loop() {
		p, err := Prepare(l, l.size(), Options{Time: signedAt})
		if err != nil {
			b.Fatal(err)
		}
		digest, err := p.Write(discard{})
		if err != nil {
			b.Fatal(err)
		}
		message, err := cms.SignDigest(s, digest, cms.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := p.Put(discard{}, message); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	doc := sign(b, formDocument("").bytes(), Options{Appearance: &Appearance{Lines: []string{"Mario Rossi"}}}, cms.Options{})
	for range 2 {
		doc = sign(b, doc, Options{}, cms.Options{})
	}
	b.ReportAllocs()
	for b.Loop() {
		verify(b, doc, "")
	}
}

// instrumented reports whether the race detector, which needs additional memory, is on.
func instrumented() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// bounded runs f and fails if it uses more memory than 64 MB plus ten times the
// size of the input. It prints the time; the goal is 10 s.
func bounded(t *testing.T, size int, f func()) {
	t.Helper()
	limit := uint64(64<<20 + 10*size)
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	done := make(chan time.Duration)
	start := time.Now()
	go func() { f(); done <- time.Since(start) }()
	var peak uint64
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case took := <-done:
			t.Logf("%d KB: %v, %d MB", size>>10, took.Round(time.Millisecond), peak>>20)
			if peak > limit && !instrumented() {
				t.Errorf("took %d MB of memory, limit %d MB", peak>>20, limit>>20)
			}
			return
		case <-tick.C:
			runtime.ReadMemStats(&now)
			if now.HeapAlloc > before.HeapAlloc {
				peak = max(peak, now.HeapAlloc-before.HeapAlloc)
			}
		}
	}
}

// Files that are made to cost much are judged or refused in bounded time and memory.
func TestCostlyFilesAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	bomb := func() []byte {
		b := plain(1)
		data := deflate(bytes.Repeat([]byte(" "), 15<<20))
		b.objects[1] = "<</Type /Catalog /Pages 2 0 R /DSS <</Certs ["
		for i := range 64 {
			b.objects[1] += fmt.Sprintf("%d 0 R ", 100+i)
			b.objects[100+i] = fmt.Sprintf("<</Type /ObjStm /N 0 /First 0 /Filter /FlateDecode /Length %d>>\nstream\n%s\nendstream", len(data), data)
		}
		b.objects[1] += "]>>>>"
		return b.bytes()
	}
	tests := map[string]func() []byte{
		"many pages": func() []byte { return plain(12000).bytes() },
		"large array": func() []byte {
			b := plain(1)
			b.objects[1] = "<</Type /Catalog /Pages 2 0 R /A [" + strings.Repeat("0 ", 500_000) + "]>>"
			return b.bytes()
		},
		"many small dictionaries": func() []byte {
			b := plain(1)
			b.objects[1] = "<</Type /Catalog /Pages 2 0 R /A [" + strings.Repeat("<<>>", 500_000) + "]>>"
			return b.bytes()
		},
		"large string":      func() []byte { b := plain(1); b.objects[4] = "(" + strings.Repeat("x", 9<<20) + ")"; return b.bytes() },
		"compression bombs": bomb,
		"cross-reference bomb": func() []byte {
			data := deflate(make([]byte, 15<<20))
			doc := fmt.Sprintf("%%PDF-1.7\n1 0 obj\n<</Type /XRef /W [1 0 0] /Size %d /Root 1 0 R /Filter /FlateDecode /Length %d>>\nstream\n%s\nendstream\nendobj\nstartxref\n9\n%%%%EOF\n", 15<<20, len(data), data)
			return []byte(doc)
		},
		"many free entries": func() []byte {
			b := plain(1)
			b.objects[400_000] = "null"
			return b.bytes()
		},
	}
	for title, make := range tests {
		t.Run(title, func(t *testing.T) {
			doc := make()
			for n := 0; n < 3 && len(doc) < 5<<20; n++ {
				signed, err := trySign(t, doc, Options{}, cms.Options{})
				if err != nil {
					break // refused, which is bounded too
				}
				doc = signed
			}
			v := &ades.Verifier{Now: signedAt}
			bounded(t, len(doc), func() {
				_, _ = Verify(context.Background(), bytes.NewReader(doc), int64(len(doc)), nil, v)
			})
		})
	}
}
