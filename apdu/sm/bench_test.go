package sm

import (
	"fmt"
	"testing"

	"cie/apdu"
)

// link makes a card a Transport, so that a Client counts the bytes of the link.
type link struct{ card *card }

func (l link) Transmit(raw []byte) ([]byte, error) {
	cmd, err := apdu.ParseCommand(raw)
	if err != nil {
		return nil, err
	}
	r, err := l.card.Send(cmd)
	l.card.got = l.card.got[:0]
	return r.Encode(), err
}

// BenchmarkRead reads a certificate of 1700 bytes. The time is that of card and
// host; the bytes are those that a reader would transmit.
func BenchmarkRead(b *testing.B) {
	const size = 1700
	for _, block := range []int{128, MaxPlain} {
		b.Run(fmt.Sprintf("%d-byte blocks", block), func(b *testing.B) {
			c := newCard(b)
			file := make([]byte, size)
			c.answer = func(_ int, cmd apdu.Command) ([]byte, apdu.SW) {
				at := int(cmd.P1)<<8 | int(cmd.P2)
				return file[at:min(at+cmd.Ne, size)], apdu.SWOK
			}
			client := apdu.NewClient(link{c}, apdu.Config{})
			ch := New(client, &testKeys, testSSC)
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				for at := 0; at < size; at += block {
					r, err := ch.Send(apdu.Command{INS: 0xB0, P1: byte(at >> 8), P2: byte(at), Ne: min(block, size-at)})
					if err != nil || r.SW != apdu.SWOK {
						b.Fatal(r, err)
					}
				}
			}
			s := client.Stats()
			b.ReportMetric(float64(s.APDUs)/float64(b.N), "APDUs/op")
			b.ReportMetric(float64(s.BytesUp)/float64(b.N), "B-up/op")
			b.ReportMetric(float64(s.BytesDown)/float64(b.N), "B-down/op")
		})
	}
}

func BenchmarkDeriveKeys(b *testing.B) {
	zz := make([]byte, 256)
	for b.Loop() {
		DeriveKeys(zz).Wipe()
	}
}
