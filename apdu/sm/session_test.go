package sm_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"cie/apdu"
	"cie/apdu/apdutest"
	"cie/apdu/sm"
)

// The session contains every form of command and response and was computed with
// OpenSSL. The comments have the plain commands and responses.
func TestChannelReproducesOpenSSLSession(t *testing.T) {
	exchanges, err := apdutest.ReadFile("testdata/session.apdu")
	if err != nil {
		t.Fatal(err)
	}
	replay := apdutest.NewReplay(exchanges)
	var (
		channel *sm.Channel
		cmd     apdu.Command
		played  int
	)
	for _, e := range exchanges {
		for _, comment := range e.Comments {
			if zz, ok := strings.CutPrefix(comment, "zz "); ok {
				keys := sm.DeriveKeys(unhex(t, zz))
				channel = sm.New(apdu.NewClient(replay, apdu.Config{}), keys, [8]byte{7: 1})
				keys.Wipe()
			}
			if plain, ok := strings.CutPrefix(comment, "plain > "); ok {
				if cmd, err = apdu.ParseCommand(unhex(t, plain)); err != nil {
					t.Fatal(err)
				}
			}
			plain, ok := strings.CutPrefix(comment, "plain < ")
			if !ok {
				continue
			}
			played++
			r, err := channel.Send(cmd)
			if plain == "lost" {
				if !errors.Is(err, sm.ErrClearStatus) || !errors.Is(err, apdu.SWSMObjectWrong) {
					t.Errorf("%v: %v, %v", cmd, r, err)
				}
				if want := "secure channel lost: status in the clear: secure messaging object incorrect (6988)"; err.Error() != want {
					t.Errorf("%q, want %q", err, want)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%v: %v", cmd, err)
			}
			if got := r.Encode(); !bytes.Equal(got, unhex(t, plain)) {
				t.Errorf("%v: answer %X, want %s", cmd, got, plain)
			}
		}
	}
	if err := replay.Done(); err != nil {
		t.Error(err)
	}
	if played < 10 {
		t.Errorf("only %d commands in the trace", played)
	}
}
