package card

import (
	"bytes"
	"errors"
	"fmt"

	"cie/apdu"
)

// Tags of GET DATA (IAS ECC 3.4.6, 9.8.1).
const (
	tagHeaderList apdu.Tag = 0x4D
	tagTemplate   apdu.Tag = 0x70
	tagDH         apdu.Tag = 0xBFA101
	tagDHValues   apdu.Tag = 0xA3
	tagExtKey     apdu.Tag = 0xBFA004
	tagPublicKey  apdu.Tag = 0x7F49
)

// readDHValues reads g, p and q with GET DATA, one by one or together as the family
// returns them, and the other way if the card refuses the first.
func (t *transaction) readDHValues(f *deviceKeys) error {
	ways := []func(*deviceKeys) error{t.readDHOneByOne, t.readDHTogether}
	if t.family.dhTogether() {
		ways[0], ways[1] = ways[1], ways[0]
	}
	err := ways[0](f)
	var status *apdu.Error
	if errors.As(err, &status) || malformed(err) {
		err = ways[1](f)
	}
	return err
}

// IAS ECC 5.2.3.1.3, 9.8.1.
func (t *transaction) readDHOneByOne(f *deviceKeys) error {
	for _, v := range []struct {
		tag apdu.Tag
		to  *[]byte
	}{{0x97, &f.G}, {0x98, &f.P}, {0x99, &f.Q}} {
		want := apdu.AppendTLV(nil, tagDHValues, apdu.AppendTLV(nil, v.tag, nil))
		value, err := t.getData(tagDH, want, tagDHValues, v.tag)
		if err != nil {
			return err
		}
		*v.to = value
	}
	return nil
}

func (t *transaction) readDHTogether(f *deviceKeys) error {
	values, err := t.getData(tagDH, []byte{byte(tagDHValues), 0x80}, tagDHValues)
	if err != nil {
		return err
	}
	for tag, to := range map[apdu.Tag]*[]byte{0x97: &f.G, 0x98: &f.P, 0x99: &f.Q} {
		v, err := apdu.FindTLV(values, tag)
		if err != nil {
			return t.fail(err)
		}
		*to = bytes.Clone(v)
	}
	return nil
}

// getData reads a part of a security data object: want is the extended header
// list below the object, path leads to the value in the answer. In a header
// list 80 requests the whole of a constructed object (IAS ECC 9.8.1.1, 10.2).
func (t *transaction) getData(object apdu.Tag, want []byte, path ...apdu.Tag) ([]byte, error) {
	list := apdu.AppendTLV(nil, tagHeaderList, apdu.AppendTLV(nil, tagTemplate, apdu.AppendTLV(nil, object, want)))
	data, err := t.sendGetData(list)
	if err != nil {
		return nil, err
	}
	v, err := apdu.FindTLV(data, append([]apdu.Tag{tagTemplate, object}, path...)...)
	if err != nil {
		return nil, t.fail(fmt.Errorf("GET DATA %v: %w", object, err))
	}
	return bytes.Clone(v), nil
}

// sendGetData sends GET DATA with Le under secure messaging, where it is proven
// on other IAS ECC cards for a counter, the one object asked for there. In the
// clear the proven form has no Le.
func (t *transaction) sendGetData(list []byte) (data []byte, err error) {
	send := func(ne int) func() error {
		return func() (err error) {
			data, err = t.sendOK(apdu.Command{INS: insGetData, P1: 0x3F, P2: 0xFF, Data: list, Ne: ne})
			if err == nil && len(data) == 0 {
				err = t.fail(fmt.Errorf("GET DATA: %w", apdu.ErrTLVTruncated))
			}
			return err
		}
	}
	if t.channel != nil {
		err = send(256)()
	} else {
		err = t.form(&t.dialect.NoDataLe, send(256), send(0))
	}
	return data, err
}

// readExtKey reads the root key of the terminal certificates (SDO ExtCV.Kpub).
func (t *transaction) readExtKey(k *deviceKeys) error {
	key, err := t.getData(tagExtKey, []byte{0x7F, 0x49, 0x80}, tagPublicKey)
	if err != nil {
		return err
	}
	for tag, to := range map[apdu.Tag]*[]byte{0x81: &k.ExtModulus, 0x5F20: &k.ExtCHR, 0x5F4C: &k.ExtCHA} {
		v, err := apdu.FindTLV(key, tag)
		if err != nil {
			return t.fail(fmt.Errorf("ExtCV.Kpub: %w", err))
		}
		*to = bytes.Clone(v)
	}
	return nil
}

// readCounter reads the DOCP of a code: 9A maximum, 9B left (IAS ECC 3.4.5,
// 9.8.1.1; objects BF8101 and BF8102 of CIE Annex A). reported is false if the
// counter is no longer read, or if the chip refuses, in the clear too, or answers
// in another form; the channel may be lost then.
func (t *transaction) readCounter(ref PINRef) (left int, reported bool, err error) {
	if !t.mayAskCounter() {
		return 0, false, nil
	}
	object := apdu.Tag(0xBF8100) | apdu.Tag(ref&0x7F)
	docp, err := t.getData(object, []byte{0xA0, 0x80}, 0xA0)
	if err == nil {
		// At this level only: A0 holds another template with the access conditions.
		var left []byte
		if left, err = apdu.FindTLV(docp, 0x9B); err == nil {
			if len(left) == 1 && int(left[0]) <= ref.MaxTries() {
				t.counterAnswered()
				return int(left[0]), true, nil
			}
			err = fmt.Errorf("%w: DOCP %X", apdu.ErrTLV, docp)
		}
	}
	var status *apdu.Error
	sw, inClear := clearStatus(err)
	switch {
	case t.assumed:
		// The assumed state may be wrong: the caller restores it.
		return 0, false, err
	case inClear:
	case t.channel == nil:
		return 0, false, err
	case errors.As(err, &status):
		sw = status.SW
	case !malformed(err):
		return 0, false, err
	}
	t.trace("the chip returns no counter for the %v: %v", ref, err)
	t.counterAsked = true
	t.counterRefused(sw, inClear)
	return 0, false, nil
}
