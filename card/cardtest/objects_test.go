package cardtest_test

import (
	"bytes"
	"fmt"
	"testing"

	"cie/card/cardtest"
)

// headerList returns the data of GET DATA for a part of an object.
func headerList(id uint32, part ...byte) []byte {
	inner := append([]byte{byte(id >> 16), byte(id >> 8), byte(id), byte(len(part))}, part...)
	return tlvOf([]byte{0x4D}, tlvOf([]byte{0x70}, inner))
}

// TestObjects compares whole answers of GET DATA, before and after device
// authentication, with IAS ECC 3.4 and CIE annex A.
func TestObjectsAreReadable(t *testing.T) {
	_, c := newCard(t, cardtest.Profile{})
	p, g, q := c.dh()
	param := func(tag byte, v []byte) string {
		return fmt.Sprintf("%X", tlvOf([]byte{0x70}, tlvOf([]byte{0xBF, 0xA1, 1}, tlvOf([]byte{0xA3}, tlvOf([]byte{tag}, v)))))
	}
	const denied, absent, wrong = "6982", "6A88", "6A80"
	tests := []struct {
		name          string
		data          []byte
		before, after string
	}{
		{"PIN control", headerList(0xBF8101, 0xA0, 0x80), denied,
			"701EBF81011AA0188403" + "50494E" + "9A01039B0103" + "80020008" + "A1079C05F1D2E4D3E4"},
		{"PUK control", headerList(0xBF8102, 0xA0, 0x80), denied,
			"701CBF810218A0168403" + "50554B" + "9A010A9B010A" + "80020008" + "A1059C03A1E4E4"},
		{"PIN usage", headerList(0xBF8101, 0x7F, 0x41, 0x80), denied, "700DBF8101097F4106800108810108"},
		{"PUK usage", headerList(0xBF8102, 0x7F, 0x41, 0x80), denied, "700DBF8102097F4106800108810108"},
		{"g", headerList(0xBFA101, 0xA3, 2, 0x97, 0), param(0x97, g.Bytes()), ""},
		{"p", headerList(0xBFA101, 0xA3, 2, 0x98, 0), param(0x98, p.Bytes()), ""},
		{"q", headerList(0xBFA101, 0xA3, 2, 0x99, 0), param(0x99, q.Bytes()), ""},
		{"K_DH control", headerList(0xBFA101, 0xA0, 0x80), "7018BFA10114A012840644482E50724B" + "80020100" + "A1049C028100", ""},
		{"K_DH at once", headerList(0xBFA101, 0xA3, 0x80), wrong, ""},
		{"K_DH other part", headerList(0xBFA101, 0xA3, 2, 0x96, 0), wrong, ""},
		{"ExtCV.Kpub control", headerList(0xBFA004, 0xA0, 0x80), "701CBFA00418A0168409" + "45787441752E50754B" + "80020100" + "A1059C03C10000", ""},
		{"Cert_CIE.Kpriv", headerList(0xBF9001, 0x7F, 0x48, 0x80), denied, denied},
		{"Int.Kpriv", headerList(0xBF9002, 0xA0, 0x80), denied, denied},
		{"Servizi_Int.Kpriv", headerList(0xBF9003, 0xA0, 0x80), denied, denied},
		{"SE KEY", headerList(0xBFFB01, 0x7B, 0x80), "700EBFFB010A7B08A406800102840181", ""},
		{"SE KEY control", headerList(0xBFFB01, 0xA0, 0x80), "7019BFFB0115A013840753452E5369676E" + "80020001" + "A1049C028100", ""},
		{"SE PIN", headerList(0xBFFB02, 0x7B, 0x80), denied, denied},
		{"SE PUK", headerList(0xBFFB03, 0x7B, 0x80), denied, denied},
		{"SE DAPP", headerList(0xBFFB04, 0x7B, 0x80), denied, denied},
		{"no such object", headerList(0xBF8103, 0xA0, 0x80), absent, absent},
		{"no such part", headerList(0xBFA004, 0xA2, 0x80), absent, ""},
		{"no whole object", headerList(0xBFA004, 0x80), absent, ""},
		{"part without length", headerList(0xBFA004, 0xA0), wrong, ""},
		{"empty part", headerList(0xBFA004), wrong, ""},
		{"half a tag", headerList(0xBFA004, 0x7F), wrong, ""},
		{"not a header list", []byte{0x4E, 0}, wrong, wrong},
		{"empty", nil, wrong, wrong},
		{"two objects", tlvOf([]byte{0x4D}, bytes.Repeat(tlvOf([]byte{0x70}, []byte{0xBF, 0xA0, 4, 2, 0xA0, 0x80}), 2)), wrong, wrong},
		{"no template", tlvOf([]byte{0x4D}, []byte{0xBF, 0xA0, 4, 2, 0xA0, 0x80}), wrong, wrong},
	}
	check := func(when string) {
		for _, test := range tests {
			want := test.before
			if when == "after" && test.after != "" {
				want = test.after
			}
			out, sw := c.do(0xCB, 0x3F, 0xFF, test.data, 0)
			got := fmt.Sprintf("%X", out)
			if sw != 0x9000 {
				got = fmt.Sprintf("%04X", sw)
			}
			if got != want {
				t.Errorf("%s, %s device authentication\n got %s\nwant %s", test.name, when, got, want)
			}
		}
	}
	check("before")
	c.must(0x6A86, 0xCB, 0x3F, 0xFE, tests[0].data, 0)
	c.authenticate()
	check("after")
	c.must(0x6985, 0xCB, 0x3F, 0xFF, []byte{0x4D, 4, 0xA6, 2, 0x91, 0}, 0) // no key agreement under way
}

func TestRootKeyIsReadable(t *testing.T) {
	_, c := newCard(t, cardtest.Profile{})
	c.enterCIE()
	out := c.must(0x9000, 0xCB, 0x3F, 0xFF, headerList(0xBFA004, 0x7F, 0x49, 0x80), 0)
	n := c.root()
	i := bytes.Index(out, []byte{0x82, 0x82})
	if i < 0 {
		t.Fatalf("no public exponent in %X", out)
	}
	length := int(out[i+2])<<8 | int(out[i+3])
	e := out[i+4 : i+4+length]
	inner := bytes.Join([][]byte{
		tlvOf([]byte{0x81}, n.Bytes()), tlvOf([]byte{0x82}, e),
		tlvOf([]byte{0x5F, 0x20}, []byte("\x00\x00\x00\x00ITCIE\x10\x01\x15")),
		tlvOf([]byte{0x5F, 0x4C}, []byte{0xA0, 0, 0, 0, 0, 0x39, 0}),
	}, nil)
	want := tlvOf([]byte{0x70}, tlvOf([]byte{0xBF, 0xA0, 4}, tlvOf([]byte{0x7F, 0x49}, inner)))
	if !bytes.Equal(out, want) {
		t.Errorf("got %X\nwant %X", out, want)
	}
}

// Gemalto chips return all parameters at once, the others one at a time, and each refuses
// the other form.
func TestDHFormDependsOnFamily(t *testing.T) {
	for _, f := range cardtest.Families() {
		_, c := newCard(t, cardtest.Profile{Family: f})
		p, g, q := c.dh()
		atOnce, sw1 := c.do(0xCB, 0x3F, 0xFF, headerList(0xBFA101, 0xA3, 0x80), 0)
		_, sw2 := c.do(0xCB, 0x3F, 0xFF, headerList(0xBFA101, 0xA3, 2, 0x97, 0), 0)
		if f == cardtest.Gemalto || f == cardtest.Gemalto2 {
			all := bytes.Join([][]byte{tlvOf([]byte{0x97}, g.Bytes()), tlvOf([]byte{0x98}, p.Bytes()), tlvOf([]byte{0x99}, q.Bytes())}, nil)
			want := tlvOf([]byte{0x70}, tlvOf([]byte{0xBF, 0xA1, 1}, tlvOf([]byte{0xA3}, all)))
			if sw1 != 0x9000 || sw2 != 0x6A80 || !bytes.Equal(atOnce, want) {
				t.Errorf("%v: %04X, %04X, %X", f, sw1, sw2, atOnce)
			}
		} else if sw1 != 0x6A80 || sw2 != 0x9000 {
			t.Errorf("%v: %04X, %04X", f, sw1, sw2)
		}
	}
}
