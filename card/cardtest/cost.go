package cardtest

import (
	"time"

	"cie/apdu"
)

// CostModel contains the times that a chip and its link take. In the zero value all are
// zero.
type CostModel struct {
	// LinkKbit is the speed of the contactless link in kbit/s (106, 212, 424,
	// 848); 0 is infinitely fast.
	LinkKbit int
	// PerAPDU is the fixed cost of one command and its answer.
	PerAPDU time.Duration
	// DHAgreement is the cost of one Diffie-Hellman key pair and shared
	// secret on the chip.
	DHAgreement time.Duration
	// RSAPrivate and RSAPublic are the costs of an RSA operation on the chip.
	RSAPrivate, RSAPublic time.Duration
	// Write is the cost of changing the memory.
	Write time.Duration
	// Mute is the time after which a reader gives up waiting for a chip that does not answer.
	Mute time.Duration
	// Sleep makes the card wait for these times. Otherwise they are only added to
	// Stats.Modelled.
	Sleep bool
}

// DefaultCost returns the times of a slow card at 106 kbit/s as measured in the field,
// without Sleep. New cards use it.
func DefaultCost() CostModel {
	return CostModel{
		LinkKbit:    106,
		PerAPDU:     5 * time.Millisecond,
		DHAgreement: 3700 * time.Millisecond,
		RSAPrivate:  300 * time.Millisecond,
		RSAPublic:   20 * time.Millisecond,
		Write:       5 * time.Millisecond,
		Mute:        30 * time.Second,
	}
}

// Stats counts the operations of a card since its creation.
type Stats struct {
	APDUs         int // commands, GET RESPONSE included
	GetResponses  int
	BytesUp       int // to the card
	BytesDown     int // from the card, status included
	Resets        int // power-on included
	KeyAgreements int // device authentications begun: Diffie-Hellman agreements
	// DeviceAuthentications counts those completed.
	DeviceAuthentications int
	Verifies              int // VERIFY commands that compared a code
	Changes               int // CHANGE REFERENCE DATA commands that compared a code
	Unblocks              int // RESET RETRY COUNTER commands that were allowed
	TriesSpent            int // comparisons that failed
	Signatures            int // RSA private operations
	SMFailures            int // secure messaging checks that failed
	Writes                int // changes of the memory
	Refusals              int // commands that Profile.Strict refused
	Unanswered            int // commands to which a mute card gave no answer
	ChannelsLost          int // secure messaging sessions that the chip ended by an answer in the clear
	Modelled              time.Duration
}

// Sub returns what happened between an earlier reading and s.
func (s Stats) Sub(earlier Stats) Stats {
	s.APDUs -= earlier.APDUs
	s.GetResponses -= earlier.GetResponses
	s.BytesUp -= earlier.BytesUp
	s.BytesDown -= earlier.BytesDown
	s.Resets -= earlier.Resets
	s.KeyAgreements -= earlier.KeyAgreements
	s.DeviceAuthentications -= earlier.DeviceAuthentications
	s.Verifies -= earlier.Verifies
	s.Changes -= earlier.Changes
	s.Unblocks -= earlier.Unblocks
	s.TriesSpent -= earlier.TriesSpent
	s.Signatures -= earlier.Signatures
	s.SMFailures -= earlier.SMFailures
	s.Writes -= earlier.Writes
	s.Refusals -= earlier.Refusals
	s.Unanswered -= earlier.Unanswered
	s.ChannelsLost -= earlier.ChannelsLost
	s.Modelled -= earlier.Modelled
	return s
}

// SetCost replaces the cost model.
func (c *Card) SetCost(m CostModel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cost = m
}

// Stats returns the counters.
func (c *Card) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// operation is an operation of the chip that takes time.
type operation int

const (
	opDH operation = iota
	opRSAPrivate
	opRSAPublic
	opWrite
)

func (c *Card) spend(op operation) {
	switch op {
	case opDH:
		c.wait(c.cost.DHAgreement)
	case opRSAPrivate:
		c.stats.Signatures++
		c.wait(c.cost.RSAPrivate)
	case opRSAPublic:
		c.wait(c.cost.RSAPublic)
	case opWrite:
		c.wait(c.cost.Write)
	}
}

// Block framing of ISO/IEC 14443-4: prologue and CRC around at most
// frameData bytes; one byte is 8 bits and parity.
const (
	frameData     = 253
	frameOverhead = 3
	bitsPerByte   = 9
)

// account counts bytes to (up) or from (down) the card.
func (c *Card) account(up, down int) {
	n := up + down
	if up > 0 {
		c.stats.APDUs++
		c.wait(c.cost.PerAPDU)
	}
	c.stats.BytesUp += up
	c.stats.BytesDown += down
	if c.cost.LinkKbit > 0 {
		frames := (n + frameData - 1) / frameData
		bits := (n + frames*frameOverhead) * bitsPerByte
		c.wait(time.Duration(bits) * time.Millisecond / time.Duration(c.cost.LinkKbit))
	}
}

// silence waits until the reader gives up, and returns its error.
func (c *Card) silence() error {
	c.stats.Unanswered++
	c.wait(c.cost.Mute)
	return apdu.ErrMute
}

func (c *Card) wait(d time.Duration) {
	c.stats.Modelled += d
	if c.cost.Sleep {
		time.Sleep(d)
	}
}
