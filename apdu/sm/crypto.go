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

// unpad returns the length of b without its padding, -1 when there is none.
// The padding begins in the last block (IAS ECC 7.1.9, note 15).
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

// retailMAC is ISO 9797-1 MAC algorithm 3 with DES: CBC with the left key, the
// last block with both, which makes it 3DES (IAS ECC 7.1.12).
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

// macState is a MAC under way: chain is the chaining value with the bytes of
// the block under way already mixed in, n of them.
type macState struct {
	key   retailMAC
	chain [blockSize]byte
	n     int
}

// start begins a MAC over the counter.
func (m retailMAC) start(ssc uint64) *macState {
	s := &macState{key: m}
	var b [blockSize]byte
	binary.BigEndian.PutUint64(b[:], ssc)
	s.write(b[:])
	return s
}

func (s *macState) write(b []byte) {
	for len(b) > 0 {
		if s.n == blockSize { // only now is it known not to be the last block
			s.key.left.Encrypt(s.chain[:], s.chain[:])
			s.n = 0
		}
		n := subtle.XORBytes(s.chain[s.n:], s.chain[s.n:], b)
		s.n += n
		b = b[n:]
	}
}

// pad fills the block under way; after a full block it adds one.
func (s *macState) pad() { s.write(padding[:blockSize-s.n%blockSize]) }

// sum ends a MAC over what was written, which must be padded.
func (s *macState) sum() [blockSize]byte {
	s.key.both.Encrypt(s.chain[:], s.chain[:])
	return s.chain
}

// wipeBlock overwrites an expanded key. crypto/des has no way to do it, but its
// ciphers are pointers to plain structs, which may be zeroed as a whole.
func wipeBlock(b cipher.Block) {
	if v := reflect.ValueOf(b); v.Kind() == reflect.Pointer && !v.IsNil() {
		v.Elem().SetZero()
	}
}
