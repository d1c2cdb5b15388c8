package cardtest

import (
	"bytes"
	"crypto/subtle"
	"math/big"
)

// Device authentication with privacy protection (IAS ECC 5.2.3, CIE 6.10).

// environment is the current security environment: what MSE SET stored.
type environment struct {
	kat *keyAgreement // CRT KAT
	dst []byte        // CRT DST: reference of the key that verifies certificates
	at  *template     // CRT AT
}

type keyAgreement struct {
	reference byte
	puk       []byte // PuK.IFD
}

// template is a control reference template for authentication: with an
// algorithm and a private key for internal, with a holder reference for
// external authentication.
type template struct {
	algorithm byte
	private   byte
	holder    []byte // CHR
}

// authentication is the progress of the terminal's authentication.
type authentication struct {
	puKIFD, puKICC []byte // of the key agreement that made the session
	imported       *importedKey
	challenge      []byte // RND.ICC, good for one command
	rndICC         []byte // RND.ICC of the external authentication that succeeded
	internal       bool   // the whole device authentication is done
	pin, puk       bool   // validation flags
	nextSSC        *uint64
}

// importedKey is the key of the last certificate that verified.
type importedKey struct {
	chr, cha []byte
	key      publicKey
}

// References of SDOs in DF_CIE: local, that is with bit 8 (IAS ECC 4.4).
const (
	refPIN      = 0x81
	refPUK      = 0x82
	refAuthKey  = 0x81 // Cert_CIE.Kpriv, private key 1
	refIntKey   = 0x82 // Int.Kpriv, private key 2
	refServices = 0x83 // Servizi_Int.Kpriv, private key 3
	refDH       = 0x81 // K_DH
	refRoot     = 0x84 // ExtCV.Kpub

	algClientServer = 0x02 // RSA PKCS#1, no data formatting
	algDAPP         = 0x9B // device authentication with privacy, SHA-256
	algCertificate  = 0x41 // ISO 9796-2, SHA-256
)

// rootCHR is the holder reference of ExtCV.Kpub; certificates name it by its
// last 8 bytes (CIE annex A).
var rootCHR = []byte{0, 0, 0, 0, 'I', 'T', 'C', 'I', 'E', 0x10, 0x01, 0x15}

// rootCHA returns the authorisation of ExtCV.Kpub: the first 6 bytes of the AID and the
// role 00.
func rootCHA() []byte { return append(append([]byte(nil), aidCIE...), 0x00) }

// manageEnvironment executes MSE (IAS ECC 9.9, 10.6.2).
func (c *Card) manageEnvironment(cmd command) answer {
	if cmd.p1 == 0xF3 { // RESTORE
		switch {
		case len(cmd.data) != 0:
			return status(swWrongLength)
		case c.directory == c.fs.cie && cmd.p2 >= seKey && cmd.p2 <= seDAPP:
			return status(swDenied) // CIE annex A: never
		}
		return status(swRefNotFound)
	}
	if cmd.p1&0x0F != 0x01 {
		return status(swWrongP1P2)
	}
	objects, ok := allTLVs(cmd.data)
	if !ok {
		return status(swWrongData)
	}
	one := func(tag uint32) (byte, bool) {
		v, ok := find(objects, tag)
		if !ok || len(v) != 1 {
			return 0, false
		}
		return v[0], true
	}
	algorithm, hasAlgorithm := one(0x80)
	switch {
	case cmd.p1 == 0x41 && cmd.p2 == 0xA6: // key agreement
		reference, ok1 := one(0x83)
		puk, ok2 := find(objects, 0x91)
		if len(objects) != 3 || !hasAlgorithm || algorithm != algDAPP || !ok1 || !ok2 {
			return status(swWrongData)
		}
		if len(puk) != len(dhP.Bytes()) || !inRange(new(big.Int).SetBytes(puk), dhP) {
			return status(swWrongData)
		}
		// A new device authentication ends the session (IAS ECC 7.1.14). The response to
		// this command is still protected by the old one.
		c.endSession("new key agreement")
		c.env.kat = &keyAgreement{reference, append([]byte(nil), puk...)}
		return status(swOK)

	case cmd.p1 == 0x81 && cmd.p2 == 0xB6: // certificate verification
		reference, ok := find(objects, 0x83)
		known := len(objects) == 1 || len(objects) == 2 && hasAlgorithm && algorithm == algCertificate
		if !ok || !known || len(reference) != 1 && len(reference) != len(rootCHR) {
			return status(swWrongData)
		}
		c.env.dst = append([]byte(nil), reference...)
		return status(swOK)

	case cmd.p1 == 0x81 && cmd.p2 == 0xA4: // external authentication
		holder, ok := find(objects, 0x83)
		known := len(objects) == 1 || len(objects) == 2 && hasAlgorithm && algorithm == algDAPP
		if !ok || !known || len(holder) != len(rootCHR) {
			return status(swWrongData)
		}
		c.env.at = &template{holder: append([]byte(nil), holder...)}
		return status(swOK)

	case cmd.p1 == 0x41 && cmd.p2 == 0xA4: // internal authentication
		private, ok := one(0x84)
		if len(objects) != 2 || !ok || !hasAlgorithm || algorithm != algClientServer && algorithm != algDAPP {
			return status(swWrongData)
		}
		c.env.at = &template{algorithm: algorithm, private: private}
		return status(swOK)
	}
	return status(swNotSupported)
}

// agreeKey executes GET DATA of K.ICC: the chip generates its key pair, returns the public
// key and starts secure messaging (IAS ECC 5.2.3.1, 9.8.1.2).
func (c *Card) agreeKey(cmd command) answer {
	kat := c.env.kat
	if kat == nil || cmd.sm {
		return status(swConditions)
	}
	if c.directory != c.fs.cie || kat.reference != refDH {
		return status(swRefNotFound)
	}
	c.env.kat = nil
	g := c.profile.Forgery.generator()
	x := new(big.Int)
	for buf := make([]byte, len(dhQ.Bytes())); x.Sign() == 0 || x.Cmp(dhQ) >= 0; {
		if !c.random(buf) {
			return status(swNoDiagnosis)
		}
		x.SetBytes(buf)
	}
	y := new(big.Int).Exp(g, x, dhP)
	zz := new(big.Int).Exp(new(big.Int).SetBytes(kat.puk), x, dhP)
	c.spend(opDH)
	size := len(dhP.Bytes())
	s := newSession(zz.FillBytes(make([]byte, size)))
	if forged := c.profile.Forgery.PublicKey.value(); forged != nil {
		y = forged
		s = c.profile.Forgery.PublicKey.session(size)
	}
	puKICC := y.FillBytes(make([]byte, size))
	c.startSession(s)
	c.auth = authentication{puKIFD: kat.puk, puKICC: puKICC, pin: c.auth.pin, puk: c.auth.puk}
	c.stats.KeyAgreements++
	return done(object(0xA6, object(0x91, puKICC)))
}

// performSecurityOperation executes PSO. The card permits only the verification of
// certificates (CIE annex A).
func (c *Card) performSecurityOperation(cmd command) answer {
	switch uint16(cmd.p1)<<8 | uint16(cmd.p2) {
	case 0x00AE:
		return c.verifyCertificate(cmd)
	case 0x9E9A, 0x8086: // digital signature, decipher: never
		return status(swDenied)
	case 0x90A0: // hash: no CRT HT can be set
		return status(swConditions)
	}
	return status(swWrongP1P2)
}

// verifyCertificate executes PSO VERIFY CERTIFICATE (IAS ECC 9.6.3, 7.2.6.5).
func (c *Card) verifyCertificate(cmd command) answer {
	if c.env.dst == nil || c.directory != c.fs.cie {
		return status(swRefNotFound)
	}
	if !bytes.Equal(c.env.dst, []byte{refRoot}) {
		// The only other keys are those of certificates, and the terminal's key may not
		// sign certificates.
		return status(swRefNotFound)
	}
	key, sw := checkTerminalCertificate(c.keys.root, cmd.data)
	c.spend(opRSAPublic)
	if sw != 0 {
		return status(sw)
	}
	c.auth.imported = key
	return status(swOK)
}

// The certificate profile 8A: device authentication, 2048 bits (IAS ECC
// 7.2.5.1). Its fields have fixed lengths.
const (
	terminalCPI      = 0x8A
	terminalExponent = 4
)

var terminalOID = []byte{0x2A, 0x81, 0x22, 0xF4, 0x2A, 0x02, 0x04, 0x01, 0x04}

// checkTerminalCertificate verifies a card verifiable certificate with the
// root key and returns the key in it (IAS ECC 7.2.4 to 7.2.6).
func checkTerminalCertificate(root publicKey, data []byte) (*importedKey, uint16) {
	outer, rest, ok := nextTLV(data)
	if !ok || len(rest) != 0 || outer.tag != 0x7F21 {
		return nil, swWrongData
	}
	objects, ok := allTLVs(outer.value)
	if !ok || len(objects) != 3 ||
		objects[0].tag != 0x5F37 || objects[1].tag != 0x5F38 || objects[2].tag != 0x42 {
		return nil, swWrongData
	}
	signature, remainder, car := objects[0].value, objects[1].value, objects[2].value
	if !bytes.Equal(car, rootCHR[4:]) {
		return nil, swDenied // step 1: not certified by the current key
	}
	m1, ok := root.openISO9796(signature, func([]byte) []byte { return remainder })
	if !ok {
		return nil, swDenied // step 2
	}
	m := append(append([]byte(nil), m1...), remainder...) // step 3
	if m[0] != terminalCPI {
		return nil, swConditions // steps 4 and 5
	}
	const modulus = 2048 / 8
	take := func(n int) (field []byte) { field, m = m[:n], m[n:]; return field }
	if len(m) != 1+len(car)+len(rootCHR)+len(rootCHA())+len(terminalOID)+modulus+terminalExponent {
		return nil, swWrongData
	}
	take(1)
	if !bytes.Equal(take(len(car)), car) {
		return nil, swDenied
	}
	chr, cha, oid := take(len(rootCHR)), take(len(rootCHA())), take(len(terminalOID))
	if !bytes.Equal(oid, terminalOID) {
		return nil, swWrongData // step 6
	}
	// The role is that of a device (01) of this application (IAS ECC 7.2.5.4).
	if !bytes.Equal(cha, append(append([]byte(nil), aidCIE...), 0x01)) {
		return nil, swDenied
	}
	n, e := new(big.Int).SetBytes(take(modulus)), new(big.Int).SetBytes(take(terminalExponent))
	if n.BitLen() != 2048 || n.Bit(0) == 0 || e.Bit(0) == 0 || e.Cmp(big.NewInt(3)) < 0 {
		return nil, swWrongData
	}
	return &importedKey{chr: chr, cha: cha, key: publicKey{n, e}}, 0
}

// getChallenge executes GET CHALLENGE (IAS ECC 9.5.1).
func (c *Card) getChallenge(cmd command) answer {
	if cmd.p1 != 0 || cmd.p2 != 0 {
		return status(swWrongP1P2)
	}
	if len(cmd.data) != 0 || cmd.le != 8 && cmd.le != 0 {
		return status(swWrongLength)
	}
	rnd := make([]byte, 8)
	if !c.random(rnd) {
		return status(swNoDiagnosis)
	}
	c.auth.challenge = rnd
	return done(append([]byte(nil), rnd...))
}

// externalAuthenticate executes EXTERNAL AUTHENTICATE (IAS ECC 9.5.3).
func (c *Card) externalAuthenticate(cmd command, challenge []byte) answer {
	switch {
	case cmd.p1 != 0 || cmd.p2 != 0:
		return status(swWrongP1P2)
	case !cmd.sm:
		return status(swUnknownCLA) // the document's word for it
	case challenge == nil || c.env.at == nil || c.env.at.holder == nil:
		return status(swConditions)
	}
	key := c.auth.imported
	if key == nil || !bytes.Equal(key.chr, c.env.at.holder) {
		return status(swRefNotFound)
	}
	if len(cmd.data) != 8+key.key.size() {
		return status(swWrongLength)
	}
	c.spend(opRSAPublic)
	c.auth.rndICC = nil
	if !checkExternalAuthentication(key, cmd.data, c.transcript(c.auth.puKIFD, cmd.data[:8], challenge, c.auth.puKICC)) {
		return status(swAuthFailed)
	}
	c.auth.rndICC = challenge
	return status(swOK)
}

// checkExternalAuthentication verifies SN.IFD || signature; the signature
// covers PRND || transcript.
func checkExternalAuthentication(key *importedKey, data, transcript []byte) bool {
	if subtle.ConstantTimeCompare(data[:8], key.chr[len(key.chr)-8:]) != 1 {
		return false
	}
	_, ok := key.key.openISO9796(data[8:], func([]byte) []byte { return transcript })
	return ok
}

// transcript returns the data that both authentications sign after PRND: the signer's key
// and serial number, the challenge and the key of the other side, and the domain
// parameters (CIE 6.10.3, 6.10.4).
func (c *Card) transcript(own, serial, challenge, other []byte) []byte {
	return bytes.Join([][]byte{own, serial, challenge, other,
		c.profile.Forgery.generator().FillBytes(make([]byte, len(dhP.Bytes()))), dhP.Bytes(), dhQ.Bytes()}, nil)
}

// authenticated reports the condition "SM and device authentication".
func (c *Card) authenticated(cmd command) bool {
	return cmd.sm && c.session != nil && c.auth.internal
}

// internalAuthenticate executes INTERNAL AUTHENTICATE (IAS ECC 9.5.2 and 9.5.6): device
// authentication with key 82, client/server authentication with keys 81 and 83.
func (c *Card) internalAuthenticate(cmd command) answer {
	if cmd.p1 != 0 || cmd.p2 != 0 {
		return status(swWrongP1P2)
	}
	at := c.env.at
	if at == nil || at.holder != nil {
		return status(swConditions)
	}
	if c.directory != c.fs.cie {
		return status(swRefNotFound)
	}
	switch at.private {
	case refAuthKey, refServices:
		if at.algorithm != algClientServer {
			return status(swConditions)
		}
		key, forged := c.keys.services, c.profile.Forgery.AntiClone
		if at.private == refAuthKey {
			if !c.authenticated(cmd) || !c.auth.pin {
				return status(swDenied)
			}
			key, forged = c.keys.auth, false
		}
		// IAS ECC 9.5.6: at most 40% of the length of the modulus.
		if len(cmd.data) == 0 || len(cmd.data) > key.Size()*2/5 {
			return status(swWrongLength)
		}
		c.spend(opRSAPrivate)
		signature, err := c.sign(at.private, cmd.data)
		if err != nil {
			return status(swNoDiagnosis)
		}
		if forged {
			signature[len(signature)-1] ^= 1
		}
		return done(signature)
	case refIntKey:
		if at.algorithm != algDAPP {
			return status(swConditions)
		}
		return c.authenticateDevice(cmd)
	}
	return status(swRefNotFound)
}

// authenticateDevice executes the last step of the device authentication.
func (c *Card) authenticateDevice(cmd command) answer {
	switch {
	case !cmd.sm:
		return status(swUnknownCLA)
	case c.auth.rndICC == nil:
		return status(swConditions)
	case len(cmd.data) != 8:
		return status(swWrongLength)
	}
	serial, rndIFD := c.fs.serial, cmd.data
	c.spend(opRSAPrivate)
	signature, err := c.sign(refIntKey, c.transcript(c.auth.puKICC, serial, rndIFD, c.auth.puKIFD))
	if err != nil {
		return status(swNoDiagnosis)
	}
	if c.profile.Forgery.InternalAuthentication {
		signature[len(signature)-1] ^= 1
	}
	var ssc uint64
	for _, b := range append(append([]byte(nil), c.auth.rndICC[4:]...), rndIFD[4:]...) {
		ssc = ssc<<8 | uint64(b)
	}
	c.auth.nextSSC = &ssc
	c.auth.rndICC = nil
	c.auth.internal = true
	c.stats.DeviceAuthentications++
	return done(append(append([]byte(nil), serial...), signature...))
}

// sign executes the private operation with one of the three keys.
func (c *Card) sign(reference byte, message []byte) ([]byte, error) {
	if c.recorded != nil {
		return c.recorded(reference, message), nil
	}
	switch reference {
	case refIntKey:
		return signISO9796(c.keys.internal, c.profile.Rand, message)
	case refAuthKey:
		return signPKCS1(c.keys.auth, message), nil
	default:
		return signPKCS1(c.keys.services, message), nil
	}
}
