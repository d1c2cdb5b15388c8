//go:build linux

package windowstest

import (
	"os"
	"path/filepath"
	"testing"

	"cie/card/cardtest"
	"cie/cmd/internal/harness/rotation"
)

// TestServiceDocuments expects each program to accept what the other one signed.
func TestServiceDocuments(t *testing.T) {
	rotation.Skip(t, 0, 2)
	t.Parallel()
	s := startService(t)
	s.insert(t)
	pin := string(cardtest.DefaultPIN()) + "\n"
	dir, err := os.MkdirTemp(s.dir, "documents-")
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Base(dir)
	windows := func(name string) string { return `Z:\mnt\` + base + `\` + name }
	linux := func(name string) string { return "/mnt/" + base + "/" + name }
	texts := map[string]string{"on-windows.txt": "signed on Windows", "on-linux.txt": "signed on Linux"}
	for name, text := range texts {
		s.write(t, filepath.Join(base, name), text)
	}
	if r := s.run(t, pin, "cie.exe", "sign", windows("on-windows.txt"), "--pin-fd", "0"); r.code != 0 {
		t.Fatalf("cie.exe sign: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if r := s.linux(t, pin, "sign", linux("on-linux.txt"), "--pin-fd", "0"); r.code != 0 {
		t.Fatalf("cie sign: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	// The signature is right, but no authority is trusted for the certificate of a virtual card.
	const unsaid = 13
	for name, text := range texts {
		for extracted, r := range map[string]result{
			"windows-" + name: s.run(t, "", "cie.exe", "verify", windows(name+".p7m"), "--extract", windows("windows-"+name)),
			"linux-" + name:   s.linux(t, "", "verify", linux(name+".p7m"), "--extract", linux("linux-"+name)),
		} {
			if r.code != unsaid {
				t.Errorf("%s: exit code %d\n%s%s", extracted, r.code, r.stdout, r.stderr)
			}
			if got, err := os.ReadFile(filepath.Join(dir, extracted)); err != nil || string(got) != text {
				t.Errorf("%s: %q, %v", extracted, got, err)
			}
		}
	}
}
