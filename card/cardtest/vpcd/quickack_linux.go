package vpcd

import (
	"net"
	"syscall"
)

// tcpQuickACK is TCP_QUICKACK, which package syscall does not name.
const tcpQuickACK = 12

// prompt acknowledges data of vpcd at once. vpcd writes the length of a message and the
// message itself separately, and its kernel delays the second write until the first is
// acknowledged, which by default takes 40 ms for each command.
type prompt struct{ net.Conn }

// Read implements io.Reader. The option lasts until the kernel thinks better
// of it, so it is set before each.
func (p prompt) Read(b []byte) (int, error) {
	if c, ok := p.Conn.(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) {
				// Of no use to a socket that is not TCP, and no harm either.
				_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpQuickACK, 1)
			})
		}
	}
	return p.Conn.Read(b)
}
