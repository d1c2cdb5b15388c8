package ber

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestConvertsBERToDER(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"0403010203", "0403010203"},
		{"048103010203", "0403010203"},               // longer length than necessary
		{"04840000000101", "040101"},                 //
		{"240504010104 00", "040101"},                // in chunks
		{"24800401010401020000", "04020102"},         // of indefinite length
		{"2480248004010100000401020000", "04020102"}, // nested
		{"3080020101 0000", "3003020101"},
		{"30803080020101 00000000", "30053003020101"},
		{"A080 2480 040101 0000 0000", "A003040101"},
		{"3000", "3000"},
		{"30800000", "3000"},
		{"2C800C01610000", "0C0161"},
	} {
		in := unhex(t, stripped(c.in))
		got, err := DER(in)
		if err != nil || !bytes.Equal(got, unhex(t, c.want)) {
			t.Errorf("%s: %X, %v", c.in, got, err)
		}
	}
	for _, in := range []string{
		"", "04", "0402AA", "0480AA0000", "3080", "308002010100", "1F8101", "300402", "3080020101 0000 00",
		"2480 020101 0000", "04FF", "0489010000000000000000", "04880100000000000000",
	} {
		if got, err := DER(unhex(t, stripped(in))); !errors.Is(err, ErrMalformed) && in != "" {
			t.Errorf("%s: %X, %v", in, got, err)
		}
	}
	deep := append(bytes.Repeat([]byte{0x30, 0x80}, 1000), bytes.Repeat([]byte{0, 0}, 1000)...)
	if _, err := DER(deep); !errors.Is(err, ErrMalformed) {
		t.Error("nested 1000 times")
	}
}

func stripped(s string) string { return string(bytes.ReplaceAll([]byte(s), []byte{' '}, nil)) }

func TestAppendHeaderUsesShortestForm(t *testing.T) {
	for length, want := range map[int64]string{
		0: "0400", 127: "047F", 128: "048180", 256: "04820100", 1 << 24: "048401000000", 1 << 32: "04850100000000",
	} {
		got := AppendHeader(nil, 4, length)
		if !bytes.Equal(got, unhex(t, want)) {
			t.Errorf("%d: %X", length, got)
		}
		if h, err := ReadHeader(got); err != nil || h.Length != length || h.Size != len(got) {
			t.Errorf("%d reads back as %+v, %v", length, h, err)
		}
	}
}

// DER of DER is the same, and never larger than the input.
func FuzzDER(f *testing.F) {
	for _, s := range []string{"0403010203", "2480040101040102 0000", "30803080020101 00000000", "A0802480040101 00000000", "048103010203"} {
		f.Add(unhex(f, stripped(s)))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		der, err := DER(in)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		if len(der) > len(in) {
			t.Fatalf("%X became longer: %X", in, der)
		}
		again, err := DER(der)
		if err != nil || !bytes.Equal(again, der) {
			t.Fatalf("%X, then %X, %v", der, again, err)
		}
	})
}
