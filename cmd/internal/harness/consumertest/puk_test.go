package consumertest

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"cie/card/cardtest"
)

// Twelve processes log in with a wrong PUK at the same time. The module sends it
// only while the chip itself reports four tries or more, so the chip keeps at
// least three; a chip that reports none gets no PUK at all. The state directory
// makes no difference.
func TestWrongPUKOfTwelveProcessesLeavesTheChipAlive(t *testing.T) {
	need(t, "pkcs11-tool")
	const processes, least = 12, 3
	for name, tt := range map[string]struct {
		profile cardtest.Profile
		counter bool
	}{
		"counter":              {cardtest.Profile{}, true},
		"no counter":           {cardtest.Profile{Strict: cardtest.StrictDOCPSM}, false},
		"refused in the clear": {cardtest.Profile{Strict: cardtest.StrictDOCP6982}, false},
	} {
		for _, state := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/state=%v", name, state), func(t *testing.T) {
				h := newHostOf(t, tt.profile, "")
				dir := filepath.Join(h.dir, "state")
				if !state { // a file in place of the directory
					if err := os.WriteFile(dir, nil, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				h.env = append(h.env, "XDG_STATE_HOME="+dir)
				var all sync.WaitGroup
				for i := range processes {
					all.Go(func() {
						wrong := fmt.Sprintf("4040%04d", i)
						if out, err := h.try(t, nil, "pkcs11-tool", "--login", "--login-type", "so", "--module", h.module, "--init-pin", "--so-pin", wrong, "--new-pin", "28281414"); err == nil {
							t.Errorf("accepted:\n%s", out)
						}
					})
				}
				all.Wait()
				pin, puk := h.card.Tries()
				sent := h.card.Stats().Verifies
				t.Logf("%d codes sent, %d tries of the PUK left", sent, puk)
				switch {
				case pin != cardtest.MaxPINTries || puk < least:
					t.Errorf("tries left: PIN %d, PUK %d", pin, puk)
				case tt.counter && sent == 0:
					t.Error("no PUK was sent although the chip reports its tries")
				case !tt.counter && sent != 0:
					t.Errorf("%d codes were sent to a chip that reports no tries", sent)
				}
			})
		}
	}
}
