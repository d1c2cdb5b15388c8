package pkcs11mod

import (
	"crypto"
	_ "crypto/sha1" // the hashes behind crypto.Hash
	_ "crypto/sha256"
	_ "crypto/sha512"

	"cie/pkcs11mod/ck"
)

// keyBits is the size of the key of every CIE (CIE Annex A).
const keyBits = 2048

// mechanism is a mechanism of the token. hash is 0 for CKM_RSA_PKCS.
type mechanism struct {
	typ   uint
	hash  crypto.Hash
	flags uint
}

// mechanisms lists all mechanisms. The chip adds the padding itself (PKCS #1 v1.5, type 1),
// so raw RSA, PSS and decryption are impossible. If they were listed, Firefox and GnuTLS would
// choose them in TLS 1.2 and fail. Signing has the flag for hardware; digests are computed
// here.
var mechanisms = []mechanism{
	{ck.CKM_RSA_PKCS, 0, signFlags},
	{ck.CKM_SHA1_RSA_PKCS, crypto.SHA1, signFlags},
	{ck.CKM_SHA224_RSA_PKCS, crypto.SHA224, signFlags},
	{ck.CKM_SHA256_RSA_PKCS, crypto.SHA256, signFlags},
	{ck.CKM_SHA384_RSA_PKCS, crypto.SHA384, signFlags},
	{ck.CKM_SHA512_RSA_PKCS, crypto.SHA512, signFlags},
	{ck.CKM_SHA_1, crypto.SHA1, ck.CKF_DIGEST},
	{ck.CKM_SHA224, crypto.SHA224, ck.CKF_DIGEST},
	{ck.CKM_SHA256, crypto.SHA256, ck.CKF_DIGEST},
	{ck.CKM_SHA384, crypto.SHA384, ck.CKF_DIGEST},
	{ck.CKM_SHA512, crypto.SHA512, ck.CKF_DIGEST},
}

const signFlags = ck.CKF_HW | ck.CKF_SIGN | ck.CKF_VERIFY

// findMechanism returns the mechanism for a use (a CKF_ flag), or the code that refuses it.
// No mechanism has a parameter.
func findMechanism(m *ck.Mechanism, use uint) (mechanism, ck.RV) {
	for _, known := range mechanisms {
		if known.typ == m.Type && known.flags&use != 0 {
			if m.ParameterLen != 0 {
				return mechanism{}, ck.CKR_MECHANISM_PARAM_INVALID
			}
			return known, ck.CKR_OK
		}
	}
	return mechanism{}, ck.CKR_MECHANISM_INVALID
}

// GetMechanismList implements C_GetMechanismList (5.5).
func (m *Module) GetMechanismList(slotID uint, list []uint, count *uint) ck.RV {
	in, rv := m.enter()
	if rv != ck.CKR_OK {
		return rv
	}
	defer in.leave()
	if count == nil {
		return ck.CKR_ARGUMENTS_BAD
	}
	if rv := in.checkToken(slotID); rv != ck.CKR_OK {
		return rv
	}
	room := *count
	*count = uint(len(mechanisms))
	if list == nil {
		return ck.CKR_OK
	}
	if room < uint(len(mechanisms)) || len(list) < len(mechanisms) {
		return ck.CKR_BUFFER_TOO_SMALL
	}
	for i, known := range mechanisms {
		list[i] = known.typ
	}
	return ck.CKR_OK
}

func (in *instance) checkToken(slotID uint) ck.RV {
	if rv := in.waitReady(); rv != ck.CKR_OK {
		return rv
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	_, rv := in.tokenInLocked(slotID)
	return rv
}

// GetMechanismInfo implements C_GetMechanismInfo (5.5).
func (m *Module) GetMechanismInfo(slotID, typ uint, info *ck.MechanismInfo) ck.RV {
	in, rv := m.enter()
	if rv != ck.CKR_OK {
		return rv
	}
	defer in.leave()
	if info == nil {
		return ck.CKR_ARGUMENTS_BAD
	}
	if rv := in.checkToken(slotID); rv != ck.CKR_OK {
		return rv
	}
	for _, known := range mechanisms {
		if known.typ != typ {
			continue
		}
		*info = ck.MechanismInfo{Flags: known.flags}
		if known.flags&ck.CKF_SIGN != 0 {
			info.MinKeySize, info.MaxKeySize = keyBits, keyBits
		}
		return ck.CKR_OK
	}
	return ck.CKR_MECHANISM_INVALID
}

// NoMechanism implements C_EncryptInit and C_DecryptInit, for which the token has no
// mechanism, because the chip cannot decrypt.
func (m *Module) NoMechanism(h uint, mech *ck.Mechanism) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	if mech == nil {
		return ck.CKR_ARGUMENTS_BAD
	}
	return ck.CKR_MECHANISM_INVALID
}

// NeverInitialized implements the other functions of encryption and decryption, whose
// operations cannot have been started.
func (m *Module) NeverInitialized(h uint) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	return ck.CKR_OPERATION_NOT_INITIALIZED
}

// Random implements C_GenerateRandom and C_SeedRandom (5.14). The token has no generator: the
// challenges of the chip are for its own protocol only.
func (m *Module) Random(h uint, data ck.Input) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	if data.Bad() {
		return ck.CKR_ARGUMENTS_BAD
	}
	return ck.CKR_RANDOM_NO_RNG
}

// answer applies the convention for output of variable length (5.2). done reports that the
// buffer is too small, or that only the length was requested; the operation then continues.
func answer(out ck.Output, size int) (done bool, rv ck.RV) {
	room := *out.Len
	switch {
	case out.Data == nil:
		*out.Len = uint(size)
		return true, ck.CKR_OK
	case room < uint(size) || len(out.Data) < size:
		*out.Len = uint(size)
		return true, ck.CKR_BUFFER_TOO_SMALL
	}
	return false, ck.CKR_OK
}
