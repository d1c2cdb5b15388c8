package cardtest_test

import (
	"bytes"
	"flag"
	"math/big"
	"os"
	"testing"

	"cie/card/cardtest"
)

var update = flag.Bool("update", false, "write the golden traces anew")

// The complete trace of a session, including secure messaging, equals the committed one.
// It does not depend on the key pool.
func TestGoldenTraceIsReproduced(t *testing.T) {
	card, c := newCard(t, cardtest.Profile{Rand: threes{}, Family: cardtest.Gemalto, Files: map[uint16][]byte{
		0x1004: []byte("no key at all"),
	}})
	c.secret = big.NewInt(5)
	var got bytes.Buffer
	card.Trace(&got)

	exchange(t, card, "00A4040C0DA0000000308000000009816001 -> 9000", "00A4020402D003 -> 9000",
		"00B0000080 -> 5A0A8025009999000000011F6282", "00B0000C01 -> 6B00",
		"00A4040C06A00000000039 -> 9000", "00A4020C021008 -> 6A82", "00B0810000 -> 3939393930303030303030316282",
		"00B0820009 -> 6982", "00CB3FFF064D04A6029100 -> 6985", "00FF000000 -> 6D00", "80A40000 -> 6E00")
	p, g, q := c.dh()
	c.agree(p, g, q)
	c.must(0x9000, 0xB0, 0x81, 0, nil, 12)
	c.must(0x9000, 0xB1, 0, 4, []byte{0x54, 2, 0, 3}, 6)
	c.must(0x9000, 0xA4, 2, 4, []byte{0x10, 0x02}, -1)
	c.must(0x6982, 0xB0, 0, 0, nil, 9)
	c.must(0x9000, 0x84, 0, 0, nil, 8)
	c.verify(0x6982, 0x81, []byte("55555555"))
	c.must(0x9000, 0x22, 0x81, 0xB6, []byte{0x80, 1, 0x41, 0x83, 1, 0x84}, 0)
	c.must(0x6A80, 0x2A, 0, 0xAE, bytes.Repeat([]byte{0x7F}, 0xF0), -1)
	c.must(0x6982, 0x2C, 3, 0x81, nil, -1)
	out := card.Exchange(c.wrap(0, 0xCB, 0x3F, 0xFF, headerList(0xBFA101, 0xA3, 0x80), 0))
	for out[len(out)-2] == 0x61 {
		out = card.Exchange([]byte{0, 0xC0, 0, 0, out[len(out)-1]})
	}
	card.Exchange(c.wrap(0, 0xB0, 0x81, 0, nil, 12)) // the counter is off by the answer above
	card.Trace(nil)

	const path = "testdata/golden.trace"
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := bytes.Split(got.Bytes(), []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range min(len(gotLines), len(wantLines)) {
		if !bytes.Equal(gotLines[i], wantLines[i]) {
			t.Fatalf("line %d\n got %s\nwant %s", i+1, gotLines[i], wantLines[i])
		}
	}
	if len(gotLines) != len(wantLines) {
		t.Errorf("%d lines, want %d", len(gotLines), len(wantLines))
	}
}
