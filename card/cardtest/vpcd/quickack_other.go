//go:build !linux

package vpcd

import "net"

// prompt is an unmodified connection: other systems acknowledge soon enough.
type prompt struct{ net.Conn }
