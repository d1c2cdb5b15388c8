package cardtest

import (
	"bytes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"sync"
)

// Raw arithmetic of the chip. It does not run in constant time, because the keys are
// synthetic and committed beside the source.

// privateOp executes the RSA private operation on a block of the length of the modulus.
func privateOp(k *rsa.PrivateKey, block []byte) []byte {
	m := new(big.Int).SetBytes(block)
	p, q := k.Primes[0], k.Primes[1]
	m1 := new(big.Int).Exp(m, k.Precomputed.Dp, p)
	m2 := new(big.Int).Exp(m, k.Precomputed.Dq, q)
	h := m1.Sub(m1, m2)
	h.Mul(h, k.Precomputed.Qinv).Mod(h, p)
	h.Mul(h, q).Add(h, m2)
	return h.FillBytes(make([]byte, k.Size()))
}

// publicKey is an RSA public key whose exponent may be as long as the modulus, which
// crypto/rsa does not support.
type publicKey struct{ n, e *big.Int }

func (k publicKey) size() int { return (k.n.BitLen() + 7) / 8 }

// open executes the RSA public operation. ok is false unless block has the length of the
// modulus and is smaller.
func (k publicKey) open(block []byte) (opened []byte, ok bool) {
	s := new(big.Int).SetBytes(block)
	if len(block) != k.size() || s.Cmp(k.n) >= 0 {
		return nil, false
	}
	if k.e.BitLen() <= 64 {
		return s.Exp(s, k.e, k.n).FillBytes(make([]byte, k.size())), true
	}
	return openings.get(k, block, func() []byte {
		return s.Exp(s, k.e, k.n).FillBytes(make([]byte, k.size()))
	}), true
}

// openings caches public operations with an exponent as long as the modulus. They are a
// third of the work of a device authentication, and every terminal presents the same
// certificate.
var openings operations

type operations struct {
	mu   sync.Mutex
	done map[[sha256.Size]byte][]byte
}

func (o *operations) get(k publicKey, block []byte, work func() []byte) []byte {
	h := sha256.New()
	for _, b := range [][]byte{k.n.Bytes(), k.e.Bytes(), block} {
		binary.Write(h, binary.BigEndian, uint32(len(b)))
		h.Write(b)
	}
	key := [sha256.Size]byte(h.Sum(nil))
	o.mu.Lock()
	result, ok := o.done[key]
	o.mu.Unlock()
	if !ok {
		result = work()
		o.mu.Lock()
		if o.done == nil || len(o.done) >= 64 {
			o.done = map[[sha256.Size]byte][]byte{}
		}
		o.done[key] = result
		o.mu.Unlock()
	}
	return bytes.Clone(result)
}

// openISO9796 opens a signature of ISO/IEC 9796-2 scheme 1 with SHA-256 and
// partial recovery, 6A || M1 || SHA-256(M) || BC, where M = M1 || more. more
// gets M1 and returns M2.. of the hashed message (IAS ECC 7.2.5.7, 9.5.3).
func (k publicKey) openISO9796(signature []byte, more func(m1 []byte) []byte) (m1 []byte, ok bool) {
	block, ok := k.open(signature)
	if !ok || len(block) < 2+sha256.Size+1 || block[0] != 0x6A || block[len(block)-1] != 0xBC {
		return nil, false
	}
	m1 = block[1 : len(block)-1-sha256.Size]
	sum := block[len(block)-1-sha256.Size : len(block)-1]
	want := sha256.New()
	want.Write(m1)
	want.Write(more(m1))
	if subtle.ConstantTimeCompare(sum, want.Sum(nil)) != 1 {
		return nil, false
	}
	return m1, true
}

// signISO9796 makes 6A || prnd || SHA-256(prnd || rest) || BC and signs it.
func signISO9796(k *rsa.PrivateKey, random io.Reader, rest []byte) ([]byte, error) {
	block := make([]byte, k.Size())
	block[0], block[len(block)-1] = 0x6A, 0xBC
	prnd := block[1 : len(block)-1-sha256.Size]
	if _, err := io.ReadFull(random, prnd); err != nil {
		return nil, fmt.Errorf("random source: %w", err)
	}
	h := sha256.New()
	h.Write(prnd)
	h.Write(rest)
	copy(block[len(block)-1-sha256.Size:], h.Sum(nil))
	return privateOp(k, block), nil
}

// signPKCS1 pads as PKCS#1 v1.5 block type 1 and signs; the chip adds no
// DigestInfo of its own (IAS ECC 9.5.6).
func signPKCS1(k *rsa.PrivateKey, message []byte) []byte {
	block := make([]byte, k.Size())
	block[1] = 0x01
	pad := block[2 : len(block)-len(message)-1]
	for i := range pad {
		pad[i] = 0xFF
	}
	copy(block[len(block)-len(message):], message)
	return privateOp(k, block)
}

// tripleDES executes two-key triple DES in CBC mode with a zero IV.
func tripleDES(key [16]byte, data []byte, decrypt bool) []byte {
	var k24 [24]byte
	copy(k24[:], key[:])
	copy(k24[16:], key[:8])
	block, err := des.NewTripleDESCipher(k24[:])
	if err != nil {
		panic(err) // the length is right
	}
	out := make([]byte, len(data))
	iv := make([]byte, 8)
	if decrypt {
		cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, data)
	} else {
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, data)
	}
	return out
}

// retailMAC computes the MAC of ISO/IEC 9797-1 algorithm 3 over padded data (IAS ECC
// 10.1.2).
func retailMAC(key [16]byte, data []byte) []byte {
	k1, err1 := des.NewCipher(key[:8])
	k2, err2 := des.NewCipher(key[8:])
	if err1 != nil || err2 != nil {
		panic("des: bad key length")
	}
	mac := make([]byte, 8)
	for ; len(data) >= 8; data = data[8:] {
		subtle.XORBytes(mac, mac, data[:8])
		k1.Encrypt(mac, mac)
	}
	k2.Decrypt(mac, mac)
	k1.Encrypt(mac, mac)
	return mac
}

// pad applies ISO/IEC 9797-1 padding method 2 (IAS ECC 10.1.1).
func pad(data []byte) []byte {
	out := append(append([]byte(nil), data...), 0x80)
	for len(out)%8 != 0 {
		out = append(out, 0)
	}
	return out
}

// unpad removes what pad added.
func unpad(data []byte) ([]byte, bool) {
	i := len(data) - 1
	for i >= 0 && data[i] == 0 {
		i--
	}
	if i < 0 || data[i] != 0x80 || len(data)-i > 8 {
		return nil, false
	}
	return data[:i], true
}

// inRange reports whether 1 < y < p-1, as required for a Diffie-Hellman public key.
func inRange(y, p *big.Int) bool {
	return y.Cmp(big.NewInt(1)) > 0 && y.Cmp(new(big.Int).Sub(p, big.NewInt(1))) < 0
}

// The domain parameters are those of RFC 5114, 2.3: the 2048-bit group with a
// 256-bit prime order subgroup that the chips use, too.
var (
	dhP = hexInt("87A8E61DB4B6663CFFBBD19C651959998CEEF608660DD0F25D2CEED4435E3B00E00DF8F1D61957D4FAF7DF4561B2AA3016C3D91134096FAA3BF4296D830E9A7C209E0C6497517ABD5A8A9D306BCF67ED91F9E6725B4758C022E0B1EF4275BF7B6C5BFC11D45F9088B941F54EB1E59BB8BC39A0BF12307F5C4FDB70C581B23F76B63ACAE1CAA6B7902D52526735488A0EF13C6D9A51BFA4AB3AD8347796524D8EF6A167B5A41825D967E144E5140564251CCACB83E6B486F6B3CA3F7971506026C0B857F689962856DED4010ABD0BE621C3A3960A54E710C375F26375D7014103A4B54330C198AF126116D2276E11715F693877FAD7EF09CADB094AE91E1A1597")
	dhG = hexInt("3FB32C9B73134D0B2E77506660EDBD484CA7B18F21EF205407F4793A1A0BA12510DBC15077BE463FFF4FED4AAC0BB555BE3A6C1B0C6B47B1BC3773BF7E8C6F62901228F8C28CBB18A55AE31341000A650196F931C77A57F2DDF463E5E9EC144B777DE62AAAB8A8628AC376D282D6ED3864E67982428EBC831D14348F6F2F9193B5045AF2767164E1DFC967C1FB3F2E55A4BD1BFFE83B9C80D052B985D182EA0ADB2A3B7313D3FE14C8484B1E052588B9B7D2BBD2DF016199ECD06E1557CD0915B3353BBB64E0EC377FD028370DF92B52C7891428CDC67EB6184B523D1DB246C32F63078490F00EF8D647D148D47954515E2327CFEF98C582664B4C0F6CC41659")
	dhQ = hexInt("8CF83642A709A097B447997640129DA299B1A47D1EB3750BA308B0FE64F5FBD3")
)

func hexInt(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 16)
	if !ok {
		panic("bad constant")
	}
	return n
}
