package card

import (
	"errors"
	"fmt"

	"cie/apdu"
)

// Application identifiers (CIE Annex A).
var (
	aidIAS   = []byte{0xA0, 0x00, 0x00, 0x00, 0x30, 0x80, 0x00, 0x00, 0x00, 0x09, 0x81, 0x60, 0x01}
	aidDFCIE = []byte{0xA0, 0x00, 0x00, 0x00, 0x00, 0x39}
)

// selectRoot is the way to the root of the IAS application.
type selectRoot int

const (
	rootNone selectRoot = iota
	rootAID             // SELECT by the IAS AID
	rootMF              // SELECT MF
)

func selectAID(aid []byte) apdu.Command {
	// P2=0C: no FCI wanted (IAS ECC 9.7.1).
	return apdu.Command{INS: insSelect, P1: 0x04, P2: 0x0C, Data: aid}
}

func (r selectRoot) command() apdu.Command {
	if r == rootMF {
		return apdu.Command{INS: insSelect}
	}
	return selectAID(aidIAS)
}

// roots returns the ways to the root, the one that worked last first.
func (c *chip) roots() []selectRoot {
	r := c.family.rootOrder()
	if c.root != rootNone && r[0] != c.root {
		r[0], r[1] = r[1], r[0]
	}
	return r[:]
}

// rootWorked records a way to the root. after reports that the chip refused the
// other way before.
func (c *chip) rootWorked(root selectRoot, after bool) {
	c.root = root
	if after {
		c.learnedRoot = root
	}
}

// selectByName selects the root or an application in the clear.
func (t *transaction) selectByName(c apdu.Command) (apdu.Response, error) {
	t.place = placeUnknown
	r, err := t.clear(c)
	t.selected = err == nil && (r.SW == apdu.SWOK || t.selected)
	return r, err
}

// enter selects DF_CIE from each root in turn, then directly, and reads the NIS. It
// returns ErrNotCIE if every way fails.
func (t *transaction) enter() (nis string, err error) {
	refused := true // the chip refused every way before this one
	for i, root := range append(t.roots(), rootNone) {
		if root != rootNone {
			r, err := t.selectByName(root.command())
			if err != nil {
				return "", err
			}
			if r.SW != apdu.SWOK {
				refused = refused && refusal(r.SW)
				continue
			}
		}
		r, err := t.selectByName(selectAID(aidDFCIE))
		if err != nil {
			return "", err
		}
		if r.SW != apdu.SWOK {
			refused = refused && refusal(r.SW)
			continue
		}
		data, err := t.readCurrent(fileNIS, true)
		if err == nil && isNIS(data) {
			t.place = placeDF
			t.rootWorked(root, i > 0 && root != rootNone && refused)
			return string(data), nil
		}
		var status *apdu.Error
		if err != nil && !errors.As(err, &status) {
			return "", err
		}
		// Another application, or another program selected something.
		refused = false
	}
	return "", ErrNotCIE
}

// find calls enter, and resets the card before it returns ErrNotCIE: desktop
// clients reset the card before they use it, so it is not known whether DF_CIE of
// every chip can be selected from any state.
func (t *transaction) find() (nis string, err error) {
	nis, err = t.enter()
	if !errors.Is(err, ErrNotCIE) || t.resetDone {
		return nis, err
	}
	if lost := t.resetCard(); lost != nil {
		if linkLoss(lost) > LossNone {
			return "", lost
		}
		return "", err
	}
	return t.enter()
}

func isNIS(b []byte) bool {
	if len(b) != nisLength {
		return false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// ready selects DF_CIE unless it is selected. The first selection sets the NIS of
// the chip. A later one, after another program used the card, verifies that it is
// still the same card.
func (t *transaction) ready() error {
	if t.place == placeDF {
		return nil
	}
	if t.place == placeRoot {
		r, err := t.selectByName(selectAID(aidDFCIE))
		if err != nil {
			return err
		}
		if r.SW == apdu.SWOK {
			t.place = placeDF
			return nil
		}
	}
	nis, err := t.find()
	if err != nil {
		return err
	}
	if t.nis == "" {
		t.nis = nis
	}
	if nis != t.nis {
		t.forget()
		return t.fail(fmt.Errorf("another card is in the reader: %w", apdu.ErrRemoved))
	}
	return nil
}

// checkPlace returns an error unless DF_CIE is still the current DF of a channel
// from an earlier transaction: another program can have selected another DF, in
// which a code must not be compared.
func (t *transaction) checkPlace() error {
	_, err := t.secureOK(fileSerial.selection())
	return err
}

// restorePlace selects DF_CIE again in a channel from an earlier transaction:
// another program can have selected something else by name since, which leaves
// the channel and what was proved in it alone (IAS ECC 3.3.3.1, 4.1.1).
//
// No client selects DF_CIE under secure messaging. It is done only where the
// place is wrong, so that a refusal loses a channel that is of no use as it is.
func (t *transaction) restorePlace() error {
	err := t.checkPlace()
	if err != nil && t.channel != nil {
		_, err = t.secureOK(selectAID(aidDFCIE))
	}
	if err == nil {
		t.assumed, t.placed = false, true
	}
	return err
}
