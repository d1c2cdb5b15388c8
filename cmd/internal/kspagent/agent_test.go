package kspagent

import (
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cie/apdu/readers"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/sod"
	"cie/card/state"
	"cie/cmd/internal/harness/await"
	"cie/pkcs11mod"
)

// dialog answers the questions of an agent from a list.
type dialog struct {
	t testing.TB

	mu        sync.Mutex
	pins      []string // the next answers; "" cancels, none waits for the end of the context
	questions []Question
	explained []error
	asked     chan struct{}       // receives one value per question
	insert    func() (again bool) // nil: the user cancels; false: the box stays open
	during    func()              // runs while the user types
}

func (d *dialog) PIN(ctx context.Context, q Question, pin []byte) error {
	d.mu.Lock()
	d.questions = append(d.questions, q)
	var answer string
	wait := len(d.pins) == 0
	if !wait {
		answer, d.pins = d.pins[0], d.pins[1:]
	}
	d.mu.Unlock()
	d.asked <- struct{}{}
	if d.during != nil {
		d.during()
	}
	if wait {
		<-ctx.Done()
		return ctx.Err()
	}
	if answer == "" {
		return ErrCancelled
	}
	copy(pin, answer)
	return nil
}

func (d *dialog) Explain(_ context.Context, _ uintptr, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.explained = append(d.explained, err)
}

func (d *dialog) Insert(ctx context.Context, _ uintptr, _ string) error {
	if d.insert == nil {
		return ErrCancelled
	}
	if !d.insert() {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// count returns the number of questions so far.
func (d *dialog) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.questions)
}

// browser is the DLL's side of an agent.
type browser struct {
	t       testing.TB
	dialog  *dialog
	service *cardtest.Service
	card    *cardtest.Card
	pipe    io.WriteCloser
	served  chan error
	key     uint32
	public  *rsa.PublicKey

	mu      sync.Mutex
	last    uint32
	waiting map[uint32]chan answer
}

type answer struct {
	status Status
	body   []byte
}

// options returns the surroundings of a card, in memory.
func options(t testing.TB) card.Options {
	roots := sod.BuiltinRoots().Clone()
	if err := roots.AddPEM(cardtest.CSCAPEM()); err != nil {
		t.Fatal(err)
	}
	return card.Options{Roots: roots, State: state.Memory(), Store: card.DirStore(t.TempDir())}
}

// start starts an agent with a card whose certificate is known, and opens its key. It runs
// with the clock of a bubble of synctest.
func start(t *testing.T, p cardtest.Profile, pins ...string) *browser {
	t.Helper()
	return startWith(t, options(t), p, pins...)
}

func startWith(t testing.TB, opts card.Options, p cardtest.Profile, pins ...string) *browser {
	t.Helper()
	c, err := cardtest.New(p)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{
		t: t, card: c, service: &cardtest.Service{}, served: make(chan error, 1), waiting: map[uint32]chan answer{},
		dialog: &dialog{t: t, pins: pins, asked: make(chan struct{}, 100)},
	}
	b.service.Insert("reader", c)
	certificate := certificateOf(t, b.service, cardtest.DefaultPIN())
	agent := New(Config{
		Module: pkcs11mod.New(pkcs11mod.Config{
			Readers: func() (readers.Service, error) { return b.service, nil },
			Card:    func() card.Options { return opts },
		}),
		Dialog: b.dialog,
		Known: func(container string) []byte {
			if container == Container(c.NIS()) {
				return certificate
			}
			return nil
		},
	})
	requests, pipe := io.Pipe()
	responses, out := io.Pipe()
	b.pipe = pipe
	go func() {
		err := agent.Serve(context.Background(), requests, out)
		requests.Close()
		out.Close()
		b.served <- err
	}()
	go b.read(responses)
	t.Cleanup(func() {
		pipe.Close()
		b.end()
	})
	b.open()
	return b
}

// open opens the key of the card.
func (b *browser) open() {
	b.t.Helper()
	a := b.call(opOpen, []byte(Container(b.card.NIS())))
	if a.status != statusOK {
		b.t.Fatalf("open: status %#x", a.status)
	}
	b.key = binary.LittleEndian.Uint32(a.body)
	size := binary.LittleEndian.Uint16(a.body[8:])
	b.public = &rsa.PublicKey{E: int(binary.LittleEndian.Uint32(a.body[4:])), N: new(big.Int).SetBytes(a.body[10 : 10+size])}
}

// certificateOf reads the certificate as a program that has the PIN.
func certificateOf(t testing.TB, service *cardtest.Service, pin []byte) []byte {
	t.Helper()
	conn, err := service.Connect("reader")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s, err := card.Open(t.Context(), conn, options(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Verify(t.Context(), card.PIN, pin); err != nil {
		t.Fatal(err)
	}
	der, err := s.Certificate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// end waits for the end of the agent.
func (b *browser) end() {
	b.t.Helper()
	if b.served == nil {
		return
	}
	if err := <-b.served; err != nil {
		b.t.Errorf("the agent ended with %v", err)
	}
	b.served = nil
}

func (b *browser) read(r io.Reader) {
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, c := range b.waiting {
			close(c)
		}
		b.waiting = nil
	}()
	for {
		var head [4]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return
		}
		frame := make([]byte, binary.LittleEndian.Uint32(head[:]))
		if _, err := io.ReadFull(r, frame); err != nil {
			return
		}
		id := binary.LittleEndian.Uint32(frame)
		b.mu.Lock()
		c := b.waiting[id]
		delete(b.waiting, id)
		b.mu.Unlock()
		if c == nil {
			b.t.Errorf("a response to no request: %d", id)
			return
		}
		c <- answer{Status(binary.LittleEndian.Uint32(frame[4:])), frame[8:]}
	}
}

// send sends a request and returns its number and where its answer arrives.
func (b *browser) send(op operation, body []byte) (uint32, chan answer) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	c := make(chan answer, 1)
	if op == opOpen || op == opSign {
		b.waiting[b.last] = c
	}
	frame := binary.LittleEndian.AppendUint32(nil, uint32(5+len(body)))
	frame = append(frame, byte(op))
	frame = binary.LittleEndian.AppendUint32(frame, b.last)
	if _, err := b.pipe.Write(append(frame, body...)); err != nil {
		b.t.Fatal(err)
	}
	return b.last, c
}

func (b *browser) call(op operation, body []byte) answer {
	b.t.Helper()
	_, c := b.send(op, body)
	return <-c
}

func (b *browser) signBody(hash byte, silent bool, data []byte) []byte {
	body := binary.LittleEndian.AppendUint32(nil, b.key)
	body = binary.LittleEndian.AppendUint64(body, 0x10042)
	flags := byte(0)
	if silent {
		flags = flagSilent
	}
	return append(append(body, flags, hash), data...)
}

func (b *browser) sign(hash byte, silent bool, data []byte) answer {
	b.t.Helper()
	return b.call(opSign, b.signBody(hash, silent, data))
}

// wantSigned expects a signature that verifies.
func (b *browser) wantSigned(hash byte, silent bool, data []byte) {
	b.t.Helper()
	a := b.sign(hash, silent, data)
	if a.status != statusOK {
		b.t.Fatalf("hash %d: status %#x", hash, a.status)
	}
	if err := rsa.VerifyPKCS1v15(b.public, hashes[hash], data, a.body); err != nil {
		b.t.Errorf("hash %d: %v", hash, err)
	}
}

func (b *browser) wantStatus(status Status, hash byte, silent bool, data []byte) {
	b.t.Helper()
	if a := b.sign(hash, silent, data); a.status != status || len(a.body) != 0 {
		b.t.Fatalf("status %#x, want %#x (%d bytes)", a.status, status, len(a.body))
	}
}

func (b *browser) wantTries(pin int) {
	b.t.Helper()
	if left, _ := b.card.Tries(); left != pin {
		b.t.Errorf("the card has %d tries left, want %d", left, pin)
	}
}

var (
	right  = string(cardtest.DefaultPIN())
	wrong  = "90817263"
	digest = make([]byte, crypto.SHA256.Size())
)

const sha256Number = 2

func TestSignsWithEveryHashAfterOneLogin(t *testing.T) {
	for _, family := range cardtest.Families() {
		t.Run(family.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, cardtest.Profile{Family: family}, right)
				for n, h := range hashes {
					data := make([]byte, 36)
					if h != 0 {
						data = make([]byte, h.Size())
					}
					b.wantSigned(byte(n), n == 3, data)
				}
				if b.dialog.count() != 1 {
					t.Errorf("asked %d times", b.dialog.count())
				}
				b.wantTries(3)
			})
		})
	}
}

func TestRefusesWhatTheChipCannotSign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, cardtest.Profile{})
		b.wantStatus(nteBadLen, 0, false, make([]byte, 103))
		b.wantStatus(nteBadLen, 0, false, nil)
		b.wantStatus(nteInvalidParam, sha256Number, false, make([]byte, 20))
		b.key++
		b.wantStatus(nteInvalidHandle, sha256Number, false, digest)
		if b.dialog.count() != 0 {
			t.Error("asked for a PIN")
		}
	})
}

func TestOpenRefusesUnknownContainer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, cardtest.Profile{})
		if a := b.call(opOpen, []byte(Container("123456789012"))); a.status != nteBadKeyset {
			t.Errorf("status %#x", a.status)
		}
	})
}

func TestSilentNeverAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, cardtest.Profile{}, right)
		b.wantStatus(nteSilentContext, sha256Number, true, digest)
		if b.dialog.count() != 0 {
			t.Error("asked for a PIN")
		}
		b.wantSigned(sha256Number, false, digest)
		b.wantSigned(sha256Number, true, digest)
		b.service.Remove("reader")
		synctest.Wait()
		b.wantStatus(scardNoCard, sha256Number, true, digest)
	})
}

// The user sees the tries before each question, and the last one is announced.
// On a card that was used before the box opens at once, with the tries last seen, and the
// channel is opened while the user types.
func TestChannelIsOpenedWhileTheUserTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := options(t)
		first := startWith(t, opts, cardtest.Profile{}, right)
		first.wantSigned(sha256Number, false, digest)
		first.pipe.Close()
		first.end()

		b := startWith(t, opts, cardtest.Profile{}, right)
		before := b.card.Stats() // the channel may be open before the box is
		var arrived cardtest.Stats
		b.dialog.during = func() {
			time.Sleep(10 * time.Second)
			arrived = b.card.Stats()
		}
		b.wantSigned(sha256Number, false, digest)
		if q := b.dialog.questions[0].Tries; q != (card.Tries{Left: 3, Max: 3, Pending: true}) {
			t.Errorf("tries in the box: %+v", q)
		}
		if n := arrived.Sub(before); n.DeviceAuthentications != 1 || n.Verifies != 0 {
			t.Errorf("while the user typed: %+v", n)
		}
		if n := b.card.Stats().Sub(arrived); n.KeyAgreements != 0 || n.TriesSpent != 0 {
			t.Errorf("after the PIN: %+v", n)
		}
		if p := b.card.LongestPause(); p != 0 {
			t.Errorf("a pause of %v in a transaction", p)
		}
	})
}

// Tries that another device has spent are noticed before the PIN is sent.
func TestTriesSpentElsewhereAreAskedAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := options(t)
		first := startWith(t, opts, cardtest.Profile{}, right)
		first.wantSigned(sha256Number, false, digest)
		first.pipe.Close()
		first.end()

		b := startWith(t, opts, cardtest.Profile{}, right, "")
		b.card.SetTries(1, 10)
		b.wantStatus(scardCancelled, sha256Number, false, digest)
		if n := len(b.dialog.questions); n != 2 || !b.dialog.questions[1].Last() || b.dialog.questions[1].Wrong {
			t.Errorf("questions: %+v", b.dialog.questions)
		}
		b.wantTries(1)
	})
}

func TestWrongPINIsAskedAgainWithTheTriesLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, cardtest.Profile{}, wrong, "11223344", "")
		b.wantStatus(scardCancelled, sha256Number, false, digest)
		b.wantTries(1)
		want := []struct {
			left        int
			wrong, last bool
		}{{3, false, false}, {2, true, false}, {1, true, true}}
		for i, q := range b.dialog.questions {
			if i >= len(want) || q.Tries.Left != want[i].left || q.Wrong != want[i].wrong || q.Last() != want[i].last || q.Owner != 0x10042 || q.Holder == "" {
				t.Errorf("question %d: %+v", i+1, q)
			}
		}
		if len(b.dialog.questions) != len(want) {
			t.Fatalf("%d questions", len(b.dialog.questions))
		}
		b.dialog.pins = []string{right}
		b.wantSigned(sha256Number, false, digest)
		b.wantTries(3)
	})
}

func TestRepeatedWrongPINIsNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, cardtest.Profile{}, wrong, wrong, wrong, "")
		b.wantStatus(scardCancelled, sha256Number, false, digest)
		b.wantTries(2)
	})
}

// A try that another program uses while the user types makes the next one the last: the box
// asks again, and the PIN that was typed without a confirmation is not sent.
func TestLastTryThatWasNotConfirmedIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, cardtest.Profile{}, wrong, "")
		b.dialog.during = func() { b.card.SetTries(1, 10) }
		b.wantStatus(scardCancelled, sha256Number, false, digest)
		b.wantTries(1)
		if len(b.dialog.questions) != 2 || b.dialog.questions[0].Last() || !b.dialog.questions[1].Last() {
			t.Errorf("questions %+v", b.dialog.questions)
		}
	})
}

func TestBlockedPINIsExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, cardtest.Profile{})
		b.card.SetTries(0, 10)
		b.wantStatus(scardPINBlocked, sha256Number, false, digest)
		var refused *card.PINError
		if len(b.dialog.explained) != 1 || !errors.As(b.dialog.explained[0], &refused) || b.dialog.count() != 0 {
			t.Errorf("explained %v, asked %d times", b.dialog.explained, b.dialog.count())
		}
	})
}

func TestUnacceptedCardIsExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := options(t)
		opts.Roots = sod.BuiltinRoots()
		b := startWith(t, opts, cardtest.Profile{}, right)
		b.wantStatus(scardNotTrusted, sha256Number, false, digest)
		var refused *card.NotAcceptedError
		if len(b.dialog.explained) != 1 || !errors.As(b.dialog.explained[0], &refused) || b.dialog.count() != 0 {
			t.Errorf("explained %v, asked %d times", b.dialog.explained, b.dialog.count())
		}
	})
}

func TestCancelEndsTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, cardtest.Profile{})
		id, c := b.send(opSign, b.signBody(sha256Number, false, digest))
		<-b.dialog.asked
		b.send(opCancel, binary.LittleEndian.AppendUint32(nil, id))
		if a := <-c; a.status != scardCancelled {
			t.Errorf("status %#x", a.status)
		}
		b.wantTries(3)
	})
}

func TestCloseEndsTheLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, cardtest.Profile{}, right)
		b.wantSigned(sha256Number, false, digest)
		first := b.key
		b.key = binary.LittleEndian.Uint32(b.call(opOpen, []byte(Container(b.card.NIS()))).body)
		b.send(opClose, binary.LittleEndian.AppendUint32(nil, first))
		b.wantSigned(sha256Number, true, digest) // the other key holds the login
		b.send(opClose, binary.LittleEndian.AppendUint32(nil, b.key))
		synctest.Wait()
		b.key = binary.LittleEndian.Uint32(b.call(opOpen, []byte(Container(b.card.NIS()))).body)
		b.wantStatus(nteSilentContext, sha256Number, true, digest)
	})
}

func TestLoginEndsWithoutUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, cardtest.Profile{}, right)
		b.wantSigned(sha256Number, false, digest)
		time.Sleep(IdleTime - time.Minute)
		b.wantSigned(sha256Number, true, digest)
		time.Sleep(IdleTime - time.Minute)
		b.wantSigned(sha256Number, true, digest)
		time.Sleep(IdleTime + time.Second)
		b.wantStatus(nteSilentContext, sha256Number, true, digest)
	})
}

func TestThreadsShareOneQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, cardtest.Profile{}, right)
		var waits []chan answer
		for range 4 {
			_, c := b.send(opSign, b.signBody(sha256Number, false, digest))
			waits = append(waits, c)
		}
		for _, c := range waits {
			if a := <-c; a.status != statusOK || rsa.VerifyPKCS1v15(b.public, crypto.SHA256, digest, a.body) != nil {
				t.Errorf("status %#x", a.status)
			}
		}
		if b.dialog.count() != 1 {
			t.Errorf("asked %d times", b.dialog.count())
		}
	})
}

func TestMissingCardIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, cardtest.Profile{}, right, right, right)
		b.wantSigned(sha256Number, false, digest)
		b.service.Remove("reader")
		synctest.Wait()
		b.wantStatus(scardCancelled, sha256Number, false, digest)
		b.dialog.insert = func() bool {
			b.service.Insert("reader", b.card)
			return true
		}
		b.wantSigned(sha256Number, false, digest)
		b.service.Remove("reader")
		synctest.Wait()
		b.dialog.insert = func() bool {
			b.service.Insert("reader", b.card)
			return false // the box closes by itself
		}
		b.wantSigned(sha256Number, false, digest)
		if b.dialog.count() != 3 {
			t.Errorf("asked %d times", b.dialog.count())
		}
	})
}

// The PIN of the agent's card is not asked for another card in the reader.
func TestOtherCardIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, cardtest.Profile{}, right, right)
		b.wantSigned(sha256Number, false, digest)
		other, err := cardtest.New(cardtest.Profile{NIS: "999900000077"})
		if err != nil {
			t.Fatal(err)
		}
		b.service.Remove("reader")
		b.service.Insert("reader", other)
		synctest.Wait()
		b.wantStatus(scardCancelled, sha256Number, false, digest) // the user does not change the card
		if b.dialog.count() != 1 {
			t.Errorf("asked %d times", b.dialog.count())
		}
	})
}

func TestEndOfThePipeEndsTheAgentWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, cardtest.Profile{})
		b.send(opSign, b.signBody(sha256Number, false, digest))
		<-b.dialog.asked
		began := time.Now()
		b.pipe.Close()
		b.end()
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestMalformedRequestEndsTheAgent(t *testing.T) {
	for name, frame := range map[string][]byte{
		"short":          {4, 0, 0, 0, 1, 1, 0, 0},
		"long":           {1, 4, 0, 0},
		"operation":      {5, 0, 0, 0, 9, 1, 0, 0, 0},
		"no container":   {5, 0, 0, 0, 1, 1, 0, 0, 0},
		"control":        {6, 0, 0, 0, 1, 1, 0, 0, 0, 7},
		"short sign":     {18, 0, 0, 0, 2, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"unknown flag":   {19, 0, 0, 0, 2, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0},
		"unknown hash":   {19, 0, 0, 0, 2, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5},
		"wide window":    {19, 0, 0, 0, 2, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0},
		"long close":     {10, 0, 0, 0, 4, 1, 0, 0, 0, 1, 0, 0, 0, 0},
		"ends in middle": {9, 0, 0, 0, 4, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, cardtest.Profile{})
				if _, err := b.pipe.Write(frame); err != nil {
					t.Log(err)
				}
				b.pipe.Close()
				if err := <-b.served; !errors.Is(err, errProtocol) {
					t.Errorf("the agent ended with %v", err)
				}
				b.served = nil
			})
		})
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte{1, 1, 0, 0, 0, 'C'})
	f.Add([]byte{2, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 5})
	f.Add([]byte{3, 1, 0, 0, 0, 1, 0, 0, 0})
	f.Add([]byte{4, 1, 0, 0, 0, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(frame) < 5 || len(frame) > maxFrame {
			return
		}
		q, err := parseRequest(frame)
		if err != nil {
			if !errors.Is(err, errProtocol) {
				t.Errorf("%v", err)
			}
			return
		}
		switch {
		case q.op < opOpen || q.op > opClose:
			t.Errorf("operation %d", q.op)
		case q.op == opOpen && (q.container == "" || len(q.container) > maxContainer):
			t.Errorf("container %q", q.container)
		case q.op != opSign && (q.data != nil || q.hash != 0 || q.silent || q.owner != 0):
			t.Errorf("%+v", q)
		}
	})
}

// BenchmarkPINToSignature reports what a slow card costs from the PIN in the box to the first
// signature, with the channel opened while the user types and without.
func BenchmarkPINToSignature(b *testing.B) {
	for _, way := range []string{"channel-open", "channel-closed"} {
		b.Run(way, func(b *testing.B) {
			var after cardtest.Stats
			for b.Loop() {
				opts := options(b)
				first := startWith(b, opts, cardtest.Profile{}, right)
				first.wantSigned(sha256Number, false, digest)
				first.pipe.Close()
				first.end()
				u := startWith(b, opts, cardtest.Profile{}, right)
				if way == "channel-closed" {
					release, err := opts.State.Share(u.card.NIS())
					if err != nil {
						b.Fatal(err)
					}
					defer release()
				}
				before, arrived := u.card.Stats(), u.card.Stats()
				u.dialog.during = func() {
					if way == "channel-open" {
						await.That(b, "a channel", func() bool { return u.card.Stats().Sub(before).DeviceAuthentications > 0 })
					}
					arrived = u.card.Stats()
				}
				u.wantSigned(sha256Number, false, digest)
				after = u.card.Stats().Sub(arrived)
			}
			b.ReportMetric(float64(after.APDUs), "APDUs-after-PIN")
			b.ReportMetric(after.Modelled.Seconds(), "modelled-s-after-PIN")
			b.ReportMetric(0, "ns/op")
		})
	}
}
