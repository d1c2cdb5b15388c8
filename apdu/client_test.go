package apdu_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"cie/apdu"
)

// script is a card that returns its answers in order and records the commands.
// After the last answer it repeats it.
type script struct {
	t       testing.TB
	answers []string
	err     error // returned after the last answer, if set
	sent    [][]byte
}

func (s *script) Transmit(command []byte) ([]byte, error) {
	s.sent = append(s.sent, bytes.Clone(command))
	n := len(s.sent) - 1
	if n >= len(s.answers) {
		if s.err != nil {
			return nil, s.err
		}
		n = len(s.answers) - 1
	}
	return unhex(s.t, s.answers[n]), nil
}

func TestClientSendFollowsStatusWords(t *testing.T) {
	long := bytes.Repeat([]byte{0xAB}, 600)
	abs := func(n int) string { return fmt.Sprintf("%X", long[:n]) }
	read := apdu.Command{INS: 0xB0, Ne: 256}
	for _, c := range []struct {
		name    string
		config  apdu.Config
		command apdu.Command
		answers []string
		sent    []string
		want    string
		stats   apdu.Stats // GetResponses and Repeats only
	}{
		{
			name:    "plain",
			command: apdu.Command{INS: 0xA4, P1: 4, P2: 0x0C, Data: []byte{0xA0}},
			answers: []string{"6A82"},
			sent:    []string{"00A4040C01A0"},
			want:    "6A82",
		},
		{
			name:    "61xx in pieces",
			command: apdu.Command{INS: 0xCB, P1: 0x3F, P2: 0xFF, Data: []byte{0x4D, 0}, Ne: 256},
			answers: []string{"01026100", "03046103", "059000"},
			sent:    []string{"00CB3FFF024D0000", "00C0000000", "00C0000003"},
			want:    "01020304059000",
			stats:   apdu.Stats{GetResponses: 2},
		},
		{
			name:    "61xx without Le",
			command: apdu.Command{INS: 0x88, Data: []byte{1}},
			answers: []string{"6102", "AABB9000"},
			sent:    []string{"008800000101", "00C0000002"},
			want:    "AABB9000",
			stats:   apdu.Stats{GetResponses: 1},
		},
		{
			name:    "pieces end with another status",
			command: read,
			answers: []string{"016102", "026282"},
			sent:    []string{"00B0000000", "00C0000002"},
			want:    "01026282",
			stats:   apdu.Stats{GetResponses: 1},
		},
		{
			name:    "61xx under secure messaging is fetched in the clear",
			command: apdu.Command{CLA: 0x0C, INS: 0x88, Data: []byte{0x8E, 0}, Ne: 256},
			answers: []string{"99026102", "90009000"},
			sent:    []string{"0C880000028E0000", "00C0000002"},
			want:    "990290009000",
			stats:   apdu.Stats{GetResponses: 1},
		},
		{
			name:    "logical channel stays",
			command: apdu.Command{CLA: 0x01, INS: 0xB0, Ne: 256},
			answers: []string{"6101", "019000"},
			sent:    []string{"01B0000000", "01C0000001"},
			want:    "019000",
			stats:   apdu.Stats{GetResponses: 1},
		},
		{
			name:    "6Cxx to GET RESPONSE",
			command: read,
			answers: []string{"6100", "6C02", "01029000"},
			sent:    []string{"00B0000000", "00C0000000", "00C0000002"},
			want:    "01029000",
			stats:   apdu.Stats{GetResponses: 2, Repeats: 1},
		},
		{
			name:    "chain",
			command: apdu.Command{INS: 0x22, P1: 0x41, P2: 0xA6, Data: long, Ne: 256},
			answers: []string{"9000", "9000", "AA9000"},
			sent:    []string{"102241A6FF" + abs(255), "102241A6FF" + abs(255), "002241A65A" + abs(90) + "00"},
			want:    "AA9000",
		},
		{
			name:    "chain with 61xx in the middle",
			command: apdu.Command{INS: 0x22, P1: 0x41, P2: 0xA6, Data: long[:256]},
			answers: []string{"610A", "6101", "AA9000"},
			sent:    []string{"102241A6FF" + abs(255), "002241A601AB", "00C0000001"},
			want:    "AA9000",
			stats:   apdu.Stats{GetResponses: 1},
		},
		{
			name:    "chain that is refused ends there",
			command: apdu.Command{INS: 0x22, Data: long},
			answers: []string{"9000", "6884"},
			sent:    []string{"10220000FF" + abs(255), "10220000FF" + abs(255)},
			want:    "6884",
		},
		{
			name:    "chain of shorter blocks",
			config:  apdu.Config{MaxData: 2},
			command: apdu.Command{INS: 0x22, Data: long[:4]},
			answers: []string{"9000", "9000"},
			sent:    []string{"1022000002ABAB", "0022000002ABAB"},
			want:    "9000",
		},
		{
			name:    "6Cxx at the end of a chain",
			config:  apdu.Config{MaxData: 2},
			command: apdu.Command{INS: 0x22, Data: long[:3], Ne: 256},
			answers: []string{"9000", "6C01"},
			sent:    []string{"1022000002ABAB", "0022000001AB00"},
			want:    "6C01",
		},
		{
			name:    "chaining bit of the caller",
			command: apdu.Command{CLA: 0x10, INS: 0x22, Data: long[:1]},
			answers: []string{"6110"},
			sent:    []string{"1022000001AB"},
			want:    "6110",
		},
		{
			name:    "6Cxx",
			command: read,
			answers: []string{"6C03", "0102039000"},
			sent:    []string{"00B0000000", "00B0000003"},
			want:    "0102039000",
			stats:   apdu.Stats{Repeats: 1},
		},
		{
			name:    "6Cxx again and again",
			command: read,
			answers: []string{"6C03", "6C02"},
			sent:    []string{"00B0000000", "00B0000003"},
			want:    "6C02",
			stats:   apdu.Stats{Repeats: 1},
		},
		{
			name:    "6Cxx for the Le that was sent",
			command: read,
			answers: []string{"6C00"},
			sent:    []string{"00B0000000"},
			want:    "6C00",
		},
		{
			name:    "6Cxx, then 61xx",
			command: read,
			answers: []string{"6C03", "6102", "AABB9000"},
			sent:    []string{"00B0000000", "00B0000003", "00C0000002"},
			want:    "AABB9000",
			stats:   apdu.Stats{GetResponses: 1, Repeats: 1},
		},
		{
			name:    "6Cxx under secure messaging",
			command: apdu.Command{CLA: 0x0C, INS: 0xB0, Data: []byte{0x8E, 0}, Ne: 256},
			answers: []string{"6C03"},
			sent:    []string{"0CB00000028E0000"},
			want:    "6C03",
		},
		{
			name:    "6Cxx to another command than READ BINARY",
			command: apdu.Command{INS: 0xCB, P1: 0x3F, P2: 0xFF, Data: []byte{0x4D, 0}, Ne: 256},
			answers: []string{"6C03"},
			sent:    []string{"00CB3FFF024D0000"},
			want:    "6C03",
		},
		{
			name:    "GET RESPONSE refused once is no other class",
			command: apdu.Command{CLA: 0x0C, INS: 0xB0, Data: []byte{0x8E, 0}, Ne: 256},
			answers: []string{"6100", "6F00"},
			sent:    []string{"0CB00000028E0000", "00C0000000"},
			want:    "6F00",
			stats:   apdu.Stats{GetResponses: 1},
		},
		{
			name:    "GET RESPONSE keeps its class outside of secure messaging",
			command: read,
			answers: []string{"6102", "6E00"},
			sent:    []string{"00B0000000", "00C0000002"},
			want:    "6E00",
			stats:   apdu.Stats{GetResponses: 1},
		},
		{
			name:    "GET RESPONSE refused with both classes",
			command: apdu.Command{CLA: 0x0C, INS: 0xB0, Data: []byte{0x8E, 0}, Ne: 256},
			answers: []string{"6102", "6988", "6988"},
			sent:    []string{"0CB00000028E0000", "00C0000002", "0CC0000002"},
			want:    "6988",
			stats:   apdu.Stats{GetResponses: 2},
		},
		{
			name:    "Ne above 256 is 256 in short form",
			command: apdu.Command{INS: 0xB0, Ne: 65536, Extended: true},
			answers: []string{"9000"},
			sent:    []string{"00B0000000"},
			want:    "9000",
		},
		{
			name:    "extended where allowed",
			config:  apdu.Config{Extended: true, MaxData: 300},
			command: apdu.Command{INS: 0x22, Data: long[:301], Ne: 65536},
			answers: []string{"9000", "9000"},
			sent:    []string{"1022000000012C" + abs(300), "00220000000001AB0000"},
			want:    "9000",
		},
		{
			name:    "MaxData above 255 without extended",
			config:  apdu.Config{MaxData: 300},
			command: apdu.Command{INS: 0x22, Data: long[:256]},
			answers: []string{"9000"},
			sent:    []string{"10220000FF" + abs(255), "0022000001AB"},
			want:    "9000",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			card := &script{t: t, answers: c.answers}
			client := apdu.NewClient(card, c.config)
			r, err := client.Send(c.command)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%X", r.Encode()); got != c.want {
				t.Errorf("response %s, want %s", got, c.want)
			}
			var up int64
			sent := make([]string, len(card.sent))
			for i, b := range card.sent {
				sent[i] = fmt.Sprintf("%X", b)
				up += int64(len(b))
			}
			if !slices.Equal(sent, c.sent) {
				t.Errorf("sent\n%q, want\n%q", sent, c.sent)
			}
			stats := client.Stats()
			if stats.APDUs != int64(len(sent)) || stats.GetResponses != c.stats.GetResponses ||
				stats.Repeats != c.stats.Repeats || stats.BytesUp != up || stats.BytesDown < 2*stats.APDUs {
				t.Errorf("%+v", stats)
			}
		})
	}
}

// After a chip refused the class of GET RESPONSE for a response under secure
// messaging, the client uses the other one, and later the first one again.
func TestClientLearnsGetResponse(t *testing.T) {
	for _, refusal := range []string{"6E00", "6882", "6988"} {
		card := &script{t: t, answers: []string{
			"6104", refusal, "01026102", "03049000", // learns 0C and uses it for the second piece too
			"6101", "019000",
			"6101", refusal, "019000", // learns 00
			"6101", "019000",
		}}
		client := apdu.NewClient(card, apdu.Config{})
		read := apdu.Command{CLA: 0x0C, INS: 0xB0, Data: []byte{0x8E, 0}, Ne: 256}
		for i, want := range []bool{true, true, false, false} {
			if r, err := client.Send(read); err != nil || r.SW != apdu.SWOK {
				t.Fatalf("%s: command %d: %v, %v", refusal, i, r, err)
			}
			if got := client.SecureGetResponse(); got != want {
				t.Errorf("%s: command %d: secure %v, want %v", refusal, i, got, want)
			}
		}
		var got []string
		for _, b := range card.sent {
			if b[1] == 0xC0 {
				got = append(got, fmt.Sprintf("%X", b))
			}
		}
		want := []string{"00C0000004", "0CC0000004", "0CC0000002", "0CC0000001", "0CC0000001", "00C0000001", "00C0000001"}
		if !slices.Equal(got, want) {
			t.Errorf("%s: sent\n%q, want\n%q", refusal, got, want)
		}
	}
}

// No command that presents a PIN or a PUK, or is part of an authentication, is
// sent twice.
func TestClientNeverRepeatsCodes(t *testing.T) {
	for _, ins := range []byte{0x20, 0x21, 0x24, 0x25, 0x2C, 0x2D, 0x82, 0x83} {
		for _, ne := range []int{0, 256} {
			card := &script{t: t, answers: []string{"6C08"}}
			r, err := apdu.NewClient(card, apdu.Config{}).Send(apdu.Command{INS: ins, Data: []byte("12345678"), Ne: ne})
			if err != nil || r.SW != 0x6C08 || len(card.sent) != 1 {
				t.Errorf("%02X, Ne %d: sent %d times, %v, %v", ins, ne, len(card.sent), r, err)
			}
		}
	}
}

// A client stops after a limited number of commands and bytes when a card
// announces data without end.
func TestClientStopsRunawayCard(t *testing.T) {
	full := fmt.Sprintf("%X", make([]byte, 256))
	for _, c := range []struct {
		name   string
		config apdu.Config
		answer string
		most   int // commands
	}{
		{"announces, sends nothing", apdu.Config{}, "6101", 2},
		{"byte by byte", apdu.Config{}, "016101", 513},
		{"full pieces", apdu.Config{}, full + "6100", 257},
		{"full pieces, low limit", apdu.Config{MaxResponse: 1000}, full + "6100", 4},
		{"one answer too long", apdu.Config{MaxResponse: 255}, full + "9000", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			card := &script{t: t, answers: []string{c.answer}}
			r, err := apdu.NewClient(card, c.config).Send(apdu.Command{INS: 0xB0, Ne: 256})
			if !errors.Is(err, apdu.ErrRunaway) || r.SW != 0 {
				t.Errorf("%v, %v", r, err)
			}
			if len(card.sent) > c.most {
				t.Errorf("%d commands", len(card.sent))
			}
		})
	}
	t.Run("longest response that is allowed", func(t *testing.T) {
		card := &script{t: t, answers: append(slices.Repeat([]string{full + "6100"}, 255), full+"9000")}
		r, err := apdu.NewClient(card, apdu.Config{}).Send(apdu.Command{INS: 0xB0, Ne: 256})
		if err != nil || len(r.Data) != 64<<10 || r.SW != apdu.SWOK {
			t.Errorf("%v, %v", r, err)
		}
	})
}

func TestClientReturnsErrorsOfLink(t *testing.T) {
	for _, c := range []struct {
		name    string
		command apdu.Command
		answers []string
		want    error
		sent    int
	}{
		{"removed at once", apdu.Command{INS: 0xA4}, nil, apdu.ErrRemoved, 1},
		{"removed in the chain", apdu.Command{INS: 0x22, Data: make([]byte, 600)}, []string{"9000"}, apdu.ErrRemoved, 2},
		{"removed at the last block", apdu.Command{INS: 0x22, Data: make([]byte, 300)}, []string{"9000"}, apdu.ErrRemoved, 2},
		{"removed at GET RESPONSE", apdu.Command{INS: 0xB0, Ne: 1}, []string{"6101"}, apdu.ErrRemoved, 2},
		{"removed at 6Cxx", apdu.Command{INS: 0xB0, Ne: 1}, []string{"6C02"}, apdu.ErrRemoved, 2},
		{"removed at 6Cxx of GET RESPONSE", apdu.Command{INS: 0xB0, Ne: 1}, []string{"6101", "6C02"}, apdu.ErrRemoved, 3},
		{"no status word", apdu.Command{INS: 0xB0}, []string{"90"}, apdu.ErrResponse, 1},
		{"nothing at all", apdu.Command{INS: 0xB0}, []string{""}, apdu.ErrResponse, 1},
		{"Ne", apdu.Command{INS: 0xB0, Ne: 65537}, nil, apdu.ErrCommand, 0},
		{"negative Ne", apdu.Command{INS: 0xB0, Ne: -1}, nil, apdu.ErrCommand, 0},
		{"data", apdu.Command{INS: 0xB0, Data: make([]byte, 65536)}, nil, apdu.ErrCommand, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			card := &script{t: t, answers: c.answers, err: apdu.ErrRemoved}
			r, err := apdu.NewClient(card, apdu.Config{}).Send(c.command)
			if !errors.Is(err, c.want) || r.SW != 0 || len(r.Data) != 0 {
				t.Errorf("%v, %v", r, err)
			}
			if len(card.sent) != c.sent {
				t.Errorf("%d commands sent, want %d", len(card.sent), c.sent)
			}
		})
	}
}

func TestClientTracesEveryExchange(t *testing.T) {
	var seen []apdu.Exchange
	card := &script{t: t, answers: []string{"6101", "AA9000"}, err: apdu.ErrMute}
	client := apdu.NewClient(card, apdu.Config{Trace: func(e apdu.Exchange) { seen = append(seen, e) }})
	if _, err := client.Send(apdu.Command{INS: 0xB0, Ne: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Send(apdu.Command{INS: 0xA4}); !errors.Is(err, apdu.ErrMute) {
		t.Fatal(err)
	}
	var got []string
	for _, e := range seen {
		got = append(got, fmt.Sprintf("%X %X %v", e.Command, e.Response, e.Err))
	}
	want := []string{"00B0000001 6101 <nil>", "00C0000001 AA9000 <nil>", "00A40000  card does not answer"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// pieces is a card that splits every response. A command between the parts of
// another one gives a wrong response.
type pieces struct {
	mu      sync.Mutex
	pending byte
}

func (p *pieces) Transmit(command []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if command[1] == 0xC0 {
		return []byte{p.pending, 0x90, 0x00}, nil
	}
	p.pending = command[2]
	return []byte{command[2], 0x61, 0x01}, nil
}

// Goroutines that send at the same time get the responses to their own commands.
func TestClientSerialisesSends(t *testing.T) {
	client := apdu.NewClient(&pieces{}, apdu.Config{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 50 {
				r, err := client.Send(apdu.Command{INS: 0xB0, P1: byte(i), Ne: 256})
				if err != nil || !bytes.Equal(r.Data, []byte{byte(i), byte(i)}) {
					t.Errorf("%d: %v, %v", i, r.Data, err)
				}
			}
		})
	}
	wg.Wait()
	if s := client.Stats(); s.APDUs != 800 || s.GetResponses != 400 {
		t.Errorf("%+v", s)
	}
}

// fuzzCard is a card that returns the pieces of a byte string, whose bytes also
// give their lengths, and is removed at the end.
type fuzzCard struct {
	script []byte
	sent   int
}

func (c *fuzzCard) Transmit([]byte) ([]byte, error) {
	c.sent++
	if len(c.script) == 0 {
		return nil, apdu.ErrRemoved
	}
	n := min(int(c.script[0]), len(c.script)-1)
	answer := c.script[1 : 1+n]
	c.script = c.script[1+n:]
	return answer, nil
}

// FuzzClient sends a command to a card that returns arbitrary responses.
func FuzzClient(f *testing.F) {
	f.Add([]byte{0x00, 0xB0, 0, 0, 0}, []byte("\x02\x61\x03\x05123\x90\x00"), uint16(0))
	f.Add([]byte{0x00, 0xB0, 0, 0, 0}, []byte("\x02\x6C\x03\x05123\x90\x00"), uint16(0))
	f.Add([]byte{0x0C, 0x2A, 0, 0, 3, 1, 2, 3}, []byte("\x02\x61\x00\x02\x61\x00\x02\x61\x00\x02\x61\x00"), uint16(1))
	f.Add([]byte{0x10, 0x2A, 0, 0, 3, 1, 2, 3}, []byte("\x02\x61\x00"), uint16(0))
	f.Fuzz(func(t *testing.T, command, answers []byte, maxData uint16) {
		cmd, err := apdu.ParseCommand(command)
		if err != nil {
			return
		}
		const limit = 1000
		card := &fuzzCard{script: answers}
		client := apdu.NewClient(card, apdu.Config{MaxData: int(maxData), MaxResponse: limit})
		r, err := client.Send(cmd)
		if err != nil {
			if !errors.Is(err, apdu.ErrRemoved) && !errors.Is(err, apdu.ErrResponse) && !errors.Is(err, apdu.ErrRunaway) {
				t.Fatalf("undocumented error: %v", err)
			}
			if r.SW != 0 || r.Data != nil {
				t.Fatalf("a response beside the error %v: %v", err, r)
			}
		}
		if len(r.Data) > limit {
			t.Fatalf("%d bytes", len(r.Data))
		}
		if _, more := r.SW.Remaining(); more && cmd.CLA&0x10 == 0 {
			t.Fatalf("%v returned", r)
		}
		blocks := int64(len(cmd.Data) + 1)
		s := client.Stats()
		if s.APDUs != int64(card.sent) || s.APDUs > blocks+1+s.GetResponses || s.GetResponses > 2*512 {
			t.Fatalf("%+v for %v", s, cmd)
		}
		if cmd.CLA&0x10 != 0 && s.GetResponses > 0 {
			t.Fatal("GET RESPONSE in a chain")
		}
	})
}
