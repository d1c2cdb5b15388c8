//go:build linux

package windowstest

import (
	"strings"
	"testing"
)

// TestServiceReachesCard expects cie.exe to see a card that lies in a reader of
// pcscd, and to find no card once it is gone.
func TestServiceReachesCard(t *testing.T) {
	t.Parallel()
	s := startService(t)
	remove := s.insert(t)
	if r := s.run(t, "", "cie.exe", "status"); r.code != 0 {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if r := s.run(t, "", "cie.exe", "readers"); r.code != 0 || !strings.Contains(r.stdout, "Virtual PCD") {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	remove()
	if r := s.run(t, "", "cie.exe", "status"); r.code != 3 {
		t.Errorf("exit code %d without a card\n%s%s", r.code, r.stdout, r.stderr)
	}
}
