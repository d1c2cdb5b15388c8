package sod

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"testing"
	"time"

	"cie/apdu/apdutest/testvector"
	"cie/card/internal/rawcert"
)

// The SOD is that of a card issued in 2022.
func TestVerifyAcceptsRealSOD(t *testing.T) {
	der := testvector.Read(t, "ef-sod-2022.bin")
	s, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Files()) != 6 {
		t.Errorf("files %04X", s.Files())
	}
	signedAt := time.Date(2022, 10, 6, 9, 0, 59, 0, time.UTC)
	for _, name := range []string{"built in", "csca-italy-2020.pem"} {
		roots := BuiltinRoots()
		if name != "built in" {
			roots = &Roots{}
			if err := roots.AddPEM(testvector.Read(t, name)); err != nil {
				t.Fatal(err)
			}
		}
		r, err := s.Verify(roots)
		if err != nil || !r.Trusted || r.RootName != "Italian Country Signer CA (2020-2035)" || !r.SignedAt.Equal(signedAt) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	older := &Roots{}
	if err := older.AddPEM(testvector.Read(t, "csca-italy-2016.pem")); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Verify(older); err != nil || r.Trusted || !errors.Is(r.Reason, errUnknownRoot) {
		t.Errorf("root of 2016: %+v, %v", r, err)
	}
}

// The values of the table are those of the published certificates.
func TestBuiltinRootsEqualCertificates(t *testing.T) {
	for i, name := range []string{"csca-italy-2016-05.pem", "csca-italy-2016.pem", "csca-italy-2020.pem", "csca-italy-2024.pem"} {
		r := &Roots{}
		if err := r.AddPEM(testvector.Read(t, name)); err != nil {
			t.Fatal(err)
		}
		have, want := BuiltinRoots().list[i], r.list[0]
		if !have.subject.Equal(want.subject) || !sameKey(have.key.Key, want.key.Key) || string(have.keyID) != string(want.keyID) ||
			!have.notBefore.Equal(want.notBefore) || !have.notAfter.Equal(want.notAfter) {
			t.Errorf("%s: %+v, want %+v", name, have, want)
		}
		all := BuiltinRoots()
		if err := all.AddPEM(testvector.Read(t, name)); err != nil || all.Len() != len(italianRoots) {
			t.Errorf("%s: %d roots after adding one that is built in, %v", name, all.Len(), err)
		}
	}
}

// CSCA04 signed a link certificate for the key of CSCA05.
func TestLinkCertificateVerifiesUnderOldRoot(t *testing.T) {
	block, _ := pem.Decode(testvector.Read(t, "csca-link-2020-to-2024.pem"))
	if block == nil {
		t.Fatal("no PEM")
	}
	link, err := rawcert.Parse(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key, err := readKey(link.SPKI)
	if err != nil {
		t.Fatal(err)
	}
	roots := BuiltinRoots().list
	older, newer := roots[2], roots[3]
	if err := verifyCertificate(link, older.key); err != nil {
		t.Errorf("under the key of CSCA04: %v", err)
	}
	if err := verifyCertificate(link, newer.key); err == nil {
		t.Error("verifies under the key of CSCA05, too")
	}
	if !sameKey(key.Key, newer.key.Key) || !bytes.Equal(link.SubjectKeyID(), newer.keyID) ||
		!bytes.Equal(link.AuthorityKeyID(), older.keyID) || !link.Subject.Equal(newer.subject) {
		t.Error("the link is not for CSCA05")
	}
}

func TestVerifyDetectsFlippedBitsOfRealSOD(t *testing.T) {
	flipAll(t, testvector.Read(t, "ef-sod-2022.bin"), BuiltinRoots(), 8)
}

// traced is the synthetic card of the recorded traces.
type traced struct {
	Card struct {
		Files map[string]string
		Root  map[string]string `json:"files_root"`
		CSCA  string
	}
}

func readTraced(t testing.TB) (files map[uint16][]byte, der []byte, roots *Roots) {
	t.Helper()
	var v traced
	if err := json.Unmarshal(testvector.Read(t, "field-client-traces.json"), &v); err != nil {
		t.Fatal(err)
	}
	content := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil || len(b) == 0 {
			t.Fatalf("%q: %v", s, err)
		}
		return b
	}
	roots = &Roots{}
	if err := roots.AddDER(content(v.Card.CSCA)); err != nil {
		t.Fatal(err)
	}
	return map[uint16][]byte{
		FileNIS:         content(v.Card.Files["1001"]),
		FileSerial:      content(v.Card.Files["1002"]),
		FileCertificate: content(v.Card.Files["1003"]),
		FileIntKey:      content(v.Card.Files["1004"]),
		FileServicesKey: content(v.Card.Files["1005"]),
		FileDH:          content(v.Card.Root["D004"]),
	}, content(v.Card.Files["1006"]), roots
}

func TestVerifyTracedSOD(t *testing.T) {
	files, der, roots := readTraced(t)
	s, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := s.Verify(roots); err != nil || !r.Trusted {
		t.Fatalf("%+v, %v", r, err)
	}
	if r, err := s.Verify(BuiltinRoots()); err != nil || r.Trusted {
		t.Errorf("trusted by the real roots: %+v, %v", r, err)
	}
	for fid, content := range files {
		if err := s.CheckFile(fid, content); err != nil {
			t.Error(err)
		}
		content[len(content)/8] ^= 0x10
		var wrong *VerifyError
		if err := s.CheckFile(fid, content); !errors.As(err, &wrong) {
			t.Errorf("%04X changed: %v", fid, err)
		}
	}
}

func TestVerifyDetectsFlippedBitsOfTracedSOD(t *testing.T) {
	_, der, roots := readTraced(t)
	flipAll(t, der, roots, 2)
}
