package sm

import (
	"crypto/cipher"
	"crypto/des"
	"crypto/subtle"
	"encoding/binary"
	"reflect"
)

const blockSize = des.BlockSize

// padding is ISO 9797-1 padding method 2.
var padding = [blockSize]byte{0x80}

// unpad returns the length of b without its padding, -1 if there is none. The
// padding begins in the last block (IAS ECC 7.1.9, note 15).
func unpad(b []byte) int {
	for i := len(b) - 1; i >= 0 && i >= len(b)-blockSize; i-- {
		switch b[i] {
		case 0x80:
			return i
		case 0:
		default:
			return -1
		}
	}
	return -1
}

// newTripleDES expands a two-key 3DES key.
func newTripleDES(key *[16]byte) (cipher.Block, error) {
	var k [24]byte
	defer clear(k[:])
	copy(k[:], key[:])
	copy(k[16:], key[:8])
	return des.NewTripleDESCipher(k[:])
}

// retailMAC is ISO 9797-1 MAC algorithm 3 with DES: CBC with the left key, and
// 3DES with both keys for the last block (IAS ECC 7.1.12).
type retailMAC struct {
	left, both cipher.Block
}

func newRetailMAC(key *[16]byte) (m retailMAC, err error) {
	if m.left, err = des.NewCipher(key[:8]); err == nil {
		m.both, err = newTripleDES(key)
	}
	return m, err
}

func (m retailMAC) wipe() {
	wipeBlock(m.left)
	wipeBlock(m.both)
}

// macState is an unfinished MAC. chain is the chaining value XORed with the first
// n bytes of the current block.
type macState struct {
	key   retailMAC
	chain [blockSize]byte
	n     int
}

// start starts a MAC with the counter as the first block.
func (m retailMAC) start(ssc uint64) *macState {
	s := &macState{key: m}
	var b [blockSize]byte
	binary.BigEndian.PutUint64(b[:], ssc)
	s.write(b[:])
	return s
}

func (s *macState) write(b []byte) {
	for len(b) > 0 {
		if s.n == blockSize { // more bytes follow, so this is not the last block
			s.key.left.Encrypt(s.chain[:], s.chain[:])
			s.n = 0
		}
		n := subtle.XORBytes(s.chain[s.n:], s.chain[s.n:], b)
		s.n += n
		b = b[n:]
	}
}

// pad fills the current block, or adds one after a full block.
func (s *macState) pad() { s.write(padding[:blockSize-s.n%blockSize]) }

// sum returns the MAC over the written bytes, which must be padded.
func (s *macState) sum() [blockSize]byte {
	s.key.both.Encrypt(s.chain[:], s.chain[:])
	return s.chain
}

// wipeBlock overwrites an expanded key. crypto/des has no function for it, but its
// ciphers are pointers to plain structs, which can be set to zero.
func wipeBlock(b cipher.Block) {
	if v := reflect.ValueOf(b); v.Kind() == reflect.Pointer && !v.IsNil() {
		v.Elem().SetZero()
	}
}
