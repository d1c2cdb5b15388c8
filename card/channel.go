package card

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"sync/atomic"

	"cie/apdu"
	"cie/apdu/sm"
)

// deviceKeys are the public values of a card that the device authentication
// needs. They never change.
type deviceKeys struct {
	G, P, Q []byte // Diffie-Hellman values as GET DATA returns them
	IntKpub []byte // EF.Int.Kpub
	// Root key of the terminal certificates (SDO ExtCV.Kpub).
	ExtModulus, ExtCHR, ExtCHA []byte
	// Terminal is the certificate of this terminal under that root key, kept
	// because signing it again costs as much as the rest of a login. openChannel
	// sets it when it is nil.
	Terminal []byte `json:",omitempty"`
}

// channelSteps is the number of progress steps of openChannel.
const channelSteps = 4

// openChannel does the device authentication with privacy protection
// (IAS ECC 5.2.3, CIE 6.10.1 to 6.10.4). After it, commands are protected with
// keys that only this program and the chip that owns EF.Int.Kpub have. It sends no
// code.
//
// Before the proof of the chip the keys may have been agreed with a man in the
// middle, so every failure, a cancellation included, drops the channel.
func (t *transaction) openChannel(k *deviceKeys) (err error) {
	defer func() {
		if err != nil {
			t.dropChannel()
		}
	}()
	if err := t.ready(); err != nil {
		return err
	}
	ifd, icc, err := t.keyExchange(k)
	if err != nil {
		return err
	}
	t.next(StepTerminalCert)
	if err := t.presentTerminal(k); err != nil {
		return err
	}
	t.next(StepTerminalAuth)
	rndICC, err := t.proveTerminal(k, ifd, icc)
	if err != nil {
		return err
	}
	t.next(StepChipAuth)
	rndIFD := make([]byte, 8)
	rand.Read(rndIFD)
	if err := t.proveChip(k, ifd, icc, rndIFD); err != nil {
		return err
	}
	// The counter starts again from both random numbers (IAS ECC 7.1.5).
	var ssc [8]byte
	copy(ssc[:4], rndICC[len(rndICC)-4:])
	copy(ssc[4:], rndIFD[4:])
	t.channel.SetSSC(ssc)
	// The key agreement succeeds in DF_CIE only, so it is selected.
	t.placed, t.assumed = true, false
	return nil
}

// keyExchange agrees on the session keys and starts secure messaging. It
// returns both public keys at the full length of p (IAS ECC 5.2.3.1).
func (t *transaction) keyExchange(k *deviceKeys) (ifd, icc []byte, err error) {
	t.next(StepKeyExchange)
	p, g, q := new(big.Int).SetBytes(k.P), new(big.Int).SetBytes(k.G), new(big.Int).SetBytes(k.Q)
	one := big.NewInt(1)
	x, err := rand.Int(rand.Reader, new(big.Int).Sub(q, one))
	if err != nil {
		return nil, nil, t.fail(err)
	}
	x.Add(x, one) // in [1, q-1]
	defer wipeInt(x)
	size := (p.BitLen() + 7) / 8
	ifd = new(big.Int).Exp(g, x, p).FillBytes(make([]byte, size))

	mse := apdu.AppendTLV([]byte{0x80, 0x01, algDevice, 0x83, 0x01, 0x81}, 0x91, ifd)
	if _, err := t.sendOK(apdu.Command{INS: insManageSecurity, P1: 0x41, P2: 0xA6, Data: mse}); err != nil {
		return nil, nil, err
	}
	// IAS ECC 9.8.1.2
	data, err := t.sendGetData([]byte{0x4D, 0x04, 0xA6, 0x02, 0x91, 0x00})
	if err != nil {
		return nil, nil, err
	}
	value, err := apdu.FindTLV(data, 0xA6, 0x91)
	if err != nil {
		return nil, nil, t.fail(fmt.Errorf("PuK.ICC: %w", err))
	}
	y := new(big.Int).SetBytes(value)
	// A key outside the group of order q would let a man in the middle
	// predict the shared secret (SP 800-56A, 5.6.2.3.1).
	if y.Cmp(one) <= 0 || y.Cmp(new(big.Int).Sub(p, one)) >= 0 || new(big.Int).Exp(y, q, p).Cmp(one) != 0 {
		return nil, nil, &NotGenuineError{Check: "chip-public-key", Err: errors.New("the key agreement value is outside its group")}
	}
	icc = y.FillBytes(make([]byte, size))

	zz := new(big.Int).Exp(y, x, p)
	defer wipeInt(zz)
	secret := zz.FillBytes(make([]byte, size)) // with leading zeros
	defer clear(secret)
	keys := sm.DeriveKeys(secret)
	defer keys.Wipe()
	t.channel = sm.New(t.client, keys, [8]byte{7: 1})
	return ifd, icc, nil
}

// presentTerminal sends the certificate of the terminal's key to the chip
// (IAS ECC 5.2.3.2, CIE 6.10.3).
func (t *transaction) presentTerminal(k *deviceKeys) error {
	if k.Terminal == nil {
		cert, err := newTerminalCert(k)
		if err != nil {
			return t.fail(err)
		}
		k.Terminal = cert
	}
	// Le is sent although no data is expected, as clients in the field do.
	if _, err := t.secureOK(apdu.Command{INS: insManageSecurity, P1: 0x81, P2: 0xB6,
		Data: []byte{0x80, 0x01, algCVC, 0x83, 0x01, keyExtRoot}, Ne: 256}); err != nil {
		return err
	}
	_, err := t.secureOK(apdu.Command{INS: insPerformSecurity, P1: 0x00, P2: 0xAE, Data: k.Terminal})
	return err
}

// newTerminalCert signs the terminal's public key with the published root
// exponent: ISO/IEC 9796-2 with message recovery, SHA-256 (IAS ECC 7.2). It
// returns the data field of PSO VERIFY CERTIFICATE.
func newTerminalCert(k *deviceKeys) ([]byte, error) {
	if len(k.ExtCHR) != 12 || len(k.ExtCHA) < 6 {
		return nil, errors.New("ExtCV.Kpub: holder reference or authorisation has a wrong length")
	}
	n := new(big.Int).SetBytes(k.ExtModulus)
	size := (n.BitLen() + 7) / 8
	car := k.ExtCHR[4:]
	chr := append(make([]byte, 4), snIFD...)
	cha := append(bytes.Clone(k.ExtCHA[:6]), 0x01)
	message := bytes.Join([][]byte{{certificateProfile}, car, chr, cha, endEntityOID, ifdModulus.Bytes(), ifdExponent}, nil)
	recoverable := size - 34
	if recoverable <= 0 || recoverable > len(message) {
		return nil, errors.New("ExtCV.Kpub: modulus of an unusable size")
	}
	hash := sha256.Sum256(message)
	block := bytes.Join([][]byte{{0x6A}, message[:recoverable], hash[:], {0xBC}}, nil)
	signature := signAsRoot(block, n)
	body := apdu.AppendTLV(nil, 0x5F37, signature)
	body = apdu.AppendTLV(body, 0x5F38, message[recoverable:])
	body = apdu.AppendTLV(body, 0x42, car)
	return apdu.AppendTLV(nil, 0x7F21, body), nil
}

// rootSignature is a signature of signAsRoot.
type rootSignature struct{ block, modulus, signature []byte }

// lastRootSignature is kept, because the cards share the root key and the terminal is the
// same for all: it is the longest computation of a first device authentication.
var lastRootSignature atomic.Pointer[rootSignature]

// signAsRoot executes the RSA private operation of the root key with modulus n.
func signAsRoot(block []byte, n *big.Int) []byte {
	modulus := n.Bytes()
	if last := lastRootSignature.Load(); last != nil && bytes.Equal(last.block, block) && bytes.Equal(last.modulus, modulus) {
		return last.signature
	}
	signature := new(big.Int).Exp(new(big.Int).SetBytes(block), rootPrivate, n).FillBytes(make([]byte, len(modulus)))
	lastRootSignature.Store(&rootSignature{block, modulus, signature})
	return signature
}

// proveTerminal signs a challenge of the chip with the terminal's key and returns
// the challenge, 8 bytes (IAS ECC 5.2.3.3, 9.5.3).
func (t *transaction) proveTerminal(k *deviceKeys, ifd, icc []byte) (rndICC []byte, err error) {
	holder := append(make([]byte, 4), snIFD...)
	if _, err := t.secureOK(apdu.Command{INS: insManageSecurity, P1: 0x81, P2: 0xA4, Data: apdu.AppendTLV(nil, 0x83, holder)}); err != nil {
		return nil, err
	}
	rndICC, err = t.secureOK(apdu.Command{INS: insGetChallenge, Ne: 8})
	if err != nil {
		return nil, err
	}
	if len(rndICC) != 8 {
		return nil, t.fail(fmt.Errorf("challenge of %d bytes", len(rndICC)))
	}
	size := (ifdModulus.BitLen() + 7) / 8
	prnd := make([]byte, size-34)
	rand.Read(prnd)
	hash := deviceHash(prnd, ifd, snIFD, rndICC, icc, k)
	block := bytes.Join([][]byte{{0x6A}, prnd, hash, {0xBC}}, nil)
	signature := signAsTerminal(new(big.Int).SetBytes(block)).FillBytes(make([]byte, size))
	_, err = t.secureOK(apdu.Command{INS: insExternalAuthenticate, Data: append(bytes.Clone(snIFD), signature...)})
	return rndICC, err
}

// proveChip lets the chip sign both public keys with Int.Kpriv and verifies the
// signature. Only the chip whose EF.Int.Kpub is in the SOD can make it, so a man in
// the middle is detected (IAS ECC 5.2.3.5, CIE 6.10.4).
func (t *transaction) proveChip(k *deviceKeys, ifd, icc, rndIFD []byte) error {
	if _, err := t.secureOK(apdu.Command{INS: insManageSecurity, P1: 0x41, P2: 0xA4,
		Data: []byte{0x84, 0x01, keyInternal, 0x80, 0x01, algDevice}}); err != nil {
		return err
	}
	answer, err := t.secureOK(apdu.Command{INS: insInternalAuthenticate, Data: rndIFD})
	if err != nil {
		return err
	}
	if err := checkChipProof(k, answer, ifd, icc, rndIFD); err != nil {
		return &NotGenuineError{Check: "chip-signature", Err: err}
	}
	return nil
}

// checkChipProof verifies SN.ICC (8) || signature with EF.Int.Kpub.
func checkChipProof(k *deviceKeys, answer, ifd, icc, rndIFD []byte) error {
	key, err := x509.ParsePKCS1PublicKey(k.IntKpub)
	if err != nil {
		return fmt.Errorf("EF.Int.Kpub: %w", err)
	}
	size := key.Size()
	if len(answer) != 8+size || size <= 34 {
		return fmt.Errorf("proof of %d bytes for a key of %d", len(answer), size)
	}
	snICC, signature := answer[:8], new(big.Int).SetBytes(answer[8:])
	if signature.Cmp(key.N) >= 0 {
		return errors.New("the signature is out of range")
	}
	block := new(big.Int).Exp(signature, big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, size))
	prnd := block[1 : size-33]
	hash := deviceHash(prnd, icc, snICC, rndIFD, ifd, k)
	want := bytes.Join([][]byte{{0x6A}, prnd, hash, {0xBC}}, nil)
	if subtle.ConstantTimeCompare(block, want) != 1 {
		return errors.New("the signature does not cover this key agreement")
	}
	return nil
}

// deviceHash returns the hash that either side signs: its own values first, then
// the challenge and key of the other side, then the group (CIE 6.10.3, 6.10.4).
func deviceHash(prnd, ownKey, ownSN, challenge, otherKey []byte, k *deviceKeys) []byte {
	h := sha256.New()
	for _, b := range [][]byte{prnd, ownKey, ownSN, challenge, otherKey, k.G, k.P, k.Q} {
		h.Write(b)
	}
	return h.Sum(nil)
}

// wipeInt overwrites a secret number.
func wipeInt(n *big.Int) {
	clear(n.Bits())
	n.SetInt64(0)
}
