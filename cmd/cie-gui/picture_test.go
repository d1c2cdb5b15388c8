//go:build linux && x11

package main

import (
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"os"
)

// picture reads the file in which Xvfb keeps the pixels of its screen (option
// -fbdir), in the format of XWDFile.h.
func picture(name string) (*image.RGBA, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	const fields = 25 // of the header, 32 bits each, before the name of the window
	if len(data) < 4*fields {
		return nil, fmt.Errorf("%s: %d bytes", name, len(data))
	}
	field := func(i int) int { return int(binary.BigEndian.Uint32(data[4*i:])) }
	start := field(0) + 12*field(19) // header_size, ncolors of 12 bytes
	width, height, line := field(4), field(5), field(12)
	if version, bits := field(1), field(11); version != 7 || bits != 32 || len(data) < start+line*height {
		return nil, fmt.Errorf("%s: version %d, %d bits, %d bytes for %dx%d", name, version, bits, len(data), width, height)
	}
	order := binary.ByteOrder(binary.BigEndian)
	if field(7) == 0 {
		order = binary.LittleEndian
	}
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			p := order.Uint32(data[start+y*line+4*x:])
			img.SetRGBA(x, y, color.RGBA{uint8(p >> 16), uint8(p >> 8), uint8(p), 0xff})
		}
	}
	return img, nil
}

// painted reports whether something is drawn in a part of a picture: whether
// it has more than one colour.
func painted(img *image.RGBA, part image.Rectangle) bool {
	part = part.Intersect(img.Bounds())
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			if img.RGBAAt(x, y) != img.RGBAAt(part.Min.X, part.Min.Y) {
				return true
			}
		}
	}
	return false
}
