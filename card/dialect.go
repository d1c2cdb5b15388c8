package card

import (
	"errors"

	"cie/apdu"
)

// dialect records the forms of commands that a card refused, among those that no
// client in the field is known to send. Each field selects between such a form,
// which costs less, and the proven form. The zero value tries the cheaper form
// first.
//
// Forms that are not proven are sent in the clear and before any code only, so
// that a refusal costs one APDU. Commands under secure messaging have one form,
// the proven one, with one exception: Counters.
//
// The session keeps the value, and the Store too if something was refused. A
// refusal is recorded when the chip refused (67xx to 6Exx) in a selection or
// channel of the same transaction, and the proven form then succeeded. When a
// recorded form is refused and the other one succeeds, the record is removed.
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
	// client used the short identifier in an early version only.
	NoSFIDH bool `json:",omitempty"`
	// SmallBlocks: READ BINARY in the clear asks for at most 80 bytes and not
	// E7. Desktop clients read with 80.
	SmallBlocks bool `json:",omitempty"`
	// NoDataLe: GET DATA in the clear is sent without Le, its answer is returned by 61xx
	// and GET RESPONSE. All clients send it so; Le 00 is proven on other IAS
	// ECC cards only.
	NoDataLe bool `json:",omitempty"`
	// SecureGetResponse: GET RESPONSE for an answer under secure messaging has
	// CLA 0C (desktop, after 6100) and not 00 (Android).
	SecureGetResponse bool `json:",omitempty"`
	// Counters selects whether the tries left are read. No client reads them from
	// a CIE; the answer is proven on IDEMIA IAS ECC cards.
	Counters counters `json:",omitzero"`
}

// counters records the answers of the chip to reading a counter (DOCP) under
// secure messaging. The counter is read although a refusal can end the channel,
// because the answer protects tries.
type counters struct {
	// Refused is the number of refusals since the last answer. After the second
	// the counter is not read.
	Refused int `json:",omitempty"`
	// Lost: a refusal came in the clear and ended the channel. A later session
	// does not read the counter, so that a known card does not lose a channel.
	Lost bool `json:",omitempty"`

	answered bool // in this session
	stored   bool // Refused was read from the Store
	// doubtful counts refusals with a status that chips without a channel return,
	// too: another program can have ended the channel.
	doubtful int
}

const maxCounterRefusals = 2

// setDialect sets a dialect that was read from the Store.
func (c *chip) setDialect(d dialect) {
	c.dialect = d
	c.dialect.Counters.stored = d.Counters.Refused > 0
	c.client.SetSecureGetResponse(d.SecureGetResponse)
}

// learnedDialect returns the dialect for the Store. It is the zero value for a card
// that refused nothing.
func (c *chip) learnedDialect() dialect {
	d := c.dialect
	d.SecureGetResponse = c.client.SecureGetResponse()
	d.Counters = counters{Refused: d.Counters.Refused, Lost: d.Counters.Lost}
	return d
}

// form sends a command in the clear that has a form which is not proven and a
// proven one. refused is the record that selects the first of the two. After a
// status of the chip, or an answer that cannot be parsed, it sends the other form;
// every other failure is returned.
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
	// A later command, GET RESPONSE too, can fail because of another program, so
	// its status is no judgement on the form of the first one.
	judged := status != nil && t.selected && t.client.Stats().APDUs == before+1 && refusal(status.SW)
	if err := second(); err != nil {
		return err
	}
	if judged {
		*refused = !*refused
	}
	return nil
}

// refusal reports whether a status means that the chip refuses a command, as
// opposed to a transient failure (IAS ECC 9.3).
func refusal(sw apdu.SW) bool { return sw >= 0x6700 && sw < 0x6F00 }

// mayAskCounter reports whether to read a counter from the chip. Unless the chip
// has answered before, it is asked once in a transaction, and never in a channel
// in which a code is verified.
func (t *transaction) mayAskCounter() bool {
	c := t.dialect.Counters
	switch {
	case c.answered:
		return true
	case t.counterSettled(), t.counterAsked:
		return false
	case !t.placed && c.Refused+c.doubtful > 0:
		return false // a refusal could have another cause
	}
	return !t.pinVerified.Load() && !t.pukVerified.Load()
}

// counterSettled reports whether counters are no longer read from the chip.
func (c *chip) counterSettled() bool {
	n := c.dialect.Counters
	return n.Refused >= maxCounterRefusals || n.stored && n.Lost
}

// counterAnswered records that the chip returned a counter.
func (c *chip) counterAnswered() { c.dialect.Counters = counters{answered: true} }

// counterRefused records that the chip returned no counter. sw is its status, 0 for
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

// withoutChannel reports whether chips without a channel return sw for a protected
// command (IAS ECC 7.1.7).
func withoutChannel(sw apdu.SW) bool {
	switch sw {
	case apdu.SWConditionsNotSatisfied, apdu.SWNoSM, apdu.SWSMObjectMissing:
		return true
	}
	return false
}
