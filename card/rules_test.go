package card

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"cie/apdu"
)

func TestCheckCodeTakesEightDigitsOnly(t *testing.T) {
	for _, good := range []string{"00000000", "12345678", "99999999"} {
		if err := CheckCode([]byte(good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "1234", "1234567", "123456789", "1234567a", "1234 678", "１２３４"} {
		var format *FormatError
		if err := CheckCode([]byte(bad)); !errors.As(err, &format) || format.Length != len(bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestCheckNewPINRefusesWeakPINs(t *testing.T) {
	tests := []struct {
		pin, old string
		want     Weakness
	}{
		{"11111111", "", WeakSame},
		{"00000000", "00000000", WeakSame},
		{"12345678", "", WeakRun},
		{"87654321", "", WeakRun},
		{"67890123", "", WeakRun},
		{"32109876", "", WeakRun},
		{"62951413", "62951413", WeakUnchanged},
		{"62951413", "62951414", ""},
		{"62951413", "", ""},
		{"11111112", "", ""},
		{"12345679", "", ""},
	}
	for _, tt := range tests {
		var old []byte
		if tt.old != "" {
			old = []byte(tt.old)
		}
		err := CheckNewPIN([]byte(tt.pin), old)
		var weak *WeakPINError
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.pin, err)
		case tt.want != "" && (!errors.As(err, &weak) || weak.Reason != tt.want):
			t.Errorf("%s after %q: %v, want %s", tt.pin, tt.old, err, tt.want)
		}
	}
	var format *FormatError
	if err := CheckNewPIN([]byte("1234"), nil); !errors.As(err, &format) {
		t.Errorf("short: %v", err)
	}
}

func TestDigestInfoIsDERForEveryHash(t *testing.T) {
	for _, h := range []crypto.Hash{crypto.SHA1, crypto.SHA224, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		digest := bytes.Repeat([]byte{0xA5}, h.Size())
		info, err := DigestInfo(h, digest)
		if err != nil {
			t.Fatal(err)
		}
		var parsed struct {
			Algorithm struct {
				OID    asn1.ObjectIdentifier
				Params asn1.RawValue
			}
			Digest []byte
		}
		if rest, err := asn1.Unmarshal(info, &parsed); err != nil || len(rest) != 0 {
			t.Fatalf("%v: %v", h, err)
		}
		if !bytes.Equal(parsed.Digest, digest) || CheckSign(info) != nil {
			t.Errorf("%v: %X", h, info)
		}
		if _, err := DigestInfo(h, digest[1:]); err == nil {
			t.Errorf("%v: a short digest was accepted", h)
		}
	}
	if got, err := DigestInfo(crypto.MD5SHA1, make([]byte, 36)); err != nil || len(got) != 36 {
		t.Errorf("MD5SHA1: %X, %v", got, err)
	}
	if _, err := DigestInfo(crypto.SHA3_256, make([]byte, 32)); !errors.Is(err, ErrUnsupported) {
		t.Errorf("SHA3: %v", err)
	}
}

func TestDirStoreLoadsSavesAndDeletes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cie", "cards")
	s := DirStore(dir)
	if _, err := s.Load("123456789012"); !errors.Is(err, ErrNotStored) {
		t.Fatalf("empty store: %v", err)
	}
	if err := s.Delete("123456789012"); err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{"one", "two"} {
		if err := s.Save("123456789012", []byte(data)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Load("123456789012"); err != nil || string(got) != data {
			t.Fatalf("%q, %v", got, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	if bytes.Contains([]byte(entries[0].Name()), []byte("123456789012")) {
		t.Error("the file name shows the NIS")
	}
	for _, name := range []string{dir, filepath.Join(dir, entries[0].Name())} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	if err := s.Delete("123456789012"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load("123456789012"); !errors.Is(err, ErrNotStored) {
		t.Errorf("after Delete: %v", err)
	}
}

func TestErrorsUnwrapToTheirCause(t *testing.T) {
	blocked := &PINError{Ref: PIN, Tries: 0, SW: apdu.SWBlocked}
	if !errors.Is(blocked, apdu.SWBlocked) || !blocked.Blocked() {
		t.Error("a blocked PIN does not unwrap to its status")
	}
	if errors.Unwrap(&PINError{Ref: PIN}) != nil {
		t.Error("a code that was not sent has a status")
	}
	step := &StepError{Step: StepSign, Err: &apdu.Error{INS: 0x88, SW: apdu.SWSecurityNotSatisfied}}
	if !errors.Is(step, apdu.SWSecurityNotSatisfied) {
		t.Error("a step does not unwrap to its status")
	}
	cut := &InterruptedError{Ref: PUK, State: PINUnknown, Err: &StepError{Step: StepResetPIN, Err: apdu.ErrRemoved}}
	if !errors.Is(cut, apdu.ErrRemoved) {
		t.Error("an interruption does not unwrap to its cause")
	}
	wrong := &NotGenuineError{Check: "sod-signature", Err: x509.UnknownAuthorityError{}}
	if !errors.Is(wrong, ErrNotGenuine) {
		t.Error("a NotGenuineError is not ErrNotGenuine")
	}
}

func TestSecondStepReportsStateOfPIN(t *testing.T) {
	for sw, want := range map[apdu.SW]PINState{
		apdu.SWWrongLength:            PINUnchanged,
		apdu.SWSecurityNotSatisfied:   PINUnchanged,
		apdu.SWBlocked:                PINUnchanged,
		apdu.SWTries | 2:              PINUnchanged,
		apdu.SWConditionsNotSatisfied: PINUnchanged,
		apdu.SWWrongData:              PINUnchanged,
		apdu.SWMemoryFailure:          PINUnchanged,
		apdu.SWWarning:                PINUnknown,
		apdu.SWWarnFileFull:           PINUnknown,
		apdu.SWChanged:                PINUnknown,
		apdu.SWNoDiagnosis:            PINUnknown,
		0x9001:                        PINUnknown,
	} {
		op := &operation{
			transaction: &transaction{chip: &chip{}, step: StepChangePIN},
			s:           &Session{tries: map[PINRef]Tries{}},
		}
		var cut *InterruptedError
		if err := op.secondStep(PIN, insChangeReferenceData, apdu.Response{SW: sw}, nil); !errors.As(err, &cut) || cut.State != want {
			t.Errorf("%04X: %v, want state %d", uint16(sw), err, want)
		}
	}
}
