package pkcs11mod

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"math/big"
	"time"

	"cie/apdu/printable"
	"cie/pkcs11mod/ck"
)

// object is a token object. It never changes; a new login or another
// certificate makes new ones.
type object struct {
	handle uint
	attrs  map[uint][]byte
}

func (o *object) private() bool { return o.attrs[ck.CKA_PRIVATE][0] != 0 }

func (o *object) class(class uint) bool {
	return bytes.Equal(o.attrs[ck.CKA_CLASS], ck.ULong(class))
}

// objects contains the objects of a token whose certificate is known.
type objects struct {
	cert    []byte // DER of the holder's certificate
	key     *rsa.PublicKey
	list    []*object
	private *object
}

// newObjects makes the objects for the holder's certificate; issuer is the
// DER of its CA's certificate or nil.
func newObjects(der, issuer []byte) (*objects, error) {
	cert, key, label, err := holder(der)
	if err != nil {
		return nil, err
	}
	o := &objects{cert: cert.raw, key: key}
	// NSS also uses the SHA-1 of the modulus as identifier of a key.
	hash := sha1.Sum(key.N.Bytes())
	id := hash[:]

	own := certificate(cert, id, label, ck.CK_CERTIFICATE_CATEGORY_TOKEN_USER)
	public := common(ck.CKO_PUBLIC_KEY, label, false)
	private := common(ck.CKO_PRIVATE_KEY, label, true)
	for _, attrs := range []map[uint][]byte{public, private} {
		keyAttributes(attrs, cert, key, id)
	}
	set(public, map[uint]bool{
		ck.CKA_ENCRYPT: false, ck.CKA_VERIFY: true, ck.CKA_VERIFY_RECOVER: false,
		ck.CKA_WRAP: false, ck.CKA_TRUSTED: false,
	})
	set(private, map[uint]bool{
		ck.CKA_SENSITIVE: true, ck.CKA_ALWAYS_SENSITIVE: true,
		ck.CKA_EXTRACTABLE: false, ck.CKA_NEVER_EXTRACTABLE: true,
		ck.CKA_SIGN: true, ck.CKA_SIGN_RECOVER: false, ck.CKA_DECRYPT: false, ck.CKA_UNWRAP: false,
		ck.CKA_WRAP_WITH_TRUSTED: false, ck.CKA_ALWAYS_AUTHENTICATE: false,
	})
	// The certificate can be listed without the PIN (PKCS #11 profiles v3.0, 3.5).
	profile := common(ck.CKO_PROFILE, "", false)
	delete(profile, ck.CKA_LABEL)
	profile[ck.CKA_PROFILE_ID] = ck.ULong(ck.CKP_PUBLIC_CERTIFICATES_TOKEN)

	o.add(own)
	o.add(public)
	o.private = o.add(private)
	o.add(profile)
	if ca, err := x509.ParseCertificate(issuer); err == nil {
		p, err := cut(ca.Raw, ca.NotBefore, ca.NotAfter)
		if err != nil {
			return nil, err
		}
		id := ca.SubjectKeyId
		if len(id) == 0 {
			hash := sha1.Sum(ca.RawSubjectPublicKeyInfo)
			id = hash[:]
		}
		o.add(certificate(p, id, printable.Text(ca.Subject.CommonName, 256), ck.CK_CERTIFICATE_CATEGORY_AUTHORITY))
	}
	return o, nil
}

func (o *objects) add(attrs map[uint][]byte) *object {
	obj := &object{handle: newHandle(), attrs: attrs}
	o.list = append(o.list, obj)
	return obj
}

// renewPrivate gives the private key a new handle, because the old one is invalid after a
// logout (C_Logout).
func (o *objects) renewPrivate() {
	if o == nil {
		return
	}
	fresh := &object{handle: newHandle(), attrs: o.private.attrs}
	list := make([]*object, len(o.list))
	for i, obj := range o.list {
		if obj == o.private {
			obj = fresh
		}
		list[i] = obj
	}
	o.list, o.private = list, fresh
}

// common returns the attributes of every object (4.4): it is on the token, and cannot be
// changed, copied or destroyed.
func common(class uint, label string, private bool) map[uint][]byte {
	attrs := map[uint][]byte{
		ck.CKA_CLASS: ck.ULong(class),
		ck.CKA_LABEL: []byte(label),
	}
	set(attrs, map[uint]bool{
		ck.CKA_TOKEN: true, ck.CKA_PRIVATE: private,
		ck.CKA_MODIFIABLE: false, ck.CKA_COPYABLE: false, ck.CKA_DESTROYABLE: false,
	})
	return attrs
}

func set(attrs map[uint][]byte, flags map[uint]bool) {
	for typ, v := range flags {
		attrs[typ] = ck.Bool(v)
	}
}

// certificate returns the attributes of an X.509 certificate object (4.6).
func certificate(cert parts, id []byte, label string, category uint) map[uint][]byte {
	attrs := common(ck.CKO_CERTIFICATE, label, false)
	check := sha1.Sum(cert.raw)
	for typ, v := range map[uint][]byte{
		ck.CKA_CERTIFICATE_TYPE:           ck.ULong(ck.CKC_X_509),
		ck.CKA_CERTIFICATE_CATEGORY:       ck.ULong(category),
		ck.CKA_TRUSTED:                    ck.Bool(false),
		ck.CKA_CHECK_VALUE:                check[:3],
		ck.CKA_START_DATE:                 date(cert.notBefore),
		ck.CKA_END_DATE:                   date(cert.notAfter),
		ck.CKA_PUBLIC_KEY_INFO:            cert.key,
		ck.CKA_SUBJECT:                    cert.subject,
		ck.CKA_ID:                         id,
		ck.CKA_ISSUER:                     cert.issuer,
		ck.CKA_SERIAL_NUMBER:              cert.serial,
		ck.CKA_VALUE:                      cert.raw,
		ck.CKA_URL:                        {},
		ck.CKA_HASH_OF_SUBJECT_PUBLIC_KEY: {},
		ck.CKA_HASH_OF_ISSUER_PUBLIC_KEY:  {},
		ck.CKA_JAVA_MIDP_SECURITY_DOMAIN:  ck.ULong(0),
	} {
		attrs[typ] = v
	}
	return attrs
}

// keyAttributes adds what both halves of the key pair have in common (4.7 to 4.9).
func keyAttributes(attrs map[uint][]byte, cert parts, key *rsa.PublicKey, id []byte) {
	var allowed []byte
	for _, m := range mechanisms {
		if m.flags&ck.CKF_SIGN != 0 {
			allowed = append(allowed, ck.ULong(m.typ)...)
		}
	}
	for typ, v := range map[uint][]byte{
		ck.CKA_KEY_TYPE: ck.ULong(ck.CKK_RSA),
		ck.CKA_ID:       id,
		ck.CKA_SUBJECT:  cert.subject,
		// The certificate's dates are the key's: the card expires with both.
		ck.CKA_START_DATE: date(cert.notBefore),
		ck.CKA_END_DATE:   date(cert.notAfter),
		ck.CKA_DERIVE:     ck.Bool(false),
		// The card does not report whether it generated the key itself.
		ck.CKA_LOCAL:              ck.Bool(false),
		ck.CKA_KEY_GEN_MECHANISM:  ck.ULong(ck.Unavailable),
		ck.CKA_ALLOWED_MECHANISMS: allowed,
		ck.CKA_PUBLIC_KEY_INFO:    cert.key,
		ck.CKA_MODULUS:            key.N.Bytes(),
		ck.CKA_MODULUS_BITS:       ck.ULong(uint(key.N.BitLen())),
		ck.CKA_PUBLIC_EXPONENT:    big.NewInt(int64(key.E)).Bytes(),
	} {
		attrs[typ] = v
	}
}

// secretAttributes exist in a private key and are never returned.
var secretAttributes = map[uint]bool{
	ck.CKA_PRIVATE_EXPONENT: true, ck.CKA_PRIME_1: true, ck.CKA_PRIME_2: true,
	ck.CKA_EXPONENT_1: true, ck.CKA_EXPONENT_2: true, ck.CKA_COEFFICIENT: true,
}

// date encodes a CK_DATE: year, month and day in ASCII digits.
func date(t time.Time) []byte { return []byte(t.UTC().Format("20060102")) }

// visibleLocked returns the objects that a session may use. instance.mu must be locked.
func (t *token) visibleLocked() []*object {
	if t.objects == nil {
		return nil
	}
	var list []*object
	for _, o := range t.objects.list {
		if !o.private() || t.who == user {
			list = append(list, o)
		}
	}
	return list
}

// object returns a visible object or nil.
func (c *call) object(h uint) *object {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	for _, o := range c.s.token.visibleLocked() {
		if o.handle == h {
			return o
		}
	}
	return nil
}

// GetAttributeValue implements C_GetAttributeValue (5.7). It processes every attribute, even
// after one that is not available, and sets each Len.
func (m *Module) GetAttributeValue(h, object uint, attrs []ck.Attribute) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	if attrs == nil {
		return ck.CKR_ARGUMENTS_BAD
	}
	o := c.object(object)
	if o == nil {
		return ck.CKR_OBJECT_HANDLE_INVALID
	}
	rv = ck.CKR_OK
	for i := range attrs {
		if r := o.get(&attrs[i]); r != ck.CKR_OK {
			rv = r
		}
	}
	return rv
}

func (o *object) get(a *ck.Attribute) ck.RV {
	value, ok := o.attrs[a.Type]
	switch {
	case !ok && secretAttributes[a.Type] && o.class(ck.CKO_PRIVATE_KEY):
		a.Len = ck.Unavailable
		return ck.CKR_ATTRIBUTE_SENSITIVE
	case !ok:
		a.Len = ck.Unavailable
		return ck.CKR_ATTRIBUTE_TYPE_INVALID
	case a.Value == nil:
		a.Len = uint(len(value))
	case a.Len < uint(len(value)) || len(a.Value) < len(value):
		a.Len = ck.Unavailable
		return ck.CKR_BUFFER_TOO_SMALL
	default:
		copy(a.Value, value)
		a.Len = uint(len(value))
	}
	return ck.CKR_OK
}

// GetObjectSize implements C_GetObjectSize (5.7). The size on the chip is unknown, so it
// returns the size of the public values.
func (m *Module) GetObjectSize(h, object uint, size *uint) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	if size == nil {
		return ck.CKR_ARGUMENTS_BAD
	}
	o := c.object(object)
	if o == nil {
		return ck.CKR_OBJECT_HANDLE_INVALID
	}
	*size = 0
	for _, v := range o.attrs {
		*size += uint(len(v))
	}
	return ck.CKR_OK
}

// refuseWrite returns the code for every function that would create or change an object. For
// token objects it first checks for a read/write session (5.7).
func (c *call) refuseWrite(onToken bool) ck.RV {
	if onToken && !c.s.rw {
		return ck.CKR_SESSION_READ_ONLY
	}
	return ck.CKR_TOKEN_WRITE_PROTECTED
}

// badTemplate judges the form of a template. A NULL_PTR is an empty one.
func badTemplate(template []ck.Attribute) ck.RV {
	for _, a := range template {
		if a.Value == nil && a.Len > 0 {
			return ck.CKR_ATTRIBUTE_VALUE_INVALID
		}
	}
	return ck.CKR_OK
}

// wantsToken reports whether a template asks for a token object; the default
// is a session object (4.4).
func wantsToken(template []ck.Attribute) bool {
	for _, a := range template {
		if a.Type == ck.CKA_TOKEN && len(a.Value) == 1 && a.Value[0] != 0 {
			return true
		}
	}
	return false
}

// CreateObject implements C_CreateObject (5.7), which this token refuses.
func (m *Module) CreateObject(h uint, template []ck.Attribute, object *uint) ck.RV {
	return m.refuse(h, template == nil || object == nil, template)
}

// GenerateKey implements C_GenerateKey (5.13), which this token refuses.
func (m *Module) GenerateKey(h uint, mech *ck.Mechanism, template []ck.Attribute, key *uint) ck.RV {
	return m.refuse(h, mech == nil || key == nil, template)
}

// GenerateKeyPair implements C_GenerateKeyPair (5.13), which this token refuses.
func (m *Module) GenerateKeyPair(h uint, mech *ck.Mechanism, public, private []ck.Attribute, publicKey, privateKey *uint) ck.RV {
	return m.refuse(h, mech == nil || publicKey == nil || privateKey == nil, public, private)
}

func (m *Module) refuse(h uint, bad bool, templates ...[]ck.Attribute) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	if bad {
		return ck.CKR_ARGUMENTS_BAD
	}
	onToken := false
	for _, t := range templates {
		if rv := badTemplate(t); rv != ck.CKR_OK {
			return rv
		}
		onToken = onToken || wantsToken(t)
	}
	return c.refuseWrite(onToken)
}

// CopyObject implements C_CopyObject (5.7), which this token refuses.
func (m *Module) CopyObject(h, object uint, template []ck.Attribute, copied *uint) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	if copied == nil {
		return ck.CKR_ARGUMENTS_BAD
	}
	if c.object(object) == nil {
		return ck.CKR_OBJECT_HANDLE_INVALID
	}
	if rv := badTemplate(template); rv != ck.CKR_OK {
		return rv
	}
	return c.refuseWrite(true)
}

// DestroyObject implements C_DestroyObject (5.7), which this token refuses.
func (m *Module) DestroyObject(h, object uint) ck.RV {
	return m.change(h, object, false, nil)
}

// SetAttributeValue implements C_SetAttributeValue (5.7), which this token refuses.
func (m *Module) SetAttributeValue(h, object uint, template []ck.Attribute) ck.RV {
	return m.change(h, object, template == nil, template)
}

func (m *Module) change(h, object uint, bad bool, template []ck.Attribute) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	if bad {
		return ck.CKR_ARGUMENTS_BAD
	}
	if c.object(object) == nil {
		return ck.CKR_OBJECT_HANDLE_INVALID
	}
	if rv := badTemplate(template); rv != ck.CKR_OK {
		return rv
	}
	return c.refuseWrite(true)
}
