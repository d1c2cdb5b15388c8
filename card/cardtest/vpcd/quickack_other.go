//go:build !linux

package vpcd

import "net"

// prompt is a connection as it is: other systems acknowledge soon enough.
type prompt struct{ net.Conn }
