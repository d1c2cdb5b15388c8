package cardtest

import "crypto/subtle"

// code is PIN or PUK as the commands see them.
type code struct {
	value    *[]byte
	tries    *int
	maximum  int
	verified *bool
}

// code returns the reference data of P2 inside of a copy of the memory.
func (c *Card) code(m *memory, p2 byte) (code, bool) {
	if c.directory != c.fs.cie {
		return code{}, false // local reference data of DF_CIE
	}
	switch p2 {
	case refPIN:
		return code{&m.PIN, &m.PINTries, MaxPINTries, &c.auth.pin}, true
	case refPUK:
		return code{&m.PUK, &m.PUKTries, MaxPUKTries, &c.auth.puk}, true
	}
	return code{}, false
}

// compare checks a presented code and returns the status. The memory m is a copy that the
// caller stores before it responds.
func (c *Card) compare(k code, presented []byte) uint16 {
	if subtle.ConstantTimeCompare(*k.value, presented) == 1 {
		*k.tries = k.maximum
		return swOK
	}
	*k.tries--
	*k.verified = false
	c.stats.TriesSpent++
	switch {
	case c.profile.Forgery.WrongPIN6300:
		return swAuthFailed
	case *k.tries == 0 && !c.profile.LastTry63C0:
		return swBlocked // IAS ECC 9.4.1: no subsequent tries are allowed
	}
	return swTries | uint16(*k.tries)
}

// verify executes VERIFY (IAS ECC 9.4.1).
func (c *Card) verify(cmd command) answer {
	if cmd.p1 != 0 {
		return status(swWrongP1P2)
	}
	m := c.memory.clone()
	k, known := c.code(&m, cmd.p2)
	switch {
	case !known:
		return status(swRefNotFound)
	case !c.authenticated(cmd):
		return status(swDenied)
	case *k.tries == 0:
		return status(swBlocked)
	case len(cmd.data) != codeLength:
		return status(swWrongLength)
	}
	c.stats.Verifies++
	sw := c.compare(k, cmd.data)
	if !c.store(m) {
		return status(swMemory)
	}
	if sw == swOK {
		*k.verified = true
	}
	return status(sw)
}

// changeReferenceData executes CHANGE REFERENCE DATA (IAS ECC 9.4.2).
func (c *Card) changeReferenceData(cmd command) answer {
	if cmd.p1 != 0 {
		return status(swWrongP1P2)
	}
	m := c.memory.clone()
	k, known := c.code(&m, cmd.p2)
	switch {
	case !known:
		return status(swRefNotFound)
	case cmd.p2 == refPUK: // CIE annex A: never
		return status(swDenied)
	case !c.authenticated(cmd) || !c.auth.pin:
		return status(swDenied)
	case *k.tries == 0:
		return status(swBlocked)
	case len(cmd.data) != 2*codeLength:
		return status(swWrongLength)
	}
	c.stats.Changes++
	sw := c.compare(k, cmd.data[:codeLength])
	if sw == swOK {
		*k.value = append([]byte(nil), cmd.data[codeLength:]...)
	}
	if !c.store(m) {
		return status(swMemory)
	}
	// The PIN has to be presented again, whether the old one was right (IAS
	// ECC) or wrong.
	*k.verified = false
	return status(sw)
}

// resetRetryCounter executes RESET RETRY COUNTER (IAS ECC 9.4.3).
func (c *Card) resetRetryCounter(cmd command) answer {
	if cmd.p1 != 0x02 && cmd.p1 != 0x03 {
		return status(swWrongP1P2)
	}
	m := c.memory.clone()
	k, known := c.code(&m, cmd.p2)
	switch {
	case !known:
		return status(swRefNotFound)
	case cmd.p2 == refPUK: // CIE annex A: never
		return status(swDenied)
	case !c.authenticated(cmd) || !c.auth.puk:
		return status(swDenied)
	case cmd.p1 == 0x02 && len(cmd.data) != codeLength, cmd.p1 == 0x03 && len(cmd.data) != 0:
		return status(swWrongLength)
	}
	c.stats.Unblocks++
	if cmd.p1 == 0x02 {
		*k.value = append([]byte(nil), cmd.data...)
	}
	*k.tries = k.maximum
	if !c.store(m) {
		return status(swMemory)
	}
	*k.verified = false
	return status(swOK)
}
