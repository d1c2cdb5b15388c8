//go:build linux && x11

package main

import "image"

// painted reports whether something is drawn in a picture: whether it has more than one
// colour.
func painted(img *image.RGBA) bool {
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if img.RGBAAt(x, y) != img.RGBAAt(b.Min.X, b.Min.Y) {
				return true
			}
		}
	}
	return false
}
