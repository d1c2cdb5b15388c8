package browser

import (
	"image"
	"image/color"
	"image/draw"
	"testing"
)

func TestConfirmButton(t *testing.T) {
	blueColor := color.RGBA{11, 87, 208, 255}
	screen := func(page color.Color, blocks ...image.Rectangle) *image.RGBA {
		img := image.NewRGBA(image.Rect(0, 0, 1280, 900))
		draw.Draw(img, img.Rect, image.NewUniform(page), image.Point{}, draw.Src)
		draw.Draw(img, image.Rect(262, 93, 808, 408), image.White, image.Point{}, draw.Src)
		for _, r := range blocks {
			draw.Draw(img, r, image.NewUniform(blueColor), image.Point{}, draw.Src)
		}
		return img
	}
	grey := color.Gray{102}
	button := image.Rect(706, 349, 787, 387)
	line := image.Rect(284, 241, 500, 243)
	column := image.Rect(498, 200, 501, 242)
	tests := []struct {
		name string
		img  *image.RGBA
		want bool
	}{
		{"dialog", screen(grey, button), true},
		{"dialog of Firefox 140", screen(color.RGBA{153, 152, 155, 255}, button), true},
		{"dialog with a blue frame", screen(grey, line, column, button), true},
		{"no dialog", screen(color.White, button), false},
		{"coloured page", screen(color.RGBA{90, 100, 120, 255}, button), false},
		{"dialog without button", screen(grey, line, column), false},
	}
	private := screen(grey)
	draw.Draw(private, button, image.NewUniform(color.RGBA{168, 199, 250, 255}), image.Point{}, draw.Src)
	tests = append(tests, tests[0])
	tests[len(tests)-1].name, tests[len(tests)-1].img = "private window", private
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			at, ok := confirmButton(tt.img)
			if ok != tt.want || ok && !at.In(button) {
				t.Errorf("%v at %v", ok, at)
			}
		})
	}
}
