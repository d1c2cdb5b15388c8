//go:build linux

package screen

import (
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// start starts a screen for a test, or skips the test where tools are missing.
func start(t *testing.T) *Screen {
	t.Helper()
	for _, tool := range []string{"Xvfb", "xdotool"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skipf("NOT TESTED HERE: %v", err)
		}
	}
	s, err := Start(320, 200)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// What a program draws is in the picture, with its colours.
func TestPictureShowsWhatIsDrawn(t *testing.T) {
	s := start(t)
	empty, err := s.Picture()
	if err != nil {
		t.Fatal(err)
	}
	if b := empty.Bounds(); b.Dx() != 320 || b.Dy() != 200 || empty.RGBAAt(10, 10) != (color.RGBA{A: 0xff}) {
		t.Errorf("%v, colour %v", b, empty.RGBAAt(10, 10))
	}
	paint(t, s, 0x123456)
	drawn := func() bool {
		now, err := s.Picture()
		if err != nil {
			t.Fatal(err)
		}
		return now.RGBAAt(10, 10) == color.RGBA{0x12, 0x34, 0x56, 0xff}
	}
	for end := time.Now().Add(time.Minute); !drawn(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the colour is not in the picture")
		}
	}
	name := filepath.Join(t.TempDir(), "screen.png")
	if err := s.Save(name); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if c, err := png.DecodeConfig(f); err != nil || c.Width != 320 || c.Height != 200 {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestSendMovesThePointer expects commands to be executed when Send returns, and errors to be
// those of their own line.
func TestSendMovesThePointer(t *testing.T) {
	s := start(t)
	for _, at := range []string{"12 34", "56 78"} {
		if err := s.Send("mousemove", at); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("xdotool", "getmouselocation")
		cmd.Env = append(os.Environ(), s.Env()...)
		out, err := cmd.CombinedOutput()
		if x, y, _ := strings.Cut(at, " "); err != nil || !strings.HasPrefix(string(out), "x:"+x+" y:"+y+" ") {
			t.Errorf("the pointer is at %s, want %s: %v", out, at, err)
		}
		// A window that closes ends xdotool, as this question for none does.
		if err := s.Send("getwindowname", "1234567"); err != nil {
			t.Error(err)
		}
		if err := s.Send("press", "everything"); err == nil || !strings.Contains(err.Error(), "Unknown command: press") {
			t.Errorf("a command that does not exist: %v", err)
		}
	}
}

// TestAskAnswersOrReportsAClosedWindow expects the answer to each question, none of which is
// left to the next.
func TestAskAnswersOrReportsAClosedWindow(t *testing.T) {
	s := start(t)
	for range 2 {
		if found, err := s.Ask("search", "--onlyvisible", "--name", "no such|window"); err != nil || len(found) != 0 {
			t.Errorf("a window that does not exist: %q, %v", found, err)
		}
		if title, err := s.Ask("getwindowname", "1234567"); !errors.Is(err, ErrClosed) || title != nil {
			t.Errorf("the title of a window that is gone: %q, %v", title, err)
		}
		if said, err := s.Ask("press", "everything"); err == nil || !strings.Contains(err.Error(), "Unknown command: press") {
			t.Errorf("a command that does not exist: %q, %v", said, err)
		}
		if at, err := s.Ask("getmouselocation", "--shell"); err != nil || !slices.Contains(at, "SCREEN=0") {
			t.Errorf("the place of the pointer: %q, %v", at, err)
		}
	}
}

// paint gives the whole screen a colour, in the X protocol: a connection,
// ChangeWindowAttributes with a background, ClearArea.
func paint(t *testing.T, s *Screen, colour uint32) {
	t.Helper()
	conn, err := net.Dial("unix", "/tmp/.X11-unix/X"+s.Display[1:])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	order := binary.LittleEndian
	send := func(b []byte) {
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	receive := func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(conn, b); err != nil {
			t.Fatal(err)
		}
		return b
	}
	send([]byte{'l', 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	head := receive(8)
	if head[0] != 1 {
		t.Fatalf("the connection is refused: % x", head)
	}
	setup := receive(4 * int(order.Uint16(head[6:])))
	vendor, formats := int(order.Uint16(setup[16:])), int(setup[21])
	root := order.Uint32(setup[32+(vendor+3)/4*4+8*formats:])
	background := order.AppendUint32([]byte{2, 0, 4, 0}, root)
	background = order.AppendUint32(background, 1<<1) // background-pixel
	send(order.AppendUint32(background, colour))
	send(append(order.AppendUint32([]byte{61, 0, 4, 0}, root), make([]byte, 8)...))
}

// The order of the bytes is the file's, and a file that is cut off is an error.
func TestParse(t *testing.T) {
	file := func(order byte, pixels ...byte) []byte {
		b := make([]byte, 100)
		for i, v := range map[int]byte{0: 100, 1: 7, 4: 2, 5: 1, 7: order, 11: 32, 12: 8} {
			b[4*i+3] = v
		}
		return append(b, pixels...)
	}
	const all = math.MaxInt32
	for name, b := range map[string][]byte{
		"low byte first":  file(0, 3, 2, 1, 0, 6, 5, 4, 0),
		"high byte first": file(1, 0, 1, 2, 3, 0, 4, 5, 6),
	} {
		img, err := parse(b, image.Rect(0, 0, all, all))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if img.RGBAAt(0, 0) != (color.RGBA{1, 2, 3, 0xff}) || img.RGBAAt(1, 0) != (color.RGBA{4, 5, 6, 0xff}) {
			t.Errorf("%s: % x", name, img.Pix)
		}
		right := image.Rect(1, 0, 2, 1)
		if img, err := parse(b, right); err != nil || img.Bounds() != right || img.RGBAAt(1, 0) != (color.RGBA{4, 5, 6, 0xff}) {
			t.Errorf("%s, its right half: %v, %v", name, img, err)
		}
		for n := range b {
			if _, err := parse(b[:n], image.Rect(0, 0, all, all)); err == nil {
				t.Errorf("%s: %d of %d bytes are accepted", name, n, len(b))
			}
		}
	}
}
