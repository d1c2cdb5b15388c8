package pkcs11mod

import (
	"crypto/rsa"

	"cie/pkcs11mod/ck"
)

// verifyOp is an active verification, computed here with the public key.
type verifyOp struct {
	message
	key *rsa.PublicKey
}

func (*verifyOp) kind() kind { return verifying }

// VerifyInit implements C_VerifyInit (5.11). As in v3.0 a NULL_PTR mechanism ends an
// active verification.
func (m *Module) VerifyInit(h uint, mech *ck.Mechanism, key uint) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	if mech == nil {
		return c.cancel(verifying)
	}
	if c.busy() {
		return ck.CKR_OPERATION_ACTIVE
	}
	known, rv := findMechanism(mech, ck.CKF_VERIFY)
	if rv != ck.CKR_OK {
		return rv
	}
	t := c.s.token
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	o := t.objects.byHandleLocked(key)
	switch {
	case o == nil:
		return ck.CKR_KEY_HANDLE_INVALID
	case o.class(ck.CKO_PRIVATE_KEY) && t.who == user:
		return ck.CKR_KEY_FUNCTION_NOT_PERMITTED
	case !o.class(ck.CKO_PUBLIC_KEY):
		return ck.CKR_KEY_HANDLE_INVALID
	}
	public := t.objects.key
	// PKCS #1 v1.5 padding has 11 bytes (RFC 8017, 9.2).
	c.s.op = &verifyOp{message: newMessage(known, public.Size()-11), key: public}
	return ck.CKR_OK
}

// Verify implements C_Verify (5.11). It always ends the operation.
func (m *Module) Verify(h uint, data, sig ck.Input) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	op, ok := c.s.op.(*verifyOp)
	switch {
	case !ok:
		return ck.CKR_OPERATION_NOT_INITIALIZED
	case sig.Data == nil:
		return c.stop(ck.CKR_ARGUMENTS_BAD)
	case op.parts:
		return c.stop(ck.CKR_OPERATION_NOT_INITIALIZED)
	}
	if rv := op.add(data); rv != ck.CKR_OK {
		return c.stop(rv)
	}
	return c.stop(op.check(sig))
}

// VerifyUpdate implements C_VerifyUpdate (5.11). An error ends the operation.
func (m *Module) VerifyUpdate(h uint, part ck.Input) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	op, ok := c.s.op.(*verifyOp)
	if !ok {
		return ck.CKR_OPERATION_NOT_INITIALIZED
	}
	op.parts = true
	if rv := op.add(part); rv != ck.CKR_OK {
		return c.stop(rv)
	}
	return ck.CKR_OK
}

// VerifyFinal implements C_VerifyFinal (5.11). It always ends the operation.
func (m *Module) VerifyFinal(h uint, sig ck.Input) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	op, ok := c.s.op.(*verifyOp)
	if !ok {
		return ck.CKR_OPERATION_NOT_INITIALIZED
	}
	if sig.Data == nil {
		return c.stop(ck.CKR_ARGUMENTS_BAD)
	}
	return c.stop(op.check(sig))
}

func (op *verifyOp) check(sig ck.Input) ck.RV {
	if sig.Len != uint(op.key.Size()) {
		return ck.CKR_SIGNATURE_LEN_RANGE
	}
	info, err := op.digestInfo()
	if err != nil {
		return ck.CKR_FUNCTION_FAILED
	}
	if rsa.VerifyPKCS1v15(op.key, 0, info, sig.Data) != nil {
		return ck.CKR_SIGNATURE_INVALID
	}
	return ck.CKR_OK
}
