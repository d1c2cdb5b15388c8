package main

import (
	"net"

	"golang.org/x/sys/unix"
)

// quickACK acknowledges what vpcd sends at once. vpcd writes the length of a
// message and the message itself one by one, and the kernel keeps the second
// back until the first is acknowledged: 40 ms per command otherwise.
type quickACK struct{ net.Conn }

// Read implements io.Reader. The option lasts for one answer, so it is set
// before each.
func (q quickACK) Read(b []byte) (int, error) {
	if c, ok := q.Conn.(*net.TCPConn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) {
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
			})
		}
	}
	return q.Conn.Read(b)
}
