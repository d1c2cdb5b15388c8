package apdu_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"cie/apdu"
)

func TestHeaderTLVAcceptsAndRefusesForms(t *testing.T) {
	for _, c := range []struct {
		in            string
		tag           apdu.Tag
		header, value int
		err           error
	}{
		{"8700", 0x87, 2, 0, nil},
		{"877F", 0x87, 2, 127, nil},
		{"878180", 0x87, 3, 128, nil},
		{"7F49820122", 0x7F49, 5, 0x122, nil},
		{"BF810105", 0xBF8101, 4, 5, nil},
		{"BFFFFF7F05", 0xBFFFFF7F, 5, 5, nil},
		{"5F1F00", 0x5F1F, 3, 0, nil},
		// Cards also send lengths in longer forms than necessary.
		{"878104", 0x87, 3, 4, nil},
		{"87820104", 0x87, 4, 0x104, nil},
		{"8784000000FF", 0x87, 6, 255, nil},
		{"8783100000", 0x87, 5, 1 << 20, nil},

		{"", 0, 0, 0, apdu.ErrTLVTruncated},
		{"87", 0, 0, 0, apdu.ErrTLVTruncated},
		{"7F", 0, 0, 0, apdu.ErrTLVTruncated},
		{"BF81", 0, 0, 0, apdu.ErrTLVTruncated},
		{"7F49", 0, 0, 0, apdu.ErrTLVTruncated},
		{"8782", 0, 0, 0, apdu.ErrTLVTruncated},
		{"878201", 0, 0, 0, apdu.ErrTLVTruncated},
		{"0000", 0, 0, 0, apdu.ErrTLV},           // padding
		{"8780", 0, 0, 0, apdu.ErrTLV},           // indefinite length
		{"87850000000001", 0, 0, 0, apdu.ErrTLV}, // five bytes of length
		{"87FF", 0, 0, 0, apdu.ErrTLV},
		{"8783100001", 0, 0, 0, apdu.ErrTLV}, // above MaxTLVLength
		{"8784FFFFFFFF", 0, 0, 0, apdu.ErrTLV},
		{"7F8001", 0, 0, 0, apdu.ErrTLV}, // leading zero in the tag
		{"5F1E00", 0, 0, 0, apdu.ErrTLV}, // fits in one byte
		{"BF8181810100", 0, 0, 0, apdu.ErrTLV},
	} {
		tag, header, value, err := apdu.HeaderTLV(unhex(t, c.in))
		if tag != c.tag || header != c.header || value != c.value || !errors.Is(err, c.err) {
			t.Errorf("%s: %v %d %d %v", c.in, tag, header, value, err)
		}
	}
}

func TestParseTLVReturnsValueAndRest(t *testing.T) {
	obj, rest, err := apdu.ParseTLV(unhex(t, "99029000 8E00"))
	if err != nil || obj.Tag != 0x99 || !bytes.Equal(obj.Value, unhex(t, "9000")) || !bytes.Equal(rest, unhex(t, "8E00")) {
		t.Errorf("%v %X %v", obj, rest, err)
	}
	if obj, _, err := apdu.ParseTLV(unhex(t, "990390 00")); !errors.Is(err, apdu.ErrTLVTruncated) {
		t.Errorf("%v %v", obj, err)
	}
	// Appending to a value must not overwrite the object after it.
	b := unhex(t, "99029000 8E00")
	obj, _, _ = apdu.ParseTLV(b)
	_ = append(obj.Value, 0xFF)
	if b[4] != 0x8E {
		t.Error("the value reaches over its end")
	}

	all, err := apdu.ParseTLVs(unhex(t, "8701018E029000"))
	if err != nil || len(all) != 2 || all[0].Tag != 0x87 || all[1].Tag != 0x8E {
		t.Errorf("%v %v", all, err)
	}
	if all, err := apdu.ParseTLVs(nil); err != nil || len(all) != 0 {
		t.Errorf("%v %v", all, err)
	}
	for _, s := range []string{"87010100", "870101 8E", "870101 0000"} {
		if all, err := apdu.ParseTLVs(unhex(t, s)); err == nil {
			t.Errorf("%s: %v", s, all)
		}
	}
}

func TestFindTLVFollowsPath(t *testing.T) {
	// The response of a chip to GET DATA for the root key, shortened.
	b := unhex(t, "7019 BFA00415 7F4912 8102C88C 8203010001 5F2003495443 5F4C00")
	for _, c := range []struct {
		path []apdu.Tag
		want string
		err  error
	}{
		{[]apdu.Tag{0x70, 0xBFA004, 0x7F49, 0x81}, "C88C", nil},
		{[]apdu.Tag{0x70, 0xBFA004, 0x7F49, 0x5F20}, "495443", nil},
		{[]apdu.Tag{0x70, 0xBFA004, 0x7F49, 0x5F4C}, "", nil},
		{[]apdu.Tag{0x70, 0xBFA004, 0x7F49, 0x83}, "", apdu.ErrTLVNotFound},
		{[]apdu.Tag{0x71}, "", apdu.ErrTLVNotFound},
		{[]apdu.Tag{0x70, 0xBFA004, 0x7F49, 0x81, 0xC8}, "", apdu.ErrTLVNotFound}, // 81 is primitive
	} {
		v, err := apdu.FindTLV(b, c.path...)
		if !errors.Is(err, c.err) || !bytes.Equal(v, unhex(t, c.want)) {
			t.Errorf("%v: %X, %v", c.path, v, err)
		}
	}
	if v, err := apdu.FindTLV(b); err != nil || !bytes.Equal(v, b) {
		t.Errorf("empty path: %X, %v", v, err)
	}
	if _, err := apdu.FindTLV(unhex(t, "7005 8102"), 0x70); !errors.Is(err, apdu.ErrTLVTruncated) {
		t.Error(err)
	}
	// FindTLV returns the first of two objects and does not decode what follows it.
	if v, err := apdu.FindTLV(unhex(t, "810101 810102 80"), 0x81); err != nil || !bytes.Equal(v, []byte{1}) {
		t.Errorf("%X, %v", v, err)
	}
}

func TestAppendTLVUsesShortestForm(t *testing.T) {
	for _, c := range []struct {
		tag    apdu.Tag
		n      int
		header string
	}{
		{0x81, 0, "8100"},
		{0x81, 127, "817F"},
		{0x81, 128, "818180"},
		{0x7F49, 255, "7F4981FF"},
		{0xBF8101, 256, "BF8101820100"},
		{0xBFFFFF7F, 65535, "BFFFFF7F82FFFF"},
		{0x81, 65536, "8183010000"},
	} {
		got := apdu.AppendTLV([]byte{0xAA}, c.tag, make([]byte, c.n))
		if want := unhex(t, "AA"+c.header+zeros(c.n)); !bytes.Equal(got, want) {
			t.Errorf("%v, %d bytes: %.20X...", c.tag, c.n, got)
		}
		if obj, rest, err := apdu.ParseTLV(got[1:]); err != nil || len(rest) > 0 || obj.Tag != c.tag || len(obj.Value) != c.n {
			t.Errorf("%v, %d bytes: reads back as %v, %v", c.tag, c.n, obj.Tag, err)
		}
	}
}

func TestConstructedFollowsBit6(t *testing.T) {
	for tag, want := range map[apdu.Tag]bool{0x70: true, 0x7F49: true, 0xBF8101: true, 0xBFFFFF7F: true, 0x87: false, 0x5F20: false, 0x9F8101: false} {
		if tag.Constructed() != want {
			t.Errorf("%v: %t", tag, !want)
		}
	}
}

// Deep nesting and many objects are decoded in one pass without recursion.
func TestTLVWorkIsLinear(t *testing.T) {
	nested := []byte{}
	for range 200 {
		nested = apdu.AppendTLV(nil, 0x70, nested)
	}
	path := make([]apdu.Tag, 200)
	for i := range path {
		path[i] = 0x70
	}
	if v, err := apdu.FindTLV(nested, path...); err != nil || len(v) != 0 {
		t.Errorf("%X, %v", v, err)
	}
	many := []byte(strings.Repeat("\x81\x00", 1<<15))
	if all, err := apdu.ParseTLVs(many); err != nil || len(all) != 1<<15 {
		t.Errorf("%d objects, %v", len(all), err)
	}
	if _, err := apdu.FindTLV(many, 0x82); !errors.Is(err, apdu.ErrTLVNotFound) {
		t.Error(err)
	}
}

func FuzzTLV(f *testing.F) {
	for _, s := range []string{
		"99029000", "7F49820001AA", "BF8101039A0103", "878104DEADBEEF", "7019BFA004157F49128102C88C82030100015F20034954435F4C00",
		"7080", "8784FFFFFFFF", "0000", "5F1E00",
	} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		tag, header, value, err := apdu.HeaderTLV(b)
		obj, rest, perr := apdu.ParseTLV(b)
		if err != nil {
			if perr == nil {
				t.Fatal("an object without a header")
			}
			if !errors.Is(err, apdu.ErrTLV) && !errors.Is(err, apdu.ErrTLVTruncated) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		if header < 2 || header > 9 || value < 0 || value > apdu.MaxTLVLength {
			t.Fatalf("header %d, value %d", header, value)
		}
		if (perr == nil) != (header+value <= len(b)) {
			t.Fatalf("header %d, value %d, of %d bytes: %v", header, value, len(b), perr)
		}
		if perr != nil {
			return
		}
		if obj.Tag != tag || len(obj.Value) != value || header+value+len(rest) != len(b) {
			t.Fatalf("%v: %d bytes, %d left", obj.Tag, len(obj.Value), len(rest))
		}
		// The shortest form decodes to the same object and is never longer.
		again := apdu.AppendTLV(nil, obj.Tag, obj.Value)
		if len(again) > header+value {
			t.Fatalf("%X became longer: %X", b, again)
		}
		back, left, err := apdu.ParseTLV(again)
		if err != nil || len(left) != 0 || back.Tag != obj.Tag || !bytes.Equal(back.Value, obj.Value) {
			t.Fatalf("%X reads back as %v, %v", again, back.Tag, err)
		}
		if v, err := apdu.FindTLV(b, tag); err != nil || !bytes.Equal(v, obj.Value) {
			t.Fatalf("not found: %v", err)
		}
		if all, err := apdu.ParseTLVs(b); err == nil {
			var joined []byte
			for _, o := range all {
				joined = apdu.AppendTLV(joined, o.Tag, o.Value)
			}
			if twice, err := apdu.ParseTLVs(joined); err != nil || len(twice) != len(all) {
				t.Fatalf("%d objects, then %d: %v", len(all), len(twice), err)
			}
		}
	})
}
