package pkcs11mod

import (
	"hash"

	"cie/pkcs11mod/ck"
)

// digestOp is an active digest, computed here.
type digestOp struct {
	hash  hash.Hash
	parts bool
}

func (*digestOp) kind() kind { return digesting }

// DigestInit implements C_DigestInit (5.9). As in v3.0 a NULL_PTR mechanism ends an
// active digest.
func (m *Module) DigestInit(h uint, mech *ck.Mechanism) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	if mech == nil {
		return c.cancel(digesting)
	}
	if c.busy() {
		return ck.CKR_OPERATION_ACTIVE
	}
	known, rv := findMechanism(mech, ck.CKF_DIGEST)
	if rv != ck.CKR_OK {
		return rv
	}
	c.s.op = &digestOp{hash: known.hash.New()}
	return ck.CKR_OK
}

// Digest implements C_Digest (5.9). A length query and CKR_BUFFER_TOO_SMALL do not end the
// operation; everything else does.
func (m *Module) Digest(h uint, data ck.Input, digest ck.Output) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	op, ok := c.s.op.(*digestOp)
	switch {
	case !ok:
		return ck.CKR_OPERATION_NOT_INITIALIZED
	case digest.Len == nil:
		return c.stop(ck.CKR_ARGUMENTS_BAD)
	case op.parts:
		return c.stop(ck.CKR_OPERATION_NOT_INITIALIZED)
	}
	if done, rv := answer(digest, op.hash.Size()); done {
		return rv
	}
	if data.Bad() {
		return c.stop(ck.CKR_ARGUMENTS_BAD)
	}
	op.hash.Write(data.Data)
	return c.stop(op.write(digest))
}

// DigestUpdate implements C_DigestUpdate (5.9). An error ends the operation.
func (m *Module) DigestUpdate(h uint, part ck.Input) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	op, ok := c.s.op.(*digestOp)
	if !ok {
		return ck.CKR_OPERATION_NOT_INITIALIZED
	}
	if part.Bad() {
		return c.stop(ck.CKR_ARGUMENTS_BAD)
	}
	op.parts = true
	op.hash.Write(part.Data)
	return ck.CKR_OK
}

// DigestKey implements C_DigestKey (5.9): there are no secret keys to digest.
func (m *Module) DigestKey(h, key uint) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	if _, ok := c.s.op.(*digestOp); !ok {
		return ck.CKR_OPERATION_NOT_INITIALIZED
	}
	if c.object(key) == nil {
		return c.stop(ck.CKR_KEY_HANDLE_INVALID)
	}
	return c.stop(ck.CKR_KEY_INDIGESTIBLE)
}

// DigestFinal implements C_DigestFinal (5.9). It ends the operation like Digest.
func (m *Module) DigestFinal(h uint, digest ck.Output) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	op, ok := c.s.op.(*digestOp)
	if !ok {
		return ck.CKR_OPERATION_NOT_INITIALIZED
	}
	if digest.Len == nil {
		return c.stop(ck.CKR_ARGUMENTS_BAD)
	}
	if done, rv := answer(digest, op.hash.Size()); done {
		return rv
	}
	return c.stop(op.write(digest))
}

func (op *digestOp) write(out ck.Output) ck.RV {
	*out.Len = uint(copy(out.Data, op.hash.Sum(nil)))
	return ck.CKR_OK
}
