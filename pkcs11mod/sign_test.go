package pkcs11mod

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"testing"

	"cie/card"
	"cie/card/cardtest"
	"cie/pkcs11mod/ck"
)

// signer returns a logged-in module with its session and key.
func signer(t testing.TB) (h *host, c *cardtest.Card, s, key uint) {
	t.Helper()
	h, c = oneCard(t, cardtest.Profile{}, newStore())
	s = h.session(false)
	h.login(s)
	return h, c, s, h.one(s, ck.CKO_PRIVATE_KEY)
}

func (h *host) publicKey(s uint) *rsa.PublicKey {
	h.t.Helper()
	x, err := x509.ParseCertificate(h.value(s, h.one(s, ck.CKO_CERTIFICATE), ck.CKA_VALUE))
	if err != nil {
		h.t.Fatal(err)
	}
	return x.PublicKey.(*rsa.PublicKey)
}

var signMechanisms = []struct {
	typ  uint
	hash crypto.Hash
}{
	{ck.CKM_RSA_PKCS, 0},
	{ck.CKM_SHA1_RSA_PKCS, crypto.SHA1},
	{ck.CKM_SHA224_RSA_PKCS, crypto.SHA224},
	{ck.CKM_SHA256_RSA_PKCS, crypto.SHA256},
	{ck.CKM_SHA384_RSA_PKCS, crypto.SHA384},
	{ck.CKM_SHA512_RSA_PKCS, crypto.SHA512},
}

// Every mechanism, in one part and in several, checked
// by the standard library and by the module.
func TestEveryMechanismSignsAndVerifies(t *testing.T) {
	h, _, s, key := signer(t)
	public, pub := h.publicKey(s), h.one(s, ck.CKO_PUBLIC_KEY)
	data := []byte("il contratto è firmato")
	for _, m := range signMechanisms {
		signed := data
		if m.hash != 0 {
			d := m.hash.New()
			d.Write(data)
			signed = d.Sum(nil)
		}
		one := h.sign(s, key, m.typ, data)
		if err := rsa.VerifyPKCS1v15(public, m.hash, signed, one); err != nil {
			t.Errorf("mechanism %#x: %v", m.typ, err)
		}
		h.want("C_SignInit", h.SignInit(s, mech(m.typ), key), ck.CKR_OK)
		for _, part := range [][]byte{data[:3], {}, data[3:10], data[10:]} {
			h.want("C_SignUpdate", h.SignUpdate(s, ck.Bytes(part)), ck.CKR_OK)
		}
		parts, n := make([]byte, 300), uint(300)
		h.want("C_SignFinal", h.SignFinal(s, ck.Output{Data: parts, Len: &n}), ck.CKR_OK)
		if !bytes.Equal(parts[:n], one) {
			t.Errorf("mechanism %#x: another signature in parts", m.typ)
		}

		verify := func(data, sig []byte) ck.RV {
			h.want("C_VerifyInit", h.VerifyInit(s, mech(m.typ), pub), ck.CKR_OK)
			rv := h.Verify(s, ck.Bytes(data), ck.Bytes(sig))
			h.want("over", h.Verify(s, ck.Bytes(data), ck.Bytes(sig)), ck.CKR_OPERATION_NOT_INITIALIZED)
			return rv
		}
		wrong := bytes.Clone(one)
		wrong[100] ^= 1
		h.want("right", verify(data, one), ck.CKR_OK)
		h.want("wrong signature", verify(data, wrong), ck.CKR_SIGNATURE_INVALID)
		h.want("wrong data", verify(data[1:], one), ck.CKR_SIGNATURE_INVALID)
		h.want("short signature", verify(data, one[1:]), ck.CKR_SIGNATURE_LEN_RANGE)
		h.want("C_VerifyInit", h.VerifyInit(s, mech(m.typ), pub), ck.CKR_OK)
		h.want("C_VerifyUpdate", h.VerifyUpdate(s, ck.Bytes(data[:5])), ck.CKR_OK)
		h.want("C_VerifyUpdate", h.VerifyUpdate(s, ck.Bytes(data[5:])), ck.CKR_OK)
		h.want("C_VerifyFinal", h.VerifyFinal(s, ck.Bytes(one)), ck.CKR_OK)
	}
	// TLS 1.2 with a client's own DigestInfo.
	info, err := card.DigestInfo(crypto.SHA256, bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, bytes.Repeat([]byte{7}, 32), h.sign(s, key, ck.CKM_RSA_PKCS, info)); err != nil {
		t.Error(err)
	}
}

// Length queries and short buffers do not end the operation and use no command of the card
// (5.2); everything else ends it.
func TestLengthQueryKeepsOperation(t *testing.T) {
	h, c, s, key := signer(t)
	data := ck.Bytes([]byte("data"))
	big := make([]byte, 256)
	var n uint
	for _, final := range []bool{false, true} {
		call := func(out ck.Output) ck.RV {
			if final {
				return h.SignFinal(s, out)
			}
			return h.Sign(s, data, out)
		}
		start := func() {
			t.Helper()
			h.want("C_SignInit", h.SignInit(s, mech(ck.CKM_SHA256_RSA_PKCS), key), ck.CKR_OK)
			if final {
				h.want("C_SignUpdate", h.SignUpdate(s, data), ck.CKR_OK)
			}
		}
		before := c.Stats().APDUs
		start()
		for range 3 {
			n = 0
			h.want("length", call(ck.Output{Len: &n}), ck.CKR_OK)
			if n != 256 {
				t.Errorf("length %d", n)
			}
			for _, short := range []uint{0, 1, 255} {
				n = short
				h.want("short", call(ck.Output{Data: big[:short], Len: &n}), ck.CKR_BUFFER_TOO_SMALL)
				if n != 256 {
					t.Errorf("length %d", n)
				}
			}
		}
		if got := c.Stats().APDUs - before; got != 0 {
			t.Errorf("%d APDUs for lengths", got)
		}
		n = 256
		h.want("signature", call(ck.Output{Data: big, Len: &n}), ck.CKR_OK)
		h.want("over", call(ck.Output{Data: big, Len: &n}), ck.CKR_OPERATION_NOT_INITIALIZED)
		start()
		h.want("no place for the length", call(ck.Output{Data: big}), ck.CKR_ARGUMENTS_BAD)
		h.want("over", call(ck.Output{Data: big, Len: &n}), ck.CKR_OPERATION_NOT_INITIALIZED)
	}
}

func TestSignRefusesWrongUse(t *testing.T) {
	h, c, s, key := signer(t)
	before := c.Stats().APDUs
	cert, pub := h.one(s, ck.CKO_CERTIFICATE), h.one(s, ck.CKO_PUBLIC_KEY)
	for _, m := range []uint{
		ck.CKM_RSA_X_509, ck.CKM_RSA_PKCS_PSS, ck.CKM_SHA256_RSA_PKCS_PSS, ck.CKM_SHA256, ck.CKM_RSA_PKCS_KEY_PAIR_GEN, ck.Unavailable,
	} {
		h.want("C_SignInit", h.SignInit(s, mech(m), key), ck.CKR_MECHANISM_INVALID)
		h.want("C_VerifyInit", h.VerifyInit(s, mech(m), pub), ck.CKR_MECHANISM_INVALID)
		h.want("C_DecryptInit", h.NoMechanism(s, mech(m)), ck.CKR_MECHANISM_INVALID)
	}
	h.want("digest with a signature mechanism", h.DigestInit(s, mech(ck.CKM_SHA256_RSA_PKCS)), ck.CKR_MECHANISM_INVALID)
	h.want("parameter", h.SignInit(s, &ck.Mechanism{Type: ck.CKM_RSA_PKCS, HasParameter: true, ParameterLen: 4}, key), ck.CKR_MECHANISM_PARAM_INVALID)
	h.want("no key", h.SignInit(s, mech(ck.CKM_RSA_PKCS), 0), ck.CKR_KEY_HANDLE_INVALID)
	h.want("a certificate", h.SignInit(s, mech(ck.CKM_RSA_PKCS), cert), ck.CKR_KEY_HANDLE_INVALID)
	h.want("the public key", h.SignInit(s, mech(ck.CKM_RSA_PKCS), pub), ck.CKR_KEY_FUNCTION_NOT_PERMITTED)
	h.want("verify with the private key", h.VerifyInit(s, mech(ck.CKM_RSA_PKCS), key), ck.CKR_KEY_FUNCTION_NOT_PERMITTED)
	h.want("verify with a certificate", h.VerifyInit(s, mech(ck.CKM_RSA_PKCS), cert), ck.CKR_KEY_HANDLE_INVALID)

	for _, n := range []int{0, 103, 245, 256, 4096} {
		_, rv := h.trySign(s, key, ck.CKM_RSA_PKCS, make([]byte, n))
		h.want("length", rv, ck.CKR_DATA_LEN_RANGE)
		h.want("over", h.SignUpdate(s, ck.Input{}), ck.CKR_OPERATION_NOT_INITIALIZED)
	}
	h.want("C_SignInit", h.SignInit(s, mech(ck.CKM_RSA_PKCS), key), ck.CKR_OK)
	h.want("first part", h.SignUpdate(s, ck.Bytes(make([]byte, 102))), ck.CKR_OK)
	h.want("one more", h.SignUpdate(s, ck.Bytes(make([]byte, 1))), ck.CKR_DATA_LEN_RANGE)
	h.want("over", h.SignUpdate(s, ck.Input{}), ck.CKR_OPERATION_NOT_INITIALIZED)
	for _, m := range []uint{ck.CKM_RSA_PKCS, ck.CKM_SHA256_RSA_PKCS} {
		out, n := make([]byte, 256), uint(256)
		h.want("C_SignInit", h.SignInit(s, mech(m), key), ck.CKR_OK)
		h.want("twice", h.SignInit(s, mech(m), key), ck.CKR_OPERATION_ACTIVE)
		h.want("a search meanwhile", h.FindObjectsInit(s, nil, 0), ck.CKR_OPERATION_ACTIVE)
		h.want("verification meanwhile", h.VerifyInit(s, mech(m), pub), ck.CKR_OPERATION_ACTIVE)
		h.want("NULL data with a length", h.Sign(s, ck.Input{Len: 5}, ck.Output{Data: out, Len: &n}), ck.CKR_ARGUMENTS_BAD)
		h.want("over", h.Sign(s, ck.Input{}, ck.Output{Data: out, Len: &n}), ck.CKR_OPERATION_NOT_INITIALIZED)
		h.want("C_SignInit", h.SignInit(s, mech(m), key), ck.CKR_OK)
		h.want("impossible length", h.SignUpdate(s, ck.Input{Len: ck.Unavailable}), ck.CKR_DATA_LEN_RANGE)
		h.want("C_SignInit", h.SignInit(s, mech(m), key), ck.CKR_OK)
		h.want("C_SignUpdate", h.SignUpdate(s, ck.Bytes([]byte("a"))), ck.CKR_OK)
		h.want("C_Sign after a part", h.Sign(s, ck.Input{}, ck.Output{Data: out, Len: &n}), ck.CKR_OPERATION_NOT_INITIALIZED)
		h.want("C_SignInit", h.SignInit(s, mech(m), key), ck.CKR_OK)
		h.want("v3.0 cancel", h.SignInit(s, nil, 0), ck.CKR_OK)
		h.want("cancelled", h.SignInit(s, nil, 0), ck.CKR_ARGUMENTS_BAD)
	}
	if n := c.Stats().APDUs - before; n != 0 {
		t.Errorf("%d APDUs", n)
	}
	h.sign(s, key, ck.CKM_RSA_PKCS, make([]byte, 102))
}

// A signature belongs to the login it was begun in.
func TestSignNotLoggedIn(t *testing.T) {
	h, _, s, key := signer(t)
	other := h.session(false)
	out, n := make([]byte, 256), uint(256)
	start := func() {
		t.Helper()
		h.want("C_SignInit", h.SignInit(s, mech(ck.CKM_SHA256_RSA_PKCS), key), ck.CKR_OK)
	}
	start()
	h.want("C_Logout", h.Logout(other), ck.CKR_OK)
	h.want("C_Sign", h.Sign(s, ck.Input{}, ck.Output{Data: out, Len: &n}), ck.CKR_USER_NOT_LOGGED_IN)
	h.want("over", h.Sign(s, ck.Input{}, ck.Output{Data: out, Len: &n}), ck.CKR_OPERATION_NOT_INITIALIZED)
	h.login(s)
	key = h.one(s, ck.CKO_PRIVATE_KEY)
	start()
	h.want("C_Logout", h.Logout(other), ck.CKR_OK)
	h.login(other)
	h.want("C_SignUpdate", h.SignUpdate(s, ck.Input{}), ck.CKR_OPERATION_NOT_INITIALIZED)
	// It does not prevent another operation.
	for _, next := range []func() ck.RV{
		func() ck.RV { return h.SignInit(s, mech(ck.CKM_SHA256_RSA_PKCS), h.one(other, ck.CKO_PRIVATE_KEY)) },
		func() ck.RV { return h.VerifyInit(s, mech(ck.CKM_SHA256_RSA_PKCS), h.one(other, ck.CKO_PUBLIC_KEY)) },
		func() ck.RV { return h.DigestInit(s, mech(ck.CKM_SHA256)) },
		func() ck.RV { return h.FindObjectsInit(s, nil, 0) },
	} {
		key = h.one(other, ck.CKO_PRIVATE_KEY)
		start()
		h.want("C_Logout", h.Logout(other), ck.CKR_OK)
		h.login(other)
		h.want("next operation", next(), ck.CKR_OK)
		h.want("C_SessionCancel", h.SessionCancel(s, ^uint(0)), ck.CKR_OK)
	}
}

func TestDigestEqualsHash(t *testing.T) {
	h, c, s, key := signer(t)
	before := c.Stats().APDUs
	data := []byte("abc")
	want := sha256.Sum256(data)
	out, n := make([]byte, 64), uint(0)
	h.want("C_DigestInit", h.DigestInit(s, mech(ck.CKM_SHA256)), ck.CKR_OK)
	h.want("twice", h.DigestInit(s, mech(ck.CKM_SHA256)), ck.CKR_OPERATION_ACTIVE)
	h.want("length", h.Digest(s, ck.Bytes(data), ck.Output{Len: &n}), ck.CKR_OK)
	n = 31
	h.want("short", h.Digest(s, ck.Bytes(data), ck.Output{Data: out[:31], Len: &n}), ck.CKR_BUFFER_TOO_SMALL)
	if n != 32 {
		t.Errorf("length %d", n)
	}
	n = 64
	h.want("digest", h.Digest(s, ck.Bytes(data), ck.Output{Data: out, Len: &n}), ck.CKR_OK)
	if !bytes.Equal(out[:n], want[:]) {
		t.Errorf("%X", out[:n])
	}
	h.want("over", h.DigestUpdate(s, ck.Bytes(data)), ck.CKR_OPERATION_NOT_INITIALIZED)

	h.want("C_DigestInit", h.DigestInit(s, mech(ck.CKM_SHA256)), ck.CKR_OK)
	h.want("C_DigestUpdate", h.DigestUpdate(s, ck.Bytes(data[:1])), ck.CKR_OK)
	h.want("C_DigestUpdate", h.DigestUpdate(s, ck.Bytes(data[1:])), ck.CKR_OK)
	n = 0
	h.want("length", h.DigestFinal(s, ck.Output{Len: &n}), ck.CKR_OK)
	n = 1
	h.want("short", h.DigestFinal(s, ck.Output{Data: out[:1], Len: &n}), ck.CKR_BUFFER_TOO_SMALL)
	n = 32
	clear(out)
	h.want("digest", h.DigestFinal(s, ck.Output{Data: out, Len: &n}), ck.CKR_OK)
	if !bytes.Equal(out[:n], want[:]) {
		t.Errorf("%X", out[:n])
	}
	h.want("C_DigestInit", h.DigestInit(s, mech(ck.CKM_SHA_1)), ck.CKR_OK)
	h.want("C_DigestUpdate", h.DigestUpdate(s, ck.Bytes(data)), ck.CKR_OK)
	h.want("C_Digest after a part", h.Digest(s, ck.Bytes(data), ck.Output{Data: out, Len: &n}), ck.CKR_OPERATION_NOT_INITIALIZED)
	for name, f := range map[string]struct {
		call func() ck.RV
		want ck.RV
	}{
		"NULL part":     {func() ck.RV { return h.DigestUpdate(s, ck.Input{Len: 4}) }, ck.CKR_ARGUMENTS_BAD},
		"NULL data":     {func() ck.RV { return h.Digest(s, ck.Input{Len: 4}, ck.Output{Data: out, Len: &n}) }, ck.CKR_ARGUMENTS_BAD},
		"NULL length":   {func() ck.RV { return h.Digest(s, ck.Input{}, ck.Output{Data: out}) }, ck.CKR_ARGUMENTS_BAD},
		"NULL length 2": {func() ck.RV { return h.DigestFinal(s, ck.Output{Data: out}) }, ck.CKR_ARGUMENTS_BAD},
		"a key":         {func() ck.RV { return h.DigestKey(s, key) }, ck.CKR_KEY_INDIGESTIBLE},
		"no key":        {func() ck.RV { return h.DigestKey(s, 0) }, ck.CKR_KEY_HANDLE_INVALID},
	} {
		h.want("C_DigestInit", h.DigestInit(s, mech(ck.CKM_SHA512)), ck.CKR_OK)
		n = 64
		h.want(name, f.call(), f.want)
		h.want("over after "+name, h.DigestUpdate(s, ck.Bytes(data)), ck.CKR_OPERATION_NOT_INITIALIZED)
	}
	h.want("C_DigestInit", h.DigestInit(s, mech(ck.CKM_SHA512)), ck.CKR_OK)
	h.want("v3.0 cancel", h.DigestInit(s, nil), ck.CKR_OK)
	if got := c.Stats().APDUs - before; got != 0 {
		t.Errorf("%d APDUs", got)
	}
}

func validSHA256(key *rsa.PublicKey, data, sig []byte) bool {
	hash := sha256.Sum256(data)
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, hash[:], sig) == nil
}
