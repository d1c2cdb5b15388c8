// Command mkico makes the icon of a Windows program from a picture in SVG, or
// one picture of some size in PNG:
//
//	mkico IN.svg OUT.ico
//	mkico IN.svg OUT.png SIZE
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/png"
	"os"
	"strconv"

	"github.com/fyne-io/oksvg"
	"github.com/srwiley/rasterx"
)

// sizes are those that Windows shows, in pixels; the largest possible is 256.
var sizes = []int{16, 20, 24, 32, 40, 48, 64, 128, 256}

func main() {
	size := 0
	var err error
	if len(os.Args) == 4 {
		size, err = strconv.Atoi(os.Args[3])
	}
	if len(os.Args) < 3 || len(os.Args) > 4 || err != nil || size < 0 || size > 4096 {
		fmt.Fprintln(os.Stderr, "usage: mkico IN.svg OUT.ico, mkico IN.svg OUT.png SIZE")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], size); err != nil {
		fmt.Fprintln(os.Stderr, "mkico:", err)
		os.Exit(1)
	}
}

func run(in, out string, size int) error {
	svg, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	var picture []byte
	if size > 0 {
		picture, err = draw(svg, size)
	} else {
		picture, err = icon(svg)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	return os.WriteFile(out, picture, 0o644)
}

// icon writes the picture in all sizes, as PNG, which Windows reads in icons
// since Vista.
func icon(svg []byte) ([]byte, error) {
	var images [][]byte
	for _, size := range sizes {
		b, err := draw(svg, size)
		if err != nil {
			return nil, err
		}
		images = append(images, b)
	}
	// ICONDIR, then an ICONDIRENTRY for each image, then the images.
	ico := binary.LittleEndian.AppendUint16(nil, 0)
	ico = binary.LittleEndian.AppendUint16(ico, 1)
	ico = binary.LittleEndian.AppendUint16(ico, uint16(len(images)))
	offset := len(ico) + 16*len(images)
	for i, b := range images {
		side := byte(sizes[i]) // 256 is written as 0
		ico = append(ico, side, side, 0, 0)
		ico = binary.LittleEndian.AppendUint16(ico, 1)
		ico = binary.LittleEndian.AppendUint16(ico, 32)
		ico = binary.LittleEndian.AppendUint32(ico, uint32(len(b)))
		ico = binary.LittleEndian.AppendUint32(ico, uint32(offset))
		offset += len(b)
	}
	return append(ico, bytes.Join(images, nil)...), nil
}

func draw(svg []byte, size int) ([]byte, error) {
	picture, err := oksvg.ReadIconStream(bytes.NewReader(svg), oksvg.StrictErrorMode)
	if err != nil {
		return nil, err
	}
	picture.SetTarget(0, 0, float64(size), float64(size))
	img := image.NewRGBA(image.Rect(0, 0, size, size))
	picture.Draw(rasterx.NewDasher(size, size, rasterx.NewScannerGV(size, size, img, img.Bounds())), 1)
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
