package pkcs11mod

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"testing"

	"cie/card/cardtest"
	"cie/pkcs11mod/ck"
)

// known returns a module with a card that it has seen before, and a session without login.
func known(t testing.TB, p cardtest.Profile) (*host, *cardtest.Card, uint) {
	t.Helper()
	h, c := oneCard(t, p, newStore())
	s := h.session(true)
	h.login(s)
	h.find(s)
	h.want("C_Finalize", h.Finalize(false), ck.CKR_OK)
	h.want("C_Initialize", h.Initialize(nil), ck.CKR_OK)
	return h, c, h.session(true)
}

func TestObjectsHaveAttributes(t *testing.T) {
	h, _, s := known(t, cardtest.Profile{GivenName: "ANNA", Surname: "ESEMPIO"})
	if n := len(h.find(s)); n != 3 {
		t.Errorf("%d objects without login: certificate, public key, profile expected", n)
	}
	if n := len(h.find(s, class(ck.CKO_PRIVATE_KEY))); n != 0 {
		t.Error("the private key shows without login")
	}
	h.login(s)
	cert, pub, priv := h.one(s, ck.CKO_CERTIFICATE), h.one(s, ck.CKO_PUBLIC_KEY), h.one(s, ck.CKO_PRIVATE_KEY)
	x, err := x509.ParseCertificate(h.value(s, cert, ck.CKA_VALUE))
	if err != nil {
		t.Fatal(err)
	}
	key := x.PublicKey.(*rsa.PublicKey)
	serial, _ := asn1.Marshal(x.SerialNumber)
	id := h.value(s, cert, ck.CKA_ID)
	yes, no := ck.Bool(true), ck.Bool(false)
	both := []uint{pub, priv}
	all := []uint{cert, pub, priv}
	for _, c := range []struct {
		objects []uint
		typ     uint
		want    []byte
	}{
		{all, ck.CKA_ID, id},
		{all, ck.CKA_LABEL, []byte("ANNA ESEMPIO")},
		{all, ck.CKA_TOKEN, yes},
		{all, ck.CKA_MODIFIABLE, no},
		{all, ck.CKA_SUBJECT, x.RawSubject},
		{all, ck.CKA_PUBLIC_KEY_INFO, x.RawSubjectPublicKeyInfo},
		{all, ck.CKA_START_DATE, []byte(x.NotBefore.UTC().Format("20060102"))},
		{all, ck.CKA_END_DATE, []byte(x.NotAfter.UTC().Format("20060102"))},
		{[]uint{cert, pub}, ck.CKA_PRIVATE, no},
		{[]uint{cert}, ck.CKA_ISSUER, x.RawIssuer},
		{[]uint{cert}, ck.CKA_SERIAL_NUMBER, serial},
		{[]uint{cert}, ck.CKA_CERTIFICATE_TYPE, ck.ULong(ck.CKC_X_509)},
		{[]uint{cert}, ck.CKA_CERTIFICATE_CATEGORY, ck.ULong(ck.CK_CERTIFICATE_CATEGORY_TOKEN_USER)},
		{both, ck.CKA_KEY_TYPE, ck.ULong(ck.CKK_RSA)},
		{both, ck.CKA_MODULUS, key.N.Bytes()},
		{both, ck.CKA_MODULUS_BITS, ck.ULong(2048)},
		{both, ck.CKA_PUBLIC_EXPONENT, big.NewInt(int64(key.E)).Bytes()},
		{[]uint{pub}, ck.CKA_VERIFY, yes},
		{[]uint{pub}, ck.CKA_ENCRYPT, no},
		{[]uint{priv}, ck.CKA_PRIVATE, yes},
		{[]uint{priv}, ck.CKA_SIGN, yes},
		{[]uint{priv}, ck.CKA_DECRYPT, no},
		{[]uint{priv}, ck.CKA_SIGN_RECOVER, no},
		{[]uint{priv}, ck.CKA_UNWRAP, no},
		{[]uint{priv}, ck.CKA_SENSITIVE, yes},
		{[]uint{priv}, ck.CKA_ALWAYS_SENSITIVE, yes},
		{[]uint{priv}, ck.CKA_EXTRACTABLE, no},
		{[]uint{priv}, ck.CKA_NEVER_EXTRACTABLE, yes},
		{[]uint{priv}, ck.CKA_ALWAYS_AUTHENTICATE, no},
	} {
		for _, o := range c.objects {
			if v := h.value(s, o, c.typ); !bytes.Equal(v, c.want) {
				t.Errorf("object %d, attribute %#x: %X, want %X", o, c.typ, v, c.want)
			}
		}
	}
	if v := h.value(s, priv, ck.CKA_ALLOWED_MECHANISMS); len(v) != 6*ck.ULongSize {
		t.Errorf("allowed mechanisms %X", v)
	}
	profile := h.one(s, ck.CKO_PROFILE)
	if v := h.value(s, profile, ck.CKA_PROFILE_ID); !bytes.Equal(v, ck.ULong(ck.CKP_PUBLIC_CERTIFICATES_TOKEN)) {
		t.Errorf("profile %X", v)
	}
}

// The issuing CA's certificate is offered when it is known.
func TestIssuerIsListedIfKnown(t *testing.T) {
	h, _ := oneCard(t, cardtest.Profile{}, nil)
	h.cfg.Issuers = func(leaf *x509.Certificate) []byte {
		if ca := cardtest.IssuingCA(); leaf.CheckSignatureFrom(ca) == nil {
			return ca.Raw
		}
		return nil
	}
	s := h.session(false)
	h.login(s)
	ca := h.find(s, class(ck.CKO_CERTIFICATE), ck.Attr(ck.CKA_CERTIFICATE_CATEGORY, ck.ULong(ck.CK_CERTIFICATE_CATEGORY_AUTHORITY)))
	if len(ca) != 1 || !bytes.Equal(h.value(s, ca[0], ck.CKA_VALUE), cardtest.IssuingCA().Raw) {
		t.Errorf("authorities %v", ca)
	}
	if n := len(h.find(s, ck.Attr(ck.CKA_ID, h.value(s, h.one(s, ck.CKO_PRIVATE_KEY), ck.CKA_ID)))); n != 3 {
		t.Errorf("%d objects with the key's ID, want 3", n)
	}
}

func TestGetAttributeValue(t *testing.T) {
	h, _, s := known(t, cardtest.Profile{})
	h.login(s)
	priv, cert := h.one(s, ck.CKO_PRIVATE_KEY), h.one(s, ck.CKO_CERTIFICATE)
	buf := func(n int) []byte { return make([]byte, n) }
	attrs := []ck.Attribute{
		{Type: ck.CKA_ID},
		{Type: ck.CKA_PRIVATE_EXPONENT, Value: buf(256), Len: 256},
		{Type: ck.CKA_MODULUS, Value: buf(255), Len: 255},
		{Type: ck.CKA_VALUE, Value: buf(10), Len: 10},
		{Type: ck.CKA_CLASS, Value: buf(ck.ULongSize), Len: uint(ck.ULongSize)},
	}
	h.want("several failures", h.GetAttributeValue(s, priv, attrs),
		ck.CKR_ATTRIBUTE_SENSITIVE, ck.CKR_ATTRIBUTE_TYPE_INVALID, ck.CKR_BUFFER_TOO_SMALL)
	for i, want := range []uint{20, ck.Unavailable, ck.Unavailable, ck.Unavailable, uint(ck.ULongSize)} {
		if attrs[i].Len != want {
			t.Errorf("attribute %d: length %d, want %d", i, attrs[i].Len, want)
		}
	}
	if !bytes.Equal(attrs[4].Value, ck.ULong(ck.CKO_PRIVATE_KEY)) || !bytes.Equal(attrs[2].Value, buf(255)) {
		t.Error("values are missing or truncated")
	}
	for _, typ := range []uint{ck.CKA_PRIVATE_EXPONENT, ck.CKA_PRIME_1, ck.CKA_PRIME_2, ck.CKA_EXPONENT_1, ck.CKA_EXPONENT_2, ck.CKA_COEFFICIENT} {
		h.want("secret", h.GetAttributeValue(s, priv, []ck.Attribute{{Type: typ}}), ck.CKR_ATTRIBUTE_SENSITIVE)
		h.want("secret", h.GetAttributeValue(s, cert, []ck.Attribute{{Type: typ}}), ck.CKR_ATTRIBUTE_TYPE_INVALID)
	}
	for _, o := range []uint{0, 12345678, priv + 1000} {
		h.want("no object", h.GetAttributeValue(s, o, attrs), ck.CKR_OBJECT_HANDLE_INVALID)
	}
	h.want("no attributes", h.GetAttributeValue(s, priv, []ck.Attribute{}), ck.CKR_OK)
	var size uint
	h.want("C_GetObjectSize", h.GetObjectSize(s, cert, &size), ck.CKR_OK)
	if size < 1000 {
		t.Errorf("size %d", size)
	}
}

func TestFindFollowsTemplate(t *testing.T) {
	h, _, s := known(t, cardtest.Profile{})
	h.login(s)
	id := h.value(s, h.one(s, ck.CKO_CERTIFICATE), ck.CKA_ID)
	for name, c := range map[string]struct {
		template []ck.Attribute
		want     int
	}{
		"everything":          {nil, 4},
		"by ID":               {[]ck.Attribute{ck.Attr(ck.CKA_ID, id)}, 3},
		"class and ID":        {[]ck.Attribute{class(ck.CKO_PRIVATE_KEY), ck.Attr(ck.CKA_ID, id)}, 1},
		"token":               {[]ck.Attribute{ck.Attr(ck.CKA_TOKEN, ck.Bool(true))}, 4},
		"session objects":     {[]ck.Attribute{ck.Attr(ck.CKA_TOKEN, ck.Bool(false))}, 0},
		"other ID":            {[]ck.Attribute{ck.Attr(ck.CKA_ID, id[1:])}, 0},
		"unknown attribute":   {[]ck.Attribute{ck.Attr(0x80001234, nil)}, 0},
		"short class":         {[]ck.Attribute{ck.Attr(ck.CKA_CLASS, []byte{3})}, 0},
		"empty label":         {[]ck.Attribute{ck.Attr(ck.CKA_LABEL, nil)}, 0},
		"contradiction":       {[]ck.Attribute{class(ck.CKO_PRIVATE_KEY), class(ck.CKO_PUBLIC_KEY)}, 0},
		"secret":              {[]ck.Attribute{ck.Attr(ck.CKA_PRIVATE_EXPONENT, []byte{1})}, 0},
		"secret keys":         {[]ck.Attribute{class(ck.CKO_SECRET_KEY)}, 0},
		"hundred times token": {bytesRepeat(ck.Attr(ck.CKA_TOKEN, ck.Bool(true)), 100), 4},
	} {
		if n := len(h.find(s, c.template...)); n != c.want {
			t.Errorf("%s: %d objects, want %d", name, n, c.want)
		}
	}
	h.want("NULL with a count", h.FindObjectsInit(s, nil, 3), ck.CKR_ARGUMENTS_BAD)
	h.want("NULL value with a length", h.FindObjectsInit(s, []ck.Attribute{{Type: ck.CKA_ID, Len: 5}}, 1), ck.CKR_ATTRIBUTE_VALUE_INVALID)
	h.want("C_FindObjectsInit", h.FindObjectsInit(s, nil, 0), ck.CKR_OK)
	h.want("twice", h.FindObjectsInit(s, nil, 0), ck.CKR_OPERATION_ACTIVE)
	h.want("a signature meanwhile", h.SignInit(s, mech(ck.CKM_RSA_PKCS), 1), ck.CKR_OPERATION_ACTIVE)
	h.want("a digest meanwhile", h.DigestInit(s, mech(ck.CKM_SHA256)), ck.CKR_OPERATION_ACTIVE)
	var n uint
	h.want("NULL", h.FindObjects(s, nil, &n), ck.CKR_ARGUMENTS_BAD)
	h.want("no room", h.FindObjects(s, []uint{}, &n), ck.CKR_OK)
	if n != 0 {
		t.Errorf("%d handles without room", n)
	}
	h.want("room", h.FindObjects(s, make([]uint, 100), &n), ck.CKR_OK)
	if n != 4 {
		t.Errorf("%d handles, want 4", n)
	}
	h.want("C_SessionCancel", h.SessionCancel(s, ck.CKF_SIGN), ck.CKR_OK)
	h.want("still searching", h.FindObjects(s, make([]uint, 1), &n), ck.CKR_OK)
	h.want("C_SessionCancel", h.SessionCancel(s, ck.CKF_FIND_OBJECTS), ck.CKR_OK)
	h.want("cancelled", h.FindObjectsFinal(s), ck.CKR_OPERATION_NOT_INITIALIZED)
}

func bytesRepeat(a ck.Attribute, n int) []ck.Attribute {
	all := make([]ck.Attribute, n)
	for i := range all {
		all[i] = a
	}
	return all
}

// After a logout the private key's handle is invalid for
// good, those of public objects stay.
func TestLogoutInvalidatesPrivateHandles(t *testing.T) {
	h, _, s := known(t, cardtest.Profile{})
	h.login(s)
	cert, priv := h.one(s, ck.CKO_CERTIFICATE), h.one(s, ck.CKO_PRIVATE_KEY)
	h.want("C_Logout", h.Logout(s), ck.CKR_OK)
	h.value(s, cert, ck.CKA_VALUE)
	h.want("private", h.GetAttributeValue(s, priv, []ck.Attribute{{Type: ck.CKA_ID}}), ck.CKR_OBJECT_HANDLE_INVALID)
	h.want("private", h.SignInit(s, mech(ck.CKM_RSA_PKCS), priv), ck.CKR_KEY_HANDLE_INVALID)
	h.login(s)
	h.want("old", h.SignInit(s, mech(ck.CKM_RSA_PKCS), priv), ck.CKR_KEY_HANDLE_INVALID)
	if h.one(s, ck.CKO_CERTIFICATE) != cert {
		t.Error("the certificate has another handle")
	}
	h.sign(s, h.one(s, ck.CKO_PRIVATE_KEY), ck.CKM_RSA_PKCS, []byte("x"))
}

// Objects cannot be created, changed or destroyed.
func TestTokenIsWriteProtected(t *testing.T) {
	h, c, rw := known(t, cardtest.Profile{})
	ro := h.session(false)
	h.login(rw)
	cert := h.one(rw, ck.CKO_CERTIFICATE)
	var out, out2 uint
	onToken := []ck.Attribute{class(ck.CKO_DATA), ck.Attr(ck.CKA_TOKEN, ck.Bool(true))}
	inSession := []ck.Attribute{class(ck.CKO_DATA)}
	bad := []ck.Attribute{{Type: ck.CKA_ID, Len: 9}}
	gen := mech(ck.CKM_RSA_PKCS_KEY_PAIR_GEN)
	before := c.Stats()
	for name, x := range map[string]struct{ got, want ck.RV }{
		"create on token, rw":   {h.CreateObject(rw, onToken, &out), ck.CKR_TOKEN_WRITE_PROTECTED},
		"create on token, ro":   {h.CreateObject(ro, onToken, &out), ck.CKR_SESSION_READ_ONLY},
		"create in session, ro": {h.CreateObject(ro, inSession, &out), ck.CKR_TOKEN_WRITE_PROTECTED},
		"create, bad template":  {h.CreateObject(rw, bad, &out), ck.CKR_ATTRIBUTE_VALUE_INVALID},
		"copy, rw":              {h.CopyObject(rw, cert, nil, &out), ck.CKR_TOKEN_WRITE_PROTECTED},
		"copy, ro":              {h.CopyObject(ro, cert, nil, &out), ck.CKR_SESSION_READ_ONLY},
		"copy of nothing":       {h.CopyObject(rw, 1<<30, nil, &out), ck.CKR_OBJECT_HANDLE_INVALID},
		"destroy, rw":           {h.DestroyObject(rw, cert), ck.CKR_TOKEN_WRITE_PROTECTED},
		"destroy, ro":           {h.DestroyObject(ro, cert), ck.CKR_SESSION_READ_ONLY},
		"set, rw":               {h.SetAttributeValue(rw, cert, onToken), ck.CKR_TOKEN_WRITE_PROTECTED},
		"set, ro":               {h.SetAttributeValue(ro, cert, onToken), ck.CKR_SESSION_READ_ONLY},
		"generate":              {h.GenerateKey(rw, mech(ck.CKM_AES_KEY_GEN), nil, &out), ck.CKR_TOKEN_WRITE_PROTECTED},
		"generate pair, rw":     {h.GenerateKeyPair(rw, gen, onToken, onToken, &out, &out2), ck.CKR_TOKEN_WRITE_PROTECTED},
		"generate pair, ro":     {h.GenerateKeyPair(ro, gen, nil, onToken, &out, &out2), ck.CKR_SESSION_READ_ONLY},
		"random":                {h.Random(rw, ck.Bytes(make([]byte, 8))), ck.CKR_RANDOM_NO_RNG},
	} {
		h.want(name, x.got, x.want)
	}
	if n := c.Stats().Sub(before).APDUs; n != 0 {
		t.Errorf("%d APDUs", n)
	}
	h.value(rw, cert, ck.CKA_VALUE)
}
