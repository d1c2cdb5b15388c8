//go:build linux && x11

package main

import "image"

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
