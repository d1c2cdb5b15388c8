package cardtest

import "cie/apdu"

// FaultKind is a fault of one command.
type FaultKind int

// The faults. "After" means that the chip executed the command and the response was lost,
// "before" that it did not execute it.
const (
	RemoveBefore    FaultKind = iota + 1 // the card is removed, command not executed
	RemoveAfter                          // the card is removed, command executed
	MuteBefore                           // no answer until a reset, command not executed
	MuteAfter                            // no answer until a reset, command executed
	ResetBefore                          // another program resets the card just before
	WrongMAC                             // the MAC of an answer under secure messaging is wrong
	Truncate                             // half of the answer is missing, its status with it
	TruncateData                         // half of the answer's data is missing, the status is there
	FlipBit                              // one bit in the middle of the answer's data is wrong
	Status6F00                           // 6F00, command not executed
	Status6F00After                      // 6F00 in place of the answer, command executed
	Status6700                           // 6700, command not executed
	RefuseInClear                        // a command under secure messaging is refused with 6985 in the clear, which ends the channel
	SelectOther                          // another program selects the travel document just before
	SelectRoot                           // another program selects the root just before
	SelectSame                           // another program selects DF_CIE by name just before, which leaves the channel alone
	IdleReset                            // the system resets the card just before and ends the transaction, see SetIdleLimit
	faultKinds
)

var faultNames = [faultKinds]string{
	RemoveBefore: "remove-before", RemoveAfter: "remove-after",
	MuteBefore: "mute-before", MuteAfter: "mute-after",
	ResetBefore: "reset-before", WrongMAC: "wrong-mac",
	Truncate: "truncate", TruncateData: "truncate-data", FlipBit: "flip-bit",
	Status6F00: "6f00", Status6F00After: "6f00-after", Status6700: "6700", RefuseInClear: "refuse-clear",
	SelectOther: "select-other", SelectRoot: "select-root", SelectSame: "select-same",
	IdleReset: "idle-reset",
}

// String returns a short name, good for the name of a subtest.
func (k FaultKind) String() string {
	if k <= 0 || k >= faultKinds {
		return "none"
	}
	return faultNames[k]
}

// FaultKinds lists every kind.
func FaultKinds() []FaultKind {
	var all []FaultKind
	for k := RemoveBefore; k < faultKinds; k++ {
		all = append(all, k)
	}
	return all
}

// Fault is one event: Kind happens at the At-th command after SetFaults,
// counted from 1, GET RESPONSE included.
type Fault struct {
	At   int
	Kind FaultKind
}

// Faults contains all faults of a card. The zero value is a card without faults.
type Faults struct {
	Events []Fault
	// SplitAnswers splits every response into pieces of at most that many bytes, to be
	// fetched with GET RESPONSE; 0 splits only long ones. Responses within a chain of
	// commands are not split, because GET RESPONSE breaks a chain.
	SplitAnswers int
}

// FaultAt returns a single fault.
func FaultAt(at int, kind FaultKind) Faults {
	return Faults{Events: []Fault{{at, kind}}}
}

// SetFaults replaces the faults and restarts the count of commands.
func (c *Card) SetFaults(f Faults) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.Events = append([]Fault(nil), f.Events...)
	c.faults, c.count = f, 0
}

// Commands returns the number of commands since SetFaults: the number of positions
// a run has at which something can go wrong.
func (c *Card) Commands() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count
}

// withFaults executes one command; r is its connection, or nil. If it returns an error of
// package apdu, there is no response.
func (c *Card) withFaults(cmd []byte, r *Reader) ([]byte, error) {
	c.count++
	var hit [faultKinds]bool
	for _, f := range c.faults.Events {
		if f.At == c.count && f.Kind > 0 && f.Kind < faultKinds {
			hit[f.Kind] = true
			c.trace.note("fault: %v", f.Kind)
		}
	}
	switch {
	case hit[RemoveBefore]:
		c.remove()
		return nil, apdu.ErrRemoved
	case hit[MuteBefore]:
		c.mute = true
		return nil, c.silence()
	case hit[Status6F00]:
		return []byte{0x6F, 0x00}, nil
	case hit[Status6700]:
		return []byte{0x67, 0x00}, nil
	case hit[RefuseInClear] && c.session != nil && cmd[0]&0x0C == 0x0C:
		c.stats.ChannelsLost++
		c.endSession("refused by a fault")
		return []byte{0x69, 0x85}, nil
	}
	if hit[IdleReset] {
		c.idleReset()
	}
	if hit[ResetBefore] {
		c.reset()
	}
	if hit[IdleReset] || hit[ResetBefore] {
		if r != nil {
			return nil, apdu.ErrReset
		}
	}
	if hit[SelectOther] {
		c.execute(append([]byte{0x00, 0xA4, 0x04, 0x0C, byte(len(aidMRTD))}, aidMRTD...))
	}
	if hit[SelectRoot] {
		c.execute([]byte{0x00, 0xA4, 0x00, 0x0C})
	}
	if hit[SelectSame] {
		c.execute(append([]byte{0x00, 0xA4, 0x04, 0x0C, byte(len(aidCIE))}, aidCIE...))
	}
	c.spoil = hit[WrongMAC]
	out := c.execute(cmd)
	c.spoil = false
	switch {
	case hit[RemoveAfter]:
		c.remove()
		return nil, apdu.ErrRemoved
	case hit[MuteAfter]:
		c.mute = true
		return nil, c.silence()
	case hit[Status6F00After]:
		return []byte{0x6F, 0x00}, nil
	case hit[Truncate]:
		return out[:len(out)/2], nil
	}
	n := len(out) - 2
	if hit[FlipBit] && n > 0 {
		out[n/2] ^= 0x10
	}
	if hit[TruncateData] {
		out = append(out[:n/2:n/2], out[n:]...)
	}
	return out, nil
}

// spoilMAC changes the MAC of a protected response, its last bytes, if a fault requires it.
func (c *Card) spoilMAC(sealed []byte) []byte {
	if c.spoil {
		sealed[len(sealed)-1] ^= 0x01
	}
	return sealed
}
