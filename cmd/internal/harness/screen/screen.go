//go:build linux

// Package screen gives tests an X server without a monitor, whose pixels they can read and
// whose keyboard and mouse they can use.
package screen

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"image"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Screen is a running Xvfb. It ends with Stop or with this process.
type Screen struct {
	// Display is its name, such as ":1".
	Display string

	dir  string
	cmd  *exec.Cmd
	said said

	looking sync.Mutex
	file    []byte // of the server's memory; nil after Stop

	sending sync.Mutex
	input   *input // nil until something is sent

	asking    sync.Mutex
	questions *input // nil until something is asked
}

// Start starts a screen of a size in pixels and returns when programs can open it.
func Start(width, height int) (*Screen, error) {
	// In memory: while the disk writes a large document, a screen on it cannot change.
	dir, err := os.MkdirTemp("/dev/shm", "cie-screen-")
	if err != nil {
		dir, err = os.MkdirTemp("", "cie-screen-")
	}
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	// It writes the line in two pieces, and ends if the second finds the pipe closed.
	defer r.Close()
	s := &Screen{dir: dir}
	// The server picks a free display. -r: a busy machine must not repeat a key.
	s.cmd = exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", fmt.Sprintf("%dx%dx24", width, height), "-nolisten", "tcp", "-noreset", "-fbdir", dir, "-r")
	s.cmd.ExtraFiles, s.cmd.Stdout, s.cmd.Stderr = []*os.File{w}, &s.said, &s.said
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	err = s.cmd.Start()
	w.Close()
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	var line string
	if err = r.SetReadDeadline(time.Now().Add(time.Minute)); err == nil {
		line, err = bufio.NewReader(r).ReadString('\n')
	}
	if err != nil {
		s.Stop()
		return nil, fmt.Errorf("the X server did not start: %w: %s", err, s.Said())
	}
	s.Display = ":" + strings.TrimSpace(line)
	if s.file, err = mapped(filepath.Join(dir, "Xvfb_screen0")); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// mapped returns a file that changes, without copies of it.
func mapped(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
}

// Stop ends the screen.
func (s *Screen) Stop() {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.asking.Lock()
	defer s.asking.Unlock()
	for _, i := range []*input{s.input, s.questions} {
		if i != nil {
			i.stop()
		}
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.looking.Lock()
	defer s.looking.Unlock()
	if s.file != nil {
		_ = syscall.Munmap(s.file)
		s.file = nil
	}
	_ = os.RemoveAll(s.dir)
}

// Said returns how the server ended, if it did, and what it printed.
func (s *Screen) Said() string {
	s.said.mu.Lock()
	defer s.said.mu.Unlock()
	return fmt.Sprintf("%v\n%s", s.cmd.ProcessState, s.said.b.String())
}

// Env returns the variables a program needs to appear on this screen, and on no other.
func (s *Screen) Env() []string {
	return []string{"DISPLAY=" + s.Display, "WAYLAND_DISPLAY=", "XAUTHORITY="}
}

// Hash returns a hash of what the screen shows now.
func (s *Screen) Hash(seed maphash.Seed) uint64 {
	s.looking.Lock()
	defer s.looking.Unlock()
	return maphash.Bytes(seed, s.file)
}

// Picture returns what the screen shows now.
func (s *Screen) Picture() (*image.RGBA, error) {
	return s.Part(image.Rect(0, 0, math.MaxInt32, math.MaxInt32))
}

// Part returns what the screen shows now in a part of it.
func (s *Screen) Part(r image.Rectangle) (*image.RGBA, error) {
	s.looking.Lock()
	defer s.looking.Unlock()
	return parse(s.file, r)
}

// Save writes the picture to path (PNG).
func (s *Screen) Save(path string) error {
	img, err := s.Picture()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, img); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// parse reads the file in which Xvfb keeps the pixels (option -fbdir), in the format of
// XWDFile.h with 32 bits a pixel: red, green and blue from bit 16 down. It returns a part
// of them.
func parse(b []byte, part image.Rectangle) (*image.RGBA, error) {
	const fields = 25 // of the header, 32 bits each, before the name of the window
	if len(b) < 4*fields {
		return nil, fmt.Errorf("screen: %d bytes", len(b))
	}
	field := func(i int) int { return int(binary.BigEndian.Uint32(b[4*i:])) }
	start := field(0) + 12*field(19) // header_size, ncolors of 12 bytes
	width, height, line := field(4), field(5), field(12)
	if version, bits := field(1), field(11); version != 7 || bits != 32 || line < 4*width || len(b) < start+line*height {
		return nil, fmt.Errorf("screen: version %d, %d bits, %d bytes for %dx%d", version, bits, len(b), width, height)
	}
	red, green, blue := 1, 2, 3
	if field(7) == 0 { // the byte with the lowest bits comes first
		red, green, blue = 2, 1, 0
	}
	part = part.Intersect(image.Rect(0, 0, width, height))
	img := image.NewRGBA(part)
	for y := range part.Dy() {
		from, to := b[start+(part.Min.Y+y)*line+4*part.Min.X:][:4*part.Dx()], img.Pix[y*img.Stride:][:4*part.Dx()]
		for i := 0; i < len(to); i += 4 {
			to[i], to[i+1], to[i+2], to[i+3] = from[i+red], from[i+green], from[i+blue], 0xff
		}
	}
	return img, nil
}

// said keeps what a process prints.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}
