//go:build !windows

package notify

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// callTime limits one call when the context has no earlier end: the bus starts
// the desktop's service on demand.
const callTime = 5 * time.Second

// addresses lists the possible addresses of the session bus: the one in the
// environment, and the socket of systemd in the runtime directory.
func addresses(getenv func(string) string) []string {
	if v := getenv("DBUS_SESSION_BUS_ADDRESS"); v != "" {
		return strings.Split(v, ";")
	}
	if dir := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return []string{"unix:path=" + filepath.Join(dir, "bus")}
	}
	return nil
}

func send(ctx context.Context, addrs []string, m Message) (uint32, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	conn, err := dial(ctx, addrs)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if end, ok := ctx.Deadline(); ok {
		conn.SetDeadline(end)
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	b := &bus{w: conn, r: bufio.NewReader(conn)}
	if err := b.authenticate(os.Getuid()); err != nil {
		return 0, err
	}
	if _, err := b.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", "", nil); err != nil {
		return 0, err
	}
	var body writer
	body.str(m.App)
	body.u32(m.Replaces)
	body.str(m.Icon)
	body.str(m.Summary)
	// Servers with support for markup interpret it in the body (Body Markup).
	body.str(escape.Replace(m.Body))
	body.array(4, func() {}) // actions
	body.array(8, func() {   // hints, a{sv}
		urgency := byte(1)
		if m.Urgent {
			urgency = 2
		}
		body.align(8)
		body.str("urgency")
		body.sig("y")
		body.b = append(body.b, urgency)
	})
	body.u32(0xffffffff) // expire_timeout -1: the desktop's choice
	reply, err := b.call("org.freedesktop.Notifications", "/org/freedesktop/Notifications",
		"org.freedesktop.Notifications", "Notify", "susssasa{sv}i", body.b)
	if err != nil {
		return 0, err
	}
	if len(reply.body) < 4 {
		return 0, errors.New("notify: empty answer")
	}
	return reply.order.Uint32(reply.body), nil
}

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// dial connects to the first address that answers.
func dial(ctx context.Context, addrs []string) (net.Conn, error) {
	err := ErrNoDesktop
	for _, a := range addrs {
		name, ok := socket(a)
		if !ok {
			continue
		}
		var d net.Dialer
		conn, derr := d.DialContext(ctx, "unix", name)
		if derr == nil {
			if derr = ownBus(conn); derr == nil {
				return conn, nil
			}
			conn.Close()
		}
		err = fmt.Errorf("%w: %w", ErrNoDesktop, derr)
	}
	return nil, err
}

// ownBus returns an error for root on the bus of another user.
func ownBus(conn net.Conn) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, err := peer(conn)
	if err == nil && uid > 0 {
		err = fmt.Errorf("the bus belongs to user %d", uid)
	}
	return err
}

// socket reads a server address (D-Bus specification, Server Addresses). Only
// sockets of this machine are of use.
func socket(address string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(address, "unix:")
	if !ok {
		return "", false
	}
	for kv := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(kv, "=")
		// Bytes are escaped as in a URL; '+' is itself.
		v, err := url.PathUnescape(v)
		if err != nil || v == "" {
			continue
		}
		switch k {
		case "path":
			return v, true
		case "abstract":
			return "@" + v, true
		}
	}
	return "", false
}

// bus is a connection to a message bus.
type bus struct {
	w      io.Writer
	r      *bufio.Reader
	serial uint32
}

// authenticate proves the identity of the user by the credentials of the socket
// (Authentication Protocol, EXTERNAL).
func (b *bus) authenticate(uid int) error {
	id := hex.EncodeToString([]byte(strconv.Itoa(uid)))
	if _, err := fmt.Fprintf(b.w, "\x00AUTH EXTERNAL %s\r\n", id); err != nil {
		return err
	}
	line, err := b.line()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "OK ") {
		return fmt.Errorf("notify: the bus refuses: %q", line)
	}
	_, err = io.WriteString(b.w, "BEGIN\r\n")
	return err
}

func (b *bus) line() (string, error) {
	var line []byte
	for len(line) < 1024 {
		c, err := b.r.ReadByte()
		if err != nil {
			return "", err
		}
		if line = append(line, c); strings.HasSuffix(string(line), "\r\n") {
			return string(line[:len(line)-2]), nil
		}
	}
	return "", errors.New("notify: the bus does not speak the protocol")
}

// call calls a method and waits for its reply. It ignores signals.
func (b *bus) call(dest, path, iface, member, signature string, body []byte) (message, error) {
	b.serial++
	m := message{kind: kindCall, serial: b.serial, path: path, iface: iface, member: member, dest: dest, signature: signature, body: body}
	if _, err := b.w.Write(m.encode()); err != nil {
		return message{}, err
	}
	for {
		reply, err := readMessage(b.r)
		if err != nil {
			return message{}, err
		}
		if reply.replyTo != b.serial {
			continue
		}
		switch reply.kind {
		case kindReturn:
			return reply, nil
		case kindError:
			switch reply.errorName {
			case "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner":
				return message{}, ErrNoDesktop
			}
			return message{}, fmt.Errorf("notify: %s", reply.errorName)
		}
	}
}
