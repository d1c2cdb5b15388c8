package ck

import (
	"bytes"
	"testing"

	"github.com/miekg/pkcs11"
)

// The numbers are those of the standard; the table of another library must be equal.
func TestNumbersEqualOtherLibrary(t *testing.T) {
	for _, c := range []struct {
		name       string
		ours, want uint
	}{
		{"CKR_ARGUMENTS_BAD", uint(CKR_ARGUMENTS_BAD), pkcs11.CKR_ARGUMENTS_BAD},
		{"CKR_BUFFER_TOO_SMALL", uint(CKR_BUFFER_TOO_SMALL), pkcs11.CKR_BUFFER_TOO_SMALL},
		{"CKR_CRYPTOKI_NOT_INITIALIZED", uint(CKR_CRYPTOKI_NOT_INITIALIZED), pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED},
		{"CKR_DEVICE_REMOVED", uint(CKR_DEVICE_REMOVED), pkcs11.CKR_DEVICE_REMOVED},
		{"CKR_PIN_LOCKED", uint(CKR_PIN_LOCKED), pkcs11.CKR_PIN_LOCKED},
		{"CKR_USER_TYPE_INVALID", uint(CKR_USER_TYPE_INVALID), pkcs11.CKR_USER_TYPE_INVALID},
		{"CKR_TOKEN_WRITE_PROTECTED", uint(CKR_TOKEN_WRITE_PROTECTED), pkcs11.CKR_TOKEN_WRITE_PROTECTED},
		{"CKR_FUNCTION_REJECTED", uint(CKR_FUNCTION_REJECTED), pkcs11.CKR_FUNCTION_REJECTED},
		{"CKA_ID", CKA_ID, pkcs11.CKA_ID},
		{"CKA_CERTIFICATE_CATEGORY", CKA_CERTIFICATE_CATEGORY, pkcs11.CKA_CERTIFICATE_CATEGORY},
		{"CKA_MODULUS_BITS", CKA_MODULUS_BITS, pkcs11.CKA_MODULUS_BITS},
		{"CKA_ALWAYS_AUTHENTICATE", CKA_ALWAYS_AUTHENTICATE, pkcs11.CKA_ALWAYS_AUTHENTICATE},
		{"CKA_ALLOWED_MECHANISMS", CKA_ALLOWED_MECHANISMS, pkcs11.CKA_ALLOWED_MECHANISMS},
		{"CKA_COPYABLE", CKA_COPYABLE, pkcs11.CKA_COPYABLE},
		{"CKM_SHA224_RSA_PKCS", CKM_SHA224_RSA_PKCS, pkcs11.CKM_SHA224_RSA_PKCS},
		{"CKM_SHA512_RSA_PKCS", CKM_SHA512_RSA_PKCS, pkcs11.CKM_SHA512_RSA_PKCS},
		{"CKM_SHA512", CKM_SHA512, pkcs11.CKM_SHA512},
		{"CKF_SO_PIN_LOCKED", CKF_SO_PIN_LOCKED, pkcs11.CKF_SO_PIN_LOCKED},
		{"CKF_DONT_BLOCK", CKF_DONT_BLOCK, pkcs11.CKF_DONT_BLOCK},
		{"CKO_PRIVATE_KEY", CKO_PRIVATE_KEY, pkcs11.CKO_PRIVATE_KEY},
	} {
		if c.ours != c.want {
			t.Errorf("%s = %#x, want %#x", c.name, c.ours, c.want)
		}
	}
}

func TestRVHasItsName(t *testing.T) {
	if s := CKR_PIN_LEN_RANGE.String(); s != "CKR_PIN_LEN_RANGE" {
		t.Error(s)
	}
	if s := RV(0x80001234).Error(); s != "CKR_0x80001234" {
		t.Error(s)
	}
}

func TestPadKeepsWholeCharacters(t *testing.T) {
	for _, c := range []struct {
		in   string
		size int
		want string
	}{
		{"CIE", 6, "CIE   "},
		{"", 2, "  "},
		{"abcdef", 4, "abcd"},
		{"Identità", 8, "Identit "}, // the accented letter has two bytes and would be split
		{"Identità", 9, "Identità"},
	} {
		b := bytes.Repeat([]byte{0xFF}, c.size)
		Pad(b, c.in)
		if string(b) != c.want {
			t.Errorf("Pad(%q, %d) = %q, want %q", c.in, c.size, b, c.want)
		}
	}
}

func TestInputChecksLength(t *testing.T) {
	if Bytes(nil).Bad() || Bytes([]byte{}).Bad() || !(Input{Len: 1}).Bad() {
		t.Error("only a NULL_PTR with a length is bad")
	}
}
