package card

import (
	"errors"

	"cie/apdu"
)

// dialect is what one card refused of the forms that no client in the field is
// known to send. Each field chooses between such a form, which costs less, and
// the proven form behind it. The zero value tries the cheaper form first.
//
// Forms that are not proven are sent in the clear and before any code only, so
// that a refusal costs one APDU. Everything under secure messaging has one
// form, the proven one, with one exception: Counters.
//
// The value lives in the session and, where something was refused, in the
// Store. A refusal is recorded when the chip itself refused (67xx to 6Exx) in a
// selection or channel made in the same hold of the card, and the proven form
// then succeeded. Where a recorded form is refused and the other one succeeds,
// the record is dropped.
//
// "Clients" are italia/cie-middleware and its ports (desktop),
// italia/cieid-android-sdk and pagopa/cie-sdk-ios (phone).
type dialect struct {
	// NoSFI: the files of DF_CIE are selected by identifier (00A40204 02 FID,
	// then 00B0 offset Le) and not read by short identifier (00B0 80+SFI 00 E7).
	// All clients select. EF.ID_Servizi alone is read by short identifier
	// (00B0 81 00 0C), which all clients do, too.
	NoSFI bool `json:",omitempty"`
	// NoSFIDH: the same for EF.DH (short identifier 1B) under the root. One
	// client tried the short identifier and gave it up.
	NoSFIDH bool `json:",omitempty"`
	// SmallBlocks: READ BINARY in the clear asks for at most 80 bytes and not
	// E7. Desktop clients read with 80.
	SmallBlocks bool `json:",omitempty"`
	// NoDataLe: GET DATA in the clear goes without Le, its answer comes by 61xx
	// and GET RESPONSE. All clients send it so; Le 00 is proven on other IAS
	// ECC cards only.
	NoDataLe bool `json:",omitempty"`
	// SecureGetResponse: GET RESPONSE for an answer under secure messaging has
	// CLA 0C (desktop, after 6100) and not 00 (Android).
	SecureGetResponse bool `json:",omitempty"`
	// Counters says whether the chip is asked for the tries left. No client
	// asks a CIE; the answer is proven on IDEMIA IAS ECC cards.
	Counters counters `json:",omitzero"`
}

// counters is what happened when the chip was asked for a counter (DOCP) under
// secure messaging. It is asked although a refusal can cost the channel,
// because the answer protects tries.
type counters struct {
	// Refused is the number of refusals since the last answer. The chip is not
	// asked after the second.
	Refused int `json:",omitempty"`
	// Lost: a refusal came in the clear and ended the channel. A later session
	// does not ask, so that a known card never loses a channel.
	Lost bool `json:",omitempty"`

	answered bool // in this session
	stored   bool // Refused was read from the Store
	// doubtful counts refusals with a status that chips without a channel give,
	// too: the channel can have been taken by another program.
	doubtful int
}

const maxCounterRefusals = 2

// setDialect takes the dialect from the Store.
func (c *chip) setDialect(d dialect) {
	c.dialect = d
	c.dialect.Counters.stored = d.Counters.Refused > 0
	c.client.SetSecureGetResponse(d.SecureGetResponse)
}

// learnedDialect returns what is to be kept in the Store: the zero value for a
// card that refused nothing.
func (c *chip) learnedDialect() dialect {
	d := c.dialect
	d.SecureGetResponse = c.client.SecureGetResponse()
	d.Counters = counters{Refused: d.Counters.Refused, Lost: d.Counters.Lost}
	return d
}

// form runs a step that has a form which is not proven and a proven one behind
// it, in the clear. refused is the record that chooses which goes first. A
// status of the chip, or an answer that cannot be parsed, is followed by the
// other form; every other failure ends the step.
func (t *transaction) form(refused *bool, unproven, proven func() error) error {
	first, second := unproven, proven
	if *refused {
		first, second = proven, unproven
	}
	before := t.client.Stats().APDUs
	err := first()
	var status *apdu.Error
	if !errors.As(err, &status) && !malformed(err) {
		return err
	}
	// A later command, GET RESPONSE too, fails when another program comes in
	// between, and says nothing about the form of the first one.
	judged := status != nil && t.selected && t.client.Stats().APDUs == before+1 && refusal(status.SW)
	if err := second(); err != nil {
		return err
	}
	if judged {
		*refused = !*refused
	}
	return nil
}

// refusal reports whether a status is the chip's judgement on a command, as
// opposed to a failure that passes (IAS ECC 9.3).
func refusal(sw apdu.SW) bool { return sw >= 0x6700 && sw < 0x6F00 }

// mayAskCounter reports whether the chip is to be asked for a counter. Unless
// it has answered before, it is asked once in a transaction, and never in a
// channel in which a code is verified.
func (t *transaction) mayAskCounter() bool {
	c := t.dialect.Counters
	switch {
	case c.answered:
		return true
	case t.counterSettled(), t.counterAsked:
		return false
	case !t.placed && c.Refused+c.doubtful > 0:
		return false // a refusal there would say nothing
	}
	return !t.pinVerified.Load() && !t.pukVerified.Load()
}

// counterSettled reports whether the chip is not asked for a counter any more.
func (c *chip) counterSettled() bool {
	n := c.dialect.Counters
	return n.Refused >= maxCounterRefusals || n.stored && n.Lost
}

// counterAnswered records that the chip gave a counter.
func (c *chip) counterAnswered() { c.dialect.Counters = counters{answered: true} }

// counterRefused records that the chip gave no counter. sw is its status, 0 for
// an answer in another form; lost reports that the channel ended with it.
func (c *chip) counterRefused(sw apdu.SW, lost bool) {
	if sw != 0 && !refusal(sw) {
		return
	}
	n := &c.dialect.Counters
	n.answered, n.stored = false, false
	if lost && withoutChannel(sw) {
		n.doubtful++
	} else {
		n.Refused++
	}
	if n.Refused+n.doubtful >= maxCounterRefusals {
		n.Refused = maxCounterRefusals
	}
	if n.Refused > 0 {
		n.Lost = n.Lost || lost
	}
}

// withoutChannel reports whether chips answer sw to a protected command when
// they have no channel (IAS ECC 7.1.7).
func withoutChannel(sw apdu.SW) bool {
	switch sw {
	case apdu.SWConditionsNotSatisfied, apdu.SWNoSM, apdu.SWSMObjectMissing:
		return true
	}
	return false
}
