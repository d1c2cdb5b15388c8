//go:build linux

package pcscd

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestStart(t *testing.T) {
	d, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Stop()
	cmd := exec.Command("pcsc_scan", "-r")
	cmd.Env = append(os.Environ(), d.Env()...)
	out, err := cmd.CombinedOutput()
	t.Logf("%s %v", out, err)
	for i := range d.Slots() {
		if !strings.Contains(string(out), d.Reader(i)) {
			t.Errorf("no %s", d.Reader(i))
		}
	}
	c, err := d.Dial(1)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}
