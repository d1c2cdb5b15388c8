package main

import (
	"bytes"
	"encoding/binary"
	"image/png"
	"os"
	"testing"
)

func TestIconHasEverySize(t *testing.T) {
	svg, err := os.ReadFile("../../../../gui/icons/app.svg")
	if err != nil {
		t.Fatal(err)
	}
	ico, err := icon(svg)
	if err != nil {
		t.Fatal(err)
	}
	if n := int(binary.LittleEndian.Uint16(ico[4:])); n != len(sizes) || ico[2] != 1 {
		t.Fatalf("%d images, type %d", n, ico[2])
	}
	for i, size := range sizes {
		entry := ico[6+16*i:]
		length, offset := binary.LittleEndian.Uint32(entry[8:]), binary.LittleEndian.Uint32(entry[12:])
		img, err := png.Decode(bytes.NewReader(ico[offset : offset+length]))
		if err != nil || img.Bounds().Dx() != size || img.Bounds().Dy() != size {
			t.Errorf("image of %d pixels: %v", size, err)
			continue
		}
		// The corner is outside of the round shape, the middle of its edge is blue.
		if _, _, _, a := img.At(0, 0).RGBA(); a != 0 {
			t.Errorf("image of %d pixels: corner %d", size, a)
		}
		if r, _, b, a := img.At(size/2, size*14/100).RGBA(); a < 0xf000 || b < 0x8000 || r > 0x4000 {
			t.Errorf("image of %d pixels: edge %d %d %d", size, r, b, a)
		}
	}
	again, err := icon(svg)
	if err != nil || !bytes.Equal(ico, again) {
		t.Error("two runs give different icons")
	}
	if _, err := icon([]byte("<svg")); err == nil {
		t.Error("a broken picture gives an icon")
	}
}
