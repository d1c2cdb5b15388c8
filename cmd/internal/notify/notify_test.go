//go:build linux

package notify

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"cie/cmd/internal/harness/sessionbus"
)

func TestSendOverRealBus(t *testing.T) {
	address := sessionbus.Start(t).Address
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := send(ctx, []string{address}, Message{Summary: "no service"}); !errors.Is(err, ErrNoDesktop) {
		t.Fatalf("without a service: %v", err)
	}
	s, err := Serve(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := Message{App: "cie", Icon: "cie", Summary: "PIN sbagliato", Body: "Restano 2 tentativi <&> così", Urgent: true}
	id, err := send(ctx, []string{"tcp:host=x", "unix:path=/nowhere", address}, want)
	if err != nil || id != 1 {
		t.Fatalf("id %d, error %v", id, err)
	}
	got, err := s.Wait(ctx, 0)
	want.Body = "Restano 2 tentativi &lt;&amp;&gt; così"
	if err != nil || got != want {
		t.Errorf("shown %+v (%v)", got, err)
	}
	if id, err = send(ctx, []string{address}, Message{Summary: "b", Replaces: 1}); err != nil || id != 1 {
		t.Errorf("id %d, error %v", id, err)
	}
	if got, err := s.Wait(ctx, 1); err != nil || got.Replaces != 1 || got.Urgent {
		t.Errorf("shown %+v (%v)", got, err)
	}
}

// sudo may keep an environment that names the bus of the user.
func TestRootSendsToNoBusOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED HERE: needs root")
	}
	dir, err := os.MkdirTemp("", "cie-bus-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	bus := sessionbus.StartAs(t, dir, &syscall.Credential{Uid: 65534, Gid: 65534})
	_, err = send(t.Context(), []string{bus.Address}, Message{Summary: "x"})
	if !errors.Is(err, ErrNoDesktop) || !strings.Contains(err.Error(), "65534") {
		t.Errorf("%v", err)
	}
}

func TestSendWithoutBusFails(t *testing.T) {
	for _, addrs := range [][]string{nil, {""}, {"unix:path=" + filepath.Join(t.TempDir(), "no")}, {"unix:tmpdir=/tmp"}, {"disabled:"}} {
		if _, err := send(t.Context(), addrs, Message{}); !errors.Is(err, ErrNoDesktop) {
			t.Errorf("%q: %v", addrs, err)
		}
	}
}

// A malformed reply or none gives an error within the time limit.
func TestSendSurvivesBadBus(t *testing.T) {
	for name, answer := range map[string]string{
		"refused": "REJECTED EXTERNAL\r\n", "long": strings.Repeat("x", 5000), "closed": "", "nonsense": "OK 1\r\nxxxxxxxxxxxxxxxxxxxxxxxx",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				io.WriteString(c, answer)
				c.(*net.UnixConn).CloseWrite()
				io.Copy(io.Discard, c)
				c.Close()
			}()
			if _, err := send(t.Context(), []string{"unix:path=" + path}, Message{}); err == nil {
				t.Error("sent")
			}
		})
	}
	t.Run("mute", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		if _, err := send(ctx, []string{"unix:path=" + path}, Message{}); err == nil {
			t.Error("sent")
		}
	})
}

func TestAddressesFollowEnvironment(t *testing.T) {
	env := map[string]string{}
	get := func(k string) string { return env[k] }
	if a := addresses(get); a != nil {
		t.Errorf("%q", a)
	}
	env["XDG_RUNTIME_DIR"] = "/run/user/1"
	if a := addresses(get); len(a) != 1 || a[0] != "unix:path=/run/user/1/bus" {
		t.Errorf("%q", a)
	}
	env["DBUS_SESSION_BUS_ADDRESS"] = "unix:abstract=/a,guid=1;unix:path=/b%20c+d"
	a := addresses(get)
	var names []string
	for _, x := range a {
		n, _ := socket(x)
		names = append(names, n)
	}
	if want := []string{"@/a", "/b c+d"}; !reflect.DeepEqual(names, want) {
		t.Errorf("%q", names)
	}
}

func TestMessageRoundTrip(t *testing.T) {
	for _, m := range []message{
		{kind: kindCall, serial: 1, path: "/a", iface: "b.c", member: "D", dest: "e.f", signature: "s", body: []byte{1, 0, 0, 0, 'x', 0}},
		{kind: kindReturn, serial: 7, replyTo: 9, body: []byte{}},
		{kind: kindError, serial: 7, replyTo: 9, errorName: "x.y", body: []byte{}},
	} {
		got, err := readMessage(bytes.NewReader(m.encode()))
		m.order = binary.LittleEndian
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%+v\nbecame %+v (%v)", m, got, err)
		}
	}
}

func FuzzReadMessage(f *testing.F) {
	m := message{kind: kindCall, serial: 1, path: "/a", iface: "b.c", member: "D", dest: "e.f", signature: "s", body: []byte{1, 0, 0, 0, 'x', 0}}
	f.Add(m.encode())
	f.Add([]byte("B\x02\x00\x01\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00\x08\x05\x01u\x00\x00\x00\x00\x09abcd"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := readMessage(bytes.NewReader(b))
		if err != nil {
			return
		}
		if len(m.body) > len(b) {
			t.Fatalf("a body of %d bytes out of %d", len(m.body), len(b))
		}
	})
}
