package apdu_test

import (
	"testing"

	"cie/apdu"
)

func BenchmarkCommand(b *testing.B) {
	c := apdu.Command{CLA: 0x0C, INS: 0x2A, P2: 0xAE, Data: make([]byte, 249), Ne: 256}
	b.ReportAllocs()
	for b.Loop() {
		raw, err := c.Encode()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := apdu.ParseCommand(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFindTLV(b *testing.B) {
	key := apdu.AppendTLV(nil, 0x81, make([]byte, 256))
	key = apdu.AppendTLV(key, 0x82, []byte{1, 0, 1})
	key = apdu.AppendTLV(nil, 0x70, apdu.AppendTLV(nil, 0xBFA004, apdu.AppendTLV(nil, 0x7F49, key)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := apdu.FindTLV(key, 0x70, 0xBFA004, 0x7F49, 0x82); err != nil {
			b.Fatal(err)
		}
	}
}

// endless is a card that sends its data in pieces of full size.
type endless struct{ left int }

func (e *endless) Transmit([]byte) ([]byte, error) {
	n := min(e.left, 256)
	e.left -= n
	return apdu.Response{Data: make([]byte, n), SW: more(e.left)}.Encode(), nil
}

func more(left int) apdu.SW {
	if left == 0 {
		return apdu.SWOK
	}
	if left > 255 {
		return apdu.SWMoreData
	}
	return apdu.SWMoreData | apdu.SW(left)
}

// BenchmarkLongResponse fetches 2 KiB with GET RESPONSE.
func BenchmarkLongResponse(b *testing.B) {
	card := &endless{}
	client := apdu.NewClient(card, apdu.Config{})
	for b.Loop() {
		card.left = 2048
		if r, err := client.Send(apdu.Command{INS: 0xCB, Ne: 256}); err != nil || len(r.Data) != 2048 {
			b.Fatal(r, err)
		}
	}
	s := client.Stats()
	b.ReportMetric(float64(s.APDUs)/float64(b.N), "APDUs/op")
	b.ReportMetric(float64(s.BytesUp)/float64(b.N), "B-up/op")
	b.ReportMetric(float64(s.BytesDown)/float64(b.N), "B-down/op")
}
