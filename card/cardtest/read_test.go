package cardtest_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"cie/card/cardtest"
)

// exchange sends hexadecimal commands to a new card and compares the responses. An expected
// response that ends in * is a prefix.
func exchange(t *testing.T, c *cardtest.Card, steps ...string) {
	t.Helper()
	for _, step := range steps {
		cmd, want, _ := strings.Cut(step, " -> ")
		got := fmt.Sprintf("%X", c.Exchange(fromHex(t, cmd)))
		if prefix, ok := strings.CutSuffix(want, "*"); ok && strings.HasPrefix(got, prefix) {
			continue
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", cmd, got, want)
		}
	}
}

func TestSelectReturnsFCPOnRequest(t *testing.T) {
	for name, steps := range map[string][]string{
		"root after reset": {"00B09D0004 -> 4301B8469000", "00A4020C02D003 -> 9000", "00B000000C -> 5A0A8025009999000000011F9000"},
		"root forms": {
			"00A4040C06A00000000039 -> 9000", "00A40000 -> 9000", "00A4020402D003 -> 9000",
			"00A4040C06A00000000039 -> 9000", "00A40000023F00 -> 9000", "00A4020C02D003 -> 9000",
			"00A4040C06A00000000039 -> 9000", "00A4000C -> 9000", "00A4020C02D003 -> 9000",
		},
		"no root files in the application": {
			"00A4040C06A00000000039 -> 9000", "00A4020C02D003 -> 6A82", "00A4020C021001 -> 9000",
			"00A40000 -> 9000", "00A4020C021001 -> 6A82",
		},
		"a failing selection changes nothing": {
			"00A4040C06A00000000039 -> 9000", "00A4020C021001 -> 9000",
			"00A4040C05A0000000FF -> 6A82", "00A40000021234 -> 6A82", "00A4020C02FFFF -> 6A82",
			"00A4021C021001 -> 6A86", "00A4080C021001 -> 6A86", "00A4020C0110 -> 6A87",
			"00A4010C021001 -> 6A82", "00A4030C -> 6A82",
			"00B000000C -> 3939393930303030303030319000",
		},
		"a selected DF has no current EF": {
			"00A4020C02D003 -> 9000", "00A40000 -> 9000", "00B0000000 -> 6986",
		},
		"a path of one": {"00A4090C02D003 -> 9000", "00B000000C -> 5A0A80*"},
		"file control parameters when asked for": {
			"00A4020402D00300 -> 62168002000C8201018302D00388008A0105A1049C0201009000",
			"00A40204022F0100 -> 62178002002E82010183022F018801E88A0105A1049C0201009000",
			"00A40004023F0000 -> 62*",
			"00A4040406A0000000003900 -> 62138201388406A000000000398A0105A1039C01009000",
			"00A4020402100200 -> 621780020009820101830210028801108A0105A1049C0201D29000",
		},
		"the travel document is closed": {
			"00A4040C07A0000002471001 -> 9000", "00B0810004 -> 6A82", "00A4020C021001 -> 6A82",
			"00A40000 -> 9000", "00A4040C06A00000000039 -> 9000",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := newCard(t, cardtest.Profile{})
			exchange(t, c, steps...)
		})
	}
}

func TestSelectIASByName(t *testing.T) {
	byName := map[cardtest.Family]bool{
		cardtest.Gemalto: true, cardtest.Gemalto2: true, cardtest.STM: true, cardtest.STM2: true, cardtest.Unknown: true,
	}
	for _, f := range cardtest.Families() {
		want := "6A82"
		if byName[f] {
			want = "9000"
		}
		c, _ := newCard(t, cardtest.Profile{Family: f})
		exchange(t, c, "00A4040C0DA0000000308000000009816001 -> "+want)
	}
}

func TestReadBinaryInEveryForm(t *testing.T) {
	content := make([]byte, 600)
	for i := range content {
		content[i] = byte(i)
	}
	at := func(from, n int) string { return strings.ToUpper(hex.EncodeToString(content[from : from+n])) }
	for name, steps := range map[string][]string{
		"no current EF": {"00B0000010 -> 6986", "00B1000004540200000A -> 6986"},
		"at most E7": {
			"00A4020C021005 -> 9000",
			"00B0000000 -> " + at(0, 0xE7) + "9000",
			"00B00000E7 -> " + at(0, 0xE7) + "9000",
			"00B00000FF -> " + at(0, 0xE7) + "9000",
			"00B00000 -> " + at(0, 0xE7) + "9000",
			"00B0000001 -> 009000",
		},
		"at most E4 with odd INS": {
			"00A4020C021005 -> 9000",
			"00B100000454020000" + "00 -> 5381E4" + at(0, 0xE4) + "9000",
			"00B100000454020000" + "E7 -> 5381E4" + at(0, 0xE4) + "9000",
			"00B100000454020000" + "82 -> 537F" + at(0, 0x7F) + "9000",
			"00B100000454020000" + "81 -> 537F" + at(0, 0x7F) + "9000",
			"00B100000454020000" + "83 -> 538180" + at(0, 0x80) + "9000",
			"00B100000454020000" + "03 -> 5301009000",
			"00B100000454020000" + "01 -> 6700",
			"00B10000025400 -> 6A80", "00B1000005540300000000 -> 6A80", "00B10000 -> 6A80",
		},
		"end of file": {
			"00A4020C021005 -> 9000",
			"00B0020058 -> " + at(0x200, 0x58) + "9000",
			"00B0020059 -> " + at(0x200, 0x58) + "6282",
			"00B0020000 -> " + at(0x200, 0x58) + "6282",
			"00B0025710 -> " + at(0x257, 1) + "6282",
			"00B0025801 -> 6B00", "00B07FFF00 -> 6B00",
			"00B100000454020257" + "00 -> 5301" + at(0x257, 1) + "6282",
			"00B100000454020258" + "00 -> 6B00", "00B10000045402FFFF" + "00 -> 6B00",
		},
		"short identifier": {
			"00B0850210 -> " + at(2, 0x10) + "9000",
			"00B0010010 -> " + at(0x100, 0x10) + "9000", // it is the current EF now
			"00B0800010 -> " + at(0, 0x10) + "9000",
			"00B0890010 -> 6A82", "00B0A50010 -> 6A86", "00B0C50010 -> 6A86",
			"00B1000504540201F0" + "06 -> 5304" + at(0x1F0, 4) + "9000",
			"00B10005045402000006 -> 5304" + at(0, 4) + "9000",
			"00B11005045402000106 -> 5304" + at(1, 4) + "9000",
			"00B10009045402000006 -> 6A82", "00B1ABCD045402000006 -> 6A82",
		},
		"no data field": {"00B085000100 -> 6700"},
		"protected": {
			"00B0820009 -> 6982", "00A4020C021003 -> 9000", "00B0000000 -> 6982",
			"00B1000304540200000A -> 6982", "00B0FF0000 -> 6A86", "00B00FFF00 -> 6982",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := newCard(t, cardtest.Profile{Files: map[uint16][]byte{0x1005: content}})
			exchange(t, c, "00A4040C06A00000000039 -> 9000")
			exchange(t, c, steps...)
		})
	}
}

func TestFilesFollowProfile(t *testing.T) {
	_, c := newCard(t, cardtest.Profile{OnBoardKey: true})
	for fid, want := range map[uint16]string{
		0x2F00: "61084F06A00000000039",
		0x2F01: "4301B84604040011104703940180E010020200FF020200FF0202010002020100780806062B8122F8780282029000",
		0xD003: "5A0A8025009999000000011F",
		0xD004: "3082022C028201010087A8E6*",
	} {
		got := strings.ToUpper(hex.EncodeToString(c.readFile(fid)))
		if prefix, ok := strings.CutSuffix(want, "*"); ok {
			got, want = got[:len(prefix)], prefix
		}
		if got != want {
			t.Errorf("%04X: %s, want %s", fid, got, want)
		}
	}
	c.authenticate()
	c.verify(0x9000, 0x81, cardtest.DefaultPIN())
	if got := c.readFile(0x1001); string(got) != "999900000001" {
		t.Errorf("EF.ID_Servizi %q", got)
	}
	if got := c.readFile(0x1002); string(got) != "ZZ00000ZZ" {
		t.Errorf("EF.Seriale %q", got)
	}
	if cert := c.readFile(0x1003); !bytes.HasSuffix(cert, make([]byte, 29)) || cert[len(cert)-30] == 0 && cert[len(cert)-31] == 0 {
		t.Errorf("EF.Cert_CIE is not padded with 29 zeros: ...%X", cert[len(cert)-32:])
	}
	if c.publicKey(0x1007).N.Cmp(c.publicKey(0x1004).N) == 0 {
		t.Error("one key for two purposes")
	}
}

// TestSerialNumber checks the Luhn digit of a number whose digit is known and
// that the NIS is the digits of bytes 5 to 10.
func TestSerialNumberFollowsNIS(t *testing.T) {
	for nis, digit := range map[string]string{"999900000001": "1", "000000000000": "9", "123456789012": "7"} {
		_, c := newCard(t, cardtest.Profile{NIS: nis})
		got := hex.EncodeToString(c.readFile(0xD003))
		if want := "5a0a802500" + nis + digit + "f"; got != want {
			t.Errorf("%s: EF.SN.ICC %s, want %s", nis, got, want)
		}
	}
}

func TestDHFileHasTheLayoutOfItsProfile(t *testing.T) {
	_, c := newCard(t, cardtest.Profile{})
	p, g, q := c.dh()
	_, c = newCard(t, cardtest.Profile{DH: cardtest.DHTemplate, Padding: map[uint16]int{0xD004: 7}})
	inner := bytes.Join([][]byte{tlvOf([]byte{0x81}, p.Bytes()), tlvOf([]byte{0x82}, q.Bytes()), tlvOf([]byte{0x83}, g.Bytes())}, nil)
	want := append(tlvOf([]byte{0x7F, 0x49}, tlvOf([]byte{0x7F, 0x49}, inner)), make([]byte, 7)...)
	if got := c.readFile(0xD004); !bytes.Equal(got, want) {
		t.Errorf("EF.DH %X", got)
	}
}

func TestATRsAreValidAndDistinct(t *testing.T) {
	seen := map[string]cardtest.Family{}
	for _, f := range cardtest.Families() {
		c, _ := newCard(t, cardtest.Profile{Family: f})
		atr := c.ATR()
		var check byte
		for _, b := range atr[1:] {
			check ^= b
		}
		if check != 0 || atr[0] != 0x3B || len(atr) != 4+int(atr[1]&0x0F)+1 || len(atr) > 33 {
			t.Errorf("%v: ATR %X is not valid", f, atr)
		}
		if other, ok := seen[string(atr)]; ok {
			t.Errorf("%v and %v have one ATR", f, other)
		}
		seen[string(atr)] = f
		if back, err := cardtest.ParseFamily(f.String()); err != nil || back != f {
			t.Errorf("%v: %v, %v", f, back, err)
		}
	}
	for f, want := range map[cardtest.Family]string{
		cardtest.NXP:     "3b8e80018031806549544e5850120fff8290f0",
		cardtest.Gemalto: "3b8f800180318065b085040011120fff8290008a",
		cardtest.Bare:    "3b80800101",
	} {
		c, _ := newCard(t, cardtest.Profile{Family: f})
		if got := hex.EncodeToString(c.PowerOn()); got != want {
			t.Errorf("%v: ATR %s, want %s", f, got, want)
		}
	}
	if _, err := cardtest.ParseFamily("none such"); err == nil {
		t.Error("a family that does not exist was found")
	}
}
