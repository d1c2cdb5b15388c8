package pdf

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// stampPNG returns a picture of a red disc on a transparent background.
func stampPNG(t testing.TB) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, 120, 80))
	for y := range 80 {
		for x := range 120 {
			if dx, dy := x-60, y-40; dx*dx+dy*dy < 1300 {
				img.Set(x, y, color.NRGBA{200, 20, 20, uint8(80 + x)})
			}
		}
	}
	for x := range 60 { // a green bar shows which way is up
		for y := range 8 {
			img.Set(x, y, color.NRGBA{0, 140, 0, 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func stampJPEG(t testing.TB) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := range img.Pix {
		img.Pix[i] = byte(i)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// prepared returns a document with an empty signature.
func prepared(t testing.TB, in []byte, o Options) []byte {
	t.Helper()
	p, err := Prepare(bytes.NewReader(in), int64(len(in)), o)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := p.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// render draws a page at 72 dots per inch, as a program shows it: with poppler,
// or with mupdf, which honours the user unit.
func render(t testing.TB, doc []byte, page string) image.Image {
	t.Helper()
	in := writeTemp(t, "in.pdf", doc)
	out := filepath.Join(t.TempDir(), "page.png")
	cmd := exec.Command(tool(t, "pdftoppm"), "-cropbox", "-r", "72", "-f", page, "-l", page, "-singlefile", "-png", in, strings.TrimSuffix(out, ".png"))
	if bytes.Contains(doc, []byte("/UserUnit")) {
		cmd = exec.Command(tool(t, "mutool"), "draw", "-q", "-r", "72", "-o", out, in, page)
	}
	if msg, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(msg), "rror") {
		t.Fatalf("%s: %v\n%s", cmd, err, msg)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if keep := os.Getenv("PDF_RENDERED"); keep != "" {
		os.WriteFile(filepath.Join(keep, strings.ReplaceAll(t.Name(), "/", "_")+".png"), b, 0o600)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// difference returns the smallest rectangle that contains all differences, in
// points from the lower left.
func difference(a, b image.Image) image.Rectangle {
	var r image.Rectangle
	h := a.Bounds().Dy()
	for y := range h {
		for x := range a.Bounds().Dx() {
			if a.At(x, y) != b.At(x, y) {
				r = r.Union(image.Rect(x, h-y-1, x+1, h-y))
			}
		}
	}
	return r
}

// The mark is upright and where it was asked for, however the page is turned,
// cropped or scaled.
func TestAppearanceIsUprightAndInPlace(t *testing.T) {
	tests := map[string]string{
		"plain":               "",
		"rotate 90":           "/Rotate 90",
		"rotate 180":          "/Rotate 180",
		"rotate 270":          "/Rotate -90",
		"user unit":           "/UserUnit 2",
		"user unit rotate 90": "/UserUnit 1.5 /Rotate 90",
		"crop box":            "/CropBox [50 60 500 700]",
		"crop box rotate 270": "/CropBox [50 60 500 700] /Rotate 270",
	}
	for title, extra := range tests {
		t.Run(title, func(t *testing.T) {
			b := plain(1)
			b.objects[10] = strings.Replace(b.objects[10], "/Contents", extra+" /Contents", 1)
			in := b.bytes()
			signed := prepared(t, in, Options{Appearance: &Appearance{
				Place:   Place{X: 100, Y: 150, Width: 220, Height: 80},
				Picture: stampPNG(t),
				Lines:   []string{"Firmato da Niccolò D'Àvila", "30/11/2026 04:10", "Straße, Łódź, Čapek"},
			}})
			before, after := render(t, in, "1"), render(t, signed, "1")
			if before.Bounds() != after.Bounds() {
				t.Fatalf("page %v became %v", before.Bounds(), after.Bounds())
			}
			d := difference(before, after)
			if place := image.Rect(99, 149, 321, 231); d.Empty() || !d.In(place) || d.Dx() < 150 || d.Dy() < 40 {
				t.Errorf("the mark is at %v, want inside of %v", d, place)
			}
			// The green bar of the picture is at its upper left.
			h := after.Bounds().Dy()
			var green image.Rectangle
			for y := range h {
				for x := range after.Bounds().Dx() {
					if r, g, b, _ := after.At(x, y).RGBA(); g > 0x7000 && r < 0x2000 && b < 0x2000 {
						green = green.Union(image.Rect(x, h-y-1, x+1, h-y))
					}
				}
			}
			if green.Min.X > 105 || green.Min.Y < 205 || green.Dx() < 30 || green.Dy() > 10 {
				t.Errorf("the upper left of the picture is at %v", green)
			}
		})
	}
}

func TestAppearanceInCornersAndOnPages(t *testing.T) {
	in := plain(3).bytes()
	for corner, want := range map[Corner]image.Rectangle{
		BottomLeft:  image.Rect(28, 28, 228, 98),
		BottomRight: image.Rect(367, 28, 567, 98),
		TopLeft:     image.Rect(28, 744, 228, 814),
		TopRight:    image.Rect(367, 744, 567, 814),
	} {
		signed := prepared(t, in, Options{Appearance: &Appearance{Page: -1, Place: Place{Corner: corner}, Lines: []string{"Mario Rossi"}, Picture: stampJPEG(t)}})
		if d := difference(render(t, in, "3"), render(t, signed, "3")); d.Empty() || !d.In(want) {
			t.Errorf("corner %d: %v, want inside of %v", corner, d, want)
		}
		if d := difference(render(t, in, "1"), render(t, signed, "1")); !d.Empty() {
			t.Errorf("page 1 changed at %v", d)
		}
	}
}

func TestInvisibleSignatureShowsNothing(t *testing.T) {
	in := plain(1).bytes()
	if d := difference(render(t, in, "1"), render(t, prepared(t, in, Options{}), "1")); !d.Empty() {
		t.Errorf("the page changed at %v", d)
	}
}

// The text of the mark can be found and copied, whatever European letters it has.
func TestAppearanceTextCanBeExtracted(t *testing.T) {
	names := "Niccolò È Müller Šárka Łódź Ñandú Ørsted Ğülşen İstanbul Çelik Ťažký Őze Ωmega Жуков"
	signed := prepared(t, plain(1).bytes(), Options{Appearance: &Appearance{Place: Place{X: 50, Y: 50, Width: 450, Height: 90}, Lines: []string{names}}})
	out, err := exec.Command(tool(t, "pdftotext"), writeTemp(t, "in.pdf", signed), "-").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(strings.Fields(string(out)), " "); !strings.Contains(got, names) {
		t.Errorf("pdftotext: %s", got)
	}
}

func TestAppearanceRefusesWhatDoesNotFit(t *testing.T) {
	in := plain(1).bytes()
	var place *PlaceError
	for _, at := range []Place{
		{X: 500, Y: 10, Width: 200, Height: 50}, {X: -5, Y: 10, Width: 20, Height: 50}, {X: 5, Y: 800, Width: 20, Height: 50},
		{X: 5, Y: 5, Width: 0, Height: 50}, {X: 5, Y: 5, Width: -30, Height: 50},
	} {
		_, err := Prepare(bytes.NewReader(in), int64(len(in)), Options{Appearance: &Appearance{Place: at}})
		if !errors.As(err, &place) {
			t.Errorf("%v: %v", at, err)
		}
	}
	_, err := Prepare(bytes.NewReader(in), int64(len(in)), Options{Appearance: &Appearance{Picture: []byte("GIF89a")}})
	if !errors.Is(err, ErrPicture) {
		t.Errorf("no picture: %v", err)
	}
	var none *PageError
	_, err = Prepare(bytes.NewReader(in), int64(len(in)), Options{Appearance: &Appearance{Page: 7}})
	if !errors.As(err, &none) {
		t.Errorf("no page: %v", err)
	}
}
