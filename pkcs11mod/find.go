package pkcs11mod

import (
	"bytes"
	"context"

	"cie/card"
	"cie/pkcs11mod/ck"
)

// findOp is an active search: the handles not returned yet.
type findOp struct{ left []uint }

func (*findOp) kind() kind { return finding }

// FindObjectsInit implements C_FindObjectsInit (5.7). After a login on a card that was never
// seen it reads the certificate, without which there are no objects. It determines the
// visible objects of the search.
func (m *Module) FindObjectsInit(h uint, template []ck.Attribute, count uint) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	if template == nil && count > 0 {
		return ck.CKR_ARGUMENTS_BAD
	}
	if c.busy() {
		return ck.CKR_OPERATION_ACTIVE
	}
	if rv := badTemplate(template); rv != ck.CKR_OK {
		return rv
	}
	if rv := c.needObjects(); rv != ck.CKR_OK {
		return rv
	}
	c.in.mu.Lock()
	visible := c.s.token.visibleLocked()
	c.in.mu.Unlock()
	op := &findOp{}
	// Without the lock, because reading the caller's memory may fault.
	for _, o := range visible {
		if o.matches(template) {
			op.left = append(op.left, o.handle)
		}
	}
	c.s.op = op
	c.searched(searchIsSign(template))
	return ck.CKR_OK
}

// matches reports whether an object has every attribute of a template.
func (o *object) matches(template []ck.Attribute) bool {
	for _, a := range template {
		v, ok := o.attrs[a.Type]
		if !ok || uint(len(v)) != a.Len || !bytes.Equal(v, a.Value) {
			return false
		}
	}
	return true
}

// needObjects makes sure that after a login the certificate is known.
func (c *call) needObjects() ck.RV {
	t := c.s.token
	c.in.mu.Lock()
	need := t.who == user && t.objects == nil
	c.in.mu.Unlock()
	if !need {
		return ck.CKR_OK
	}
	return c.result(t.useAsUser(func(ctx context.Context, s *card.Session) error {
		c.in.mu.Lock()
		need := t.objects == nil
		c.in.mu.Unlock()
		if !need { // another thread read it while this one waited for the card
			return nil
		}
		der, err := s.Certificate(ctx)
		if err != nil {
			return err
		}
		if err := t.setCertificate(der); err != nil {
			return err
		}
		t.saveCacheLocked(ctx, s, der)
		return nil
	}))
}

// FindObjects implements C_FindObjects (5.7): up to len(handles) further handles.
func (m *Module) FindObjects(h uint, handles []uint, count *uint) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	op, ok := c.s.op.(*findOp)
	if !ok {
		return ck.CKR_OPERATION_NOT_INITIALIZED
	}
	if handles == nil || count == nil {
		return ck.CKR_ARGUMENTS_BAD
	}
	n := copy(handles, op.left)
	op.left = op.left[n:]
	*count = uint(n)
	return ck.CKR_OK
}

// FindObjectsFinal implements C_FindObjectsFinal (5.7).
func (m *Module) FindObjectsFinal(h uint) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	if _, ok := c.s.op.(*findOp); !ok {
		return ck.CKR_OPERATION_NOT_INITIALIZED
	}
	c.s.op = nil
	return ck.CKR_OK
}
