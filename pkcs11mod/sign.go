package pkcs11mod

import (
	"context"
	"crypto/rsa"
	"hash"

	"cie/card"
	"cie/pkcs11mod/ck"
)

// message processes the data of a signature or verification: it hashes them, or collects them
// for CKM_RSA_PKCS up to the maximum of the key.
type message struct {
	mech  mechanism
	hash  hash.Hash // nil for CKM_RSA_PKCS
	data  []byte
	limit int
	// parts reports that C_SignUpdate or C_VerifyUpdate was called.
	parts bool
}

func newMessage(m mechanism, limit int) message {
	msg := message{mech: m, limit: limit}
	if m.hash != 0 {
		msg.hash = m.hash.New()
	}
	return msg
}

// add adds data; it checks their length before it reads them.
func (m *message) add(in ck.Input) ck.RV {
	switch {
	case m.hash == nil && in.Len > uint(m.limit-len(m.data)), uint64(in.Len) > maxInput:
		return ck.CKR_DATA_LEN_RANGE
	case in.Bad():
		return ck.CKR_ARGUMENTS_BAD
	case m.hash != nil:
		m.hash.Write(in.Data)
	default:
		m.data = append(m.data, in.Data...)
	}
	return ck.CKR_OK
}

// maxInput is more than any machine can hand over in one piece.
const maxInput = 1 << 46

// digestInfo returns the data to be padded and signed (RFC 8017, 9.2).
func (m *message) digestInfo() ([]byte, error) {
	if m.hash == nil {
		return m.data, nil
	}
	return card.DigestInfo(m.mech.hash, m.hash.Sum(nil))
}

// signOp is an active signature.
type signOp struct {
	message
	key   *rsa.PublicKey
	epoch uint // login it belongs to
}

func (*signOp) kind() kind { return signing }

// over reports whether the login that the signature began in has ended.
func (op *signOp) over(t *token) bool {
	t.in.mu.Lock()
	defer t.in.mu.Unlock()
	return op.epoch != t.epoch
}

// SignInit implements C_SignInit (5.10). It sends nothing to the card. As in v3.0 a
// NULL_PTR mechanism ends an active signature.
func (m *Module) SignInit(h uint, mech *ck.Mechanism, key uint) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	if mech == nil {
		return c.cancel(signing)
	}
	if c.busy() {
		return ck.CKR_OPERATION_ACTIVE
	}
	known, rv := findMechanism(mech, ck.CKF_SIGN)
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
	case o.class(ck.CKO_PUBLIC_KEY):
		return ck.CKR_KEY_FUNCTION_NOT_PERMITTED
	case !o.class(ck.CKO_PRIVATE_KEY):
		return ck.CKR_KEY_HANDLE_INVALID
	case t.who != user:
		return ck.CKR_USER_NOT_LOGGED_IN
	}
	c.s.op = &signOp{message: newMessage(known, card.MaxSign), key: t.objects.key, epoch: t.epoch}
	return ck.CKR_OK
}

// byHandleLocked returns an object, visible or not. instance.mu must be locked.
func (o *objects) byHandleLocked(h uint) *object {
	if o == nil {
		return nil
	}
	for _, obj := range o.list {
		if obj.handle == h {
			return obj
		}
	}
	return nil
}

// cancel ends an active operation of a kind, for an Init with a NULL_PTR mechanism (v3.0).
// Without an active operation that is a bad argument.
func (c *call) cancel(k kind) ck.RV {
	if c.s.op == nil || c.s.op.kind() != k {
		return ck.CKR_ARGUMENTS_BAD
	}
	c.s.op = nil
	return ck.CKR_OK
}

// signing returns the active signature. One whose login ended is over.
func (c *call) signing() (*signOp, ck.RV) {
	op, ok := c.s.op.(*signOp)
	if !ok {
		return nil, ck.CKR_OPERATION_NOT_INITIALIZED
	}
	t := c.s.token
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	if op.epoch != t.epoch {
		c.s.op = nil
		if t.who != user {
			return nil, ck.CKR_USER_NOT_LOGGED_IN
		}
		return nil, ck.CKR_OPERATION_NOT_INITIALIZED
	}
	return op, ck.CKR_OK
}

// stop ends the active operation with rv.
func (c *call) stop(rv ck.RV) ck.RV {
	c.s.op = nil
	return rv
}

// Sign implements C_Sign (5.10). A length query and CKR_BUFFER_TOO_SMALL do not end the
// operation and use no command of the card; everything else ends it.
func (m *Module) Sign(h uint, data ck.Input, sig ck.Output) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	op, rv := c.signing()
	if rv != ck.CKR_OK {
		return rv
	}
	if sig.Len == nil {
		return c.stop(ck.CKR_ARGUMENTS_BAD)
	}
	if op.parts {
		// C_Sign is no way to end a signature in parts.
		return c.stop(ck.CKR_OPERATION_NOT_INITIALIZED)
	}
	if done, rv := answer(sig, op.key.Size()); done {
		return rv
	}
	if rv := op.add(data); rv != ck.CKR_OK {
		return c.stop(rv)
	}
	return c.stop(c.sign(op, sig))
}

// SignUpdate implements C_SignUpdate (5.10). An error ends the operation.
func (m *Module) SignUpdate(h uint, part ck.Input) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	op, rv := c.signing()
	if rv != ck.CKR_OK {
		return rv
	}
	op.parts = true
	if rv := op.add(part); rv != ck.CKR_OK {
		return c.stop(rv)
	}
	return ck.CKR_OK
}

// SignFinal implements C_SignFinal (5.10). It ends the operation like Sign.
func (m *Module) SignFinal(h uint, sig ck.Output) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	op, rv := c.signing()
	if rv != ck.CKR_OK {
		return rv
	}
	if sig.Len == nil {
		return c.stop(ck.CKR_ARGUMENTS_BAD)
	}
	if done, rv := answer(sig, op.key.Size()); done {
		return rv
	}
	return c.stop(c.sign(op, sig))
}

// sign makes the card sign and verifies the signature with the public key that the caller saw,
// which at the latest detects a certificate from the cache that is not this card's.
func (c *call) sign(op *signOp, sig ck.Output) ck.RV {
	info, err := op.digestInfo()
	if err != nil {
		return ck.CKR_FUNCTION_FAILED
	}
	if err := card.CheckSign(info); err != nil {
		return rvOf(err)
	}
	t := c.s.token
	var signature []byte
	err = t.useAsUser(func(ctx context.Context, s *card.Session) error {
		var err error
		signature, err = s.Sign(ctx, info)
		return err
	})
	if rv := c.result(err); rv != ck.CKR_OK {
		return rv
	}
	if err := rsa.VerifyPKCS1v15(op.key, 0, info, signature); err != nil {
		c.in.trace("slot %d: the signature does not fit the certificate shown", c.s.slotID)
		t.dropCertificate()
		return ck.CKR_FUNCTION_FAILED
	}
	*sig.Len = uint(copy(sig.Data, signature))
	return ck.CKR_OK
}
