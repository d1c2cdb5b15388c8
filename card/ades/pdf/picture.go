package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // dimensions and colours of a JPEG, which is embedded unchanged
	"image/png"
)

const (
	maxPicture = 16 << 20 // bytes of a picture file
	maxPixels  = 8 << 20
)

// ErrPicture reports that the picture of a visible signature is unusable.
var ErrPicture = errors.New("the picture is no PNG or JPEG that can be used")

// picture is a PNG or JPEG ready to be embedded.
type picture struct {
	width, height int
	dict          dict
	data          []byte
	mask          []byte // transparency, compressed; nil without
}

// Picture decodes a picture of a visible signature, as a preview.
func Picture(b []byte) (image.Image, error) {
	if _, err := readPicture(b); err != nil {
		return nil, err
	}
	img, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPicture, err)
	}
	return img, nil
}

func readPicture(b []byte) (*picture, error) {
	if len(b) > maxPicture {
		return nil, fmt.Errorf("%w: larger than %d MB", ErrPicture, maxPicture>>20)
	}
	c, format, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPicture, err)
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxPixels/c.Height {
		return nil, fmt.Errorf("%w: %d x %d pixels", ErrPicture, c.Width, c.Height)
	}
	p := &picture{width: c.Width, height: c.Height}
	p.dict = dict{{"Type", name("XObject")}, {"Subtype", name("Image")}, {"Width", int64(c.Width)}, {"Height", int64(c.Height)},
		{"BitsPerComponent", int64(8)}}
	if format == "jpeg" {
		// Decoded once: a broken picture is noticed before the PIN is asked.
		if _, _, err := image.Decode(bytes.NewReader(b)); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPicture, err)
		}
		p.data = b
		p.dict = append(p.dict, entry{"Filter", name("DCTDecode")})
		switch c.ColorModel {
		case color.GrayModel:
			p.dict = append(p.dict, entry{"ColorSpace", name("DeviceGray")})
		case color.CMYKModel:
			p.dict = append(p.dict, entry{"ColorSpace", name("DeviceCMYK")})
			if bytes.Contains(b[:min(len(b), 64<<10)], []byte("Adobe\x00")) {
				// Adobe writes CMYK inverted.
				one, zero := int64(1), int64(0)
				p.dict = append(p.dict, entry{"Decode", array{one, zero, one, zero, one, zero, one, zero}})
			}
		default:
			p.dict = append(p.dict, entry{"ColorSpace", name("DeviceRGB")})
		}
		return p, nil
	}
	if format != "png" {
		return nil, ErrPicture
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPicture, err)
	}
	pixels, alpha, opaque := samples(img)
	if p.data, err = compress(pixels); err != nil {
		return nil, err
	}
	p.dict = append(p.dict, entry{"ColorSpace", name("DeviceRGB")}, entry{"Filter", name("FlateDecode")})
	if !opaque {
		p.mask, err = compress(alpha)
	}
	return p, err
}

// samples returns the colours and the transparency of an image.
func samples(img image.Image) (pixels, alpha []byte, opaque bool) {
	r := img.Bounds()
	pixels = make([]byte, 0, 3*r.Dx()*r.Dy())
	alpha = make([]byte, 0, r.Dx()*r.Dy())
	opaque = true
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			pixels = append(pixels, c.R, c.G, c.B)
			alpha = append(alpha, c.A)
			opaque = opaque && c.A == 0xFF
		}
	}
	return pixels, alpha, opaque
}

// embed adds the picture to an update.
func (p *picture) embed(u *update) ref {
	d := p.dict
	if p.mask != nil {
		mask := u.addStream(dict{{"Type", name("XObject")}, {"Subtype", name("Image")}, {"Width", int64(p.width)},
			{"Height", int64(p.height)}, {"BitsPerComponent", int64(8)}, {"ColorSpace", name("DeviceGray")},
			{"Filter", name("FlateDecode")}}, p.mask)
		d = d.with("SMask", mask)
	}
	return u.addStream(d, p.data)
}
