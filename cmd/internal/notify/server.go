//go:build !windows

package notify

import (
	"bufio"
	"context"
	"encoding/binary"
	"net"
	"os"
	"sync"
	"time"
)

// Server is a notification service that records the notifications it receives. Tests
// run it on a bus of their own instead of a desktop.
type Server struct {
	conn net.Conn

	mu    sync.Mutex
	shown []Message
	wake  chan struct{}
}

// Serve acquires the name of the notification service on the bus at address.
func Serve(ctx context.Context, address string) (*Server, error) {
	conn, err := dial(ctx, []string{address})
	if err != nil {
		return nil, err
	}
	// A bus that does not answer ends the start, not the test.
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		conn.Close()
		return nil, err
	}
	s := &Server{conn: conn, wake: make(chan struct{})}
	b := &bus{w: conn, r: bufio.NewReader(conn)}
	if err := b.authenticate(os.Getuid()); err != nil {
		conn.Close()
		return nil, err
	}
	var name writer
	name.str("org.freedesktop.Notifications")
	name.u32(0)
	for _, c := range []struct {
		member, signature string
		body              []byte
	}{{"Hello", "", nil}, {"RequestName", "su", name.b}} {
		if _, err := b.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", c.member, c.signature, c.body); err != nil {
			conn.Close()
			return nil, err
		}
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		conn.Close()
		return nil, err
	}
	go s.serve(b)
	return s, nil
}

func (s *Server) serve(b *bus) {
	for {
		m, err := readMessage(b.r)
		if err != nil {
			return
		}
		if m.kind != kindCall || m.member != "Notify" || m.signature != "susssasa{sv}i" {
			continue
		}
		id := s.show(m)
		b.serial++
		answer := message{kind: kindReturn, serial: b.serial, replyTo: m.serial, dest: m.sender, signature: "u", body: binary.LittleEndian.AppendUint32(nil, id)}
		if _, err := b.w.Write(answer.encode()); err != nil {
			return
		}
	}
}

// show records the message and returns its number.
func (s *Server) show(m message) uint32 {
	r := reader{m.body, 0, m.order}
	var n Message
	n.App, _ = r.str()
	n.Replaces, _ = r.u32()
	n.Icon, _ = r.str()
	n.Summary, _ = r.str()
	n.Body, _ = r.str()
	r.u32() // no actions
	// The one hint: {"urgency": byte}.
	if l, ok := r.u32(); ok && l > 0 {
		r.align(8)
		r.str()
		r.sig()
		if u, ok := r.take(1); ok {
			n.Urgent = u[0] == 2
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = append(s.shown, n)
	close(s.wake)
	s.wake = make(chan struct{})
	if n.Replaces != 0 {
		return n.Replaces
	}
	return uint32(len(s.shown))
}

// Wait returns the n-th notification (from 0) once it has been shown.
func (s *Server) Wait(ctx context.Context, n int) (Message, error) {
	for {
		s.mu.Lock()
		shown, wake := s.shown, s.wake
		s.mu.Unlock()
		if n < len(shown) {
			return shown[n], nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return Message{}, ctx.Err()
		}
	}
}

// Shown returns the notifications received so far.
func (s *Server) Shown() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.shown...)
}

// Close leaves the bus.
func (s *Server) Close() error { return s.conn.Close() }
