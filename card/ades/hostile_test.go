package ades_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"math/big"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"cie/card/ades"
	"cie/card/ades/cms"
	"cie/card/cardtest"
)

// peak runs f and returns the highest heap in use while it ran.
func peak(f func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	var most atomic.Uint64
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			runtime.ReadMemStats(&now)
			most.Store(max(most.Load(), now.HeapInuse))
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	f()
	close(done)
	<-stopped
	if most.Load() < before.HeapInuse {
		return 0
	}
	return most.Load() - before.HeapInuse
}

// instrumented reports whether the race detector, which needs additional memory, is on.
func instrumented() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// bounded judges an input and checks the bound of memory for inputs below 10 MB:
// 64 MB plus ten times the size. The time is printed; the goal is 10 s.
func bounded(t *testing.T, name string, input []byte) {
	t.Helper()
	start := time.Now()
	used := peak(func() {
		v := &ades.Verifier{Anchors: virtual(t), Now: now}
		r, err := v.File(context.Background(), bytes.NewReader(input), int64(len(input)), nil)
		if err == nil && r.State() == ades.Valid {
			t.Errorf("%s: valid", name)
		}
	})
	took := time.Since(start)
	if used > 64<<20+10*uint64(len(input)) && !instrumented() {
		t.Errorf("%s: %d bytes, %v, %d MB", name, len(input), took, used>>20)
	}
	t.Logf("%-40s %8d bytes %8v %4d MB", name, len(input), took.Round(time.Millisecond), used>>20)
}

func nested(n int, open, close []byte) []byte {
	return slices.Concat(bytes.Repeat(open, n), bytes.Repeat(close, n))
}

// What costs most for its size.
func TestHostileInputsStayWithinBounds(t *testing.T) {
	const size = 10 << 20
	s := holder(t, cardtest.Profile{})
	content := bytes.Repeat([]byte{0}, size)
	m, err := cms.Sign(s, digest(content), cms.Options{Time: signedAt})
	if err != nil {
		t.Fatal(err)
	}
	small := bytes.Repeat([]byte{0}, size/3-4096)
	bounded(t, "plain", written(t, m, content[:size-8192]))
	bounded(t, "chunks of one byte", chunked(t, small, m, 1))
	empty := chunked(t, []byte("x"), m, 1)
	at := bytes.Index(empty, []byte{0x24, 0x80}) + 2
	bounded(t, "empty chunks", slices.Concat(empty[:at], bytes.Repeat([]byte{4, 0}, size/2-8192), empty[at:]))
	bounded(t, "nested chunks", slices.Concat(empty[:at], nested(size/4-8192, []byte{0x24, 0x80}, []byte{0, 0}), empty[at:]))
	bounded(t, "nested sequences", nested(size/4, []byte{0x30, 0x80}, []byte{0, 0}))
	bounded(t, "base64 of nothing", bytes.Repeat([]byte("A"), size))
	bounded(t, "blanks", bytes.Repeat([]byte("\n"), size))

	// Many parts: certificates, signers, attributes, time stamps.
	many := *m
	for range 3000 {
		many.Certificates = append(many.Certificates, s.Certificate)
	}
	bounded(t, "certificates", written(t, &many, content))
	many = *m
	for len(many.Signers) < 7000 {
		many.Signers = append(many.Signers, m.Signers[0])
	}
	bounded(t, "signers over the limit", written(t, &many, content))
	many.Signers = many.Signers[:100]
	bounded(t, "signers", written(t, &many, content[:size-200_000]))
	stamps := *m
	token := stampToken(t)
	for range 3 {
		stamps.Signers[0] = rebuildSigner(t, stamps.Signers[0], func(parts [][]byte) [][]byte {
			return append(parts[:6], unsignedStamps(token, 30))
		})
	}
	for len(stamps.Signers) < 100 {
		stamps.Signers = append(stamps.Signers, stamps.Signers[0])
	}
	bounded(t, "time stamps", written(t, &stamps, content[:4<<20]))

	// Certificates of one name that sign one another.
	keys := []int{0, 1, 2, 3}
	ring := *m
	ring.Certificates = nil
	for serial := range 500 {
		issuer, subject := keyPool[keys[serial%4]](), keyPool[keys[(serial/4)%4]]()
		template := caTemplate("Ring")
		template.SerialNumber = big.NewInt(int64(serial + 1))
		parent := caTemplate("Ring")
		parent.PublicKey = &issuer.PublicKey
		c := issue(t, template, parent, subject, issuer)
		ring.Certificates = append(ring.Certificates, c.Raw)
	}
	leafKey := keyPool[0]()
	parent := caTemplate("Ring")
	parent.PublicKey = &keyPool[1]().PublicKey
	leaf := issue(t, leafTemplate("Leaf"), parent, leafKey, keyPool[1]())
	signed, err := cms.Sign(cms.Signer{Key: leafKey, Certificate: leaf.Raw}, digest(nil), cms.Options{Time: signedAt})
	if err != nil {
		t.Fatal(err)
	}
	ring.Signers = slices.Repeat(signed.Signers, 50)
	ring.Certificates = append(ring.Certificates, leaf.Raw)
	bounded(t, "ring of certificates", written(t, &ring, nil))

	// Messages in messages.
	deep := []byte("x")
	for range 40 {
		deep = attached(t, s, deep, cms.Options{Time: signedAt})
	}
	bounded(t, "messages in messages", deep)
	layers := content[:size-400_000]
	for range 20 {
		layers = chunked(t, layers, m, 3000)
	}
	bounded(t, "large messages in messages", layers)
}

// stampToken returns a token of another signature.
func stampToken(t testing.TB) []byte {
	a := &cardtest.Authority{Now: clock}
	token, err := stamping(a).Timestamp([]byte("another signature"))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func unsignedStamps(token []byte, n int) []byte {
	id := []byte{0x06, 0x0B, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x02, 0x0E}
	attribute := encode(0x30, slices.Concat(id, encode(0x31, bytes.Repeat(token, n))))
	return encode(0xA1, attribute)
}

// zeros is a file of zeros.
type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

// sparse is a signed message of which the content is not in memory: head, size
// zeros, tail.
type sparse struct {
	head, tail []byte
	size       int64
}

func (s *sparse) length() int64 { return int64(len(s.head)) + s.size + int64(len(s.tail)) }

func (s *sparse) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		switch at := off + int64(n); {
		case at < int64(len(s.head)):
			n += copy(p[n:], s.head[at:])
		case at < int64(len(s.head))+s.size:
			part := p[n:]
			part = part[:min(int64(len(part)), int64(len(s.head))+s.size-at)]
			clear(part)
			n += len(part)
		case at < s.length():
			n += copy(p[n:], s.tail[at-int64(len(s.head))-s.size:])
		default:
			return n, io.EOF
		}
	}
	return n, nil
}

// Write keeps the bytes before and after size bytes of content.
func (s *sparse) Write(p []byte) (int, error) {
	switch {
	case len(s.head) == 0:
		s.head = bytes.Clone(p)
	case s.size == 0 || len(p) == 256<<10 || len(p) == 32<<10:
		s.size += int64(len(p))
	default:
		s.tail = append(s.tail, p...)
	}
	return len(p), nil
}

// large signs size bytes of zeros.
func large(t testing.TB, size int64) *sparse {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(zeros{}, 0, size)); err != nil {
		t.Fatal(err)
	}
	sum := h.Sum(nil)
	m, err := cms.Sign(holder(t, cardtest.Profile{}), sum, cms.Options{Time: signedAt})
	if err != nil {
		t.Fatal(err)
	}
	var out sparse
	if err := m.Write(&out, io.NewSectionReader(zeros{}, 0, size), size, sum); err != nil {
		t.Fatal(err)
	}
	if out.size != size {
		t.Fatalf("%d bytes of content", out.size)
	}
	return &out
}

// Signed and verified in under 150 MB.
func TestGigabyteNeedsLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 3 GB")
	}
	const size = 1 << 30
	var file *sparse
	used := peak(func() { file = large(t, size) })
	t.Logf("signed in %d MB", used>>20)
	if used > 150<<20 {
		t.Errorf("signing took %d MB", used>>20)
	}
	used = peak(func() {
		v := &ades.Verifier{Anchors: virtual(t), Now: now}
		r, err := v.File(context.Background(), file, file.length(), nil)
		if err != nil {
			t.Fatal(err)
		}
		want(t, r.Results[0], ades.Unknown, ades.NotAsked)
	})
	t.Logf("verified in %d MB", used>>20)
	if used > 150<<20 {
		t.Errorf("verification took %d MB", used>>20)
	}
}

func BenchmarkVerifyOrdinaryFile(b *testing.B) {
	content := bytes.Repeat([]byte("Dear municipality,\n"), 10_000)
	p7m := attached(b, holder(b, cardtest.Profile{}), content, cms.Options{Time: signedAt})
	v := &ades.Verifier{Anchors: virtual(b), Now: now}
	b.SetBytes(int64(len(p7m)))
	for b.Loop() {
		verify(b, v, p7m, nil)
	}
}

func BenchmarkVerify1GB(b *testing.B) {
	file := large(b, 1<<30)
	v := &ades.Verifier{Anchors: virtual(b), Now: now}
	b.SetBytes(file.length())
	most := uint64(0)
	for b.Loop() {
		most = max(most, peak(func() {
			if _, err := v.File(context.Background(), file, file.length(), nil); err != nil {
				b.Fatal(err)
			}
		}))
	}
	b.ReportMetric(float64(most>>20), "peak-MB")
}

func BenchmarkSign1GB(b *testing.B) {
	b.SetBytes(1 << 30)
	most := uint64(0)
	for b.Loop() {
		most = max(most, peak(func() { large(b, 1<<30) }))
	}
	b.ReportMetric(float64(most>>20), "peak-MB")
}

// FuzzFile checks that no input makes a signature valid, panics or exceeds the limits.
func FuzzFile(f *testing.F) {
	s := holder(f, cardtest.Profile{})
	content := []byte("content")
	p7m := attached(f, s, content, stamping(&cardtest.Authority{Now: clock}))
	f.Add(p7m, []byte(nil))
	f.Add(indefinite(f, p7m, 10), content)
	m, err := cms.SignDigest(s, digest(content), cms.Options{Time: signedAt})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(m, content)
	f.Add(attached(f, s, p7m, cms.Options{Time: signedAt}), []byte(nil))
	f.Add([]byte("MIIB"), []byte(nil))
	v := &ades.Verifier{Now: now}
	f.Fuzz(func(t *testing.T, in, content []byte) {
		r, err := try(v, in, content)
		if err != nil {
			return
		}
		if r.State() == ades.Valid {
			t.Fatal("valid without an anchor")
		}
		if d := r.Document(); d != nil {
			if _, err := io.Copy(io.Discard, io.NewSectionReader(d, 0, d.Size())); err != nil {
				t.Fatalf("the content cannot be read: %v", err)
			}
		}
	})
}
