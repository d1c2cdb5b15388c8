package pdf

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rand"
	"crypto/rc4"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
)

// method is a way of encrypting strings or streams.
type method uint8

const (
	methodNone  method = iota // the Identity filter
	methodRC4                 // V2
	methodAESV2               // AES-128, a key per object
	methodAESV3               // AES-256, one key
)

// security is the standard security handler (7.6.4) with its file key.
type security struct {
	dictRef          ref // of the encryption dictionary, whose strings are not encrypted
	key              []byte
	revision         int64
	permissions      uint32
	owner            bool // the owner's password was used: everything is permitted
	strings, streams method
}

// Permissions of table 22, by bit position.
const (
	permitModify   = 1 << 3
	permitAnnotate = 1 << 5
	permitFill     = 1 << 8
)

// errPubSec reports a file encrypted for certificates.
var errPubSec = &UnsupportedError{"encryption for certificates (Adobe.PubSec)"}

func (f *file) openEncryption(o object, password []byte) error {
	d, err := f.dict(o)
	if err != nil {
		return err
	}
	switch filter := nameOf(d.get("Filter")); filter {
	case "Standard":
	case "Adobe.PubSec", "Adobe.PPKLite":
		return errPubSec
	default:
		return &UnsupportedError{"encryption of kind " + filter}
	}
	s := &security{revision: intOr(d.get("R"), 0), permissions: uint32(intOr(d.get("P"), 0))}
	if r, ok := o.(ref); ok {
		s.dictRef = r
	}
	version := intOr(d.get("V"), 0)
	n := int64(5) // bytes of the key
	switch version {
	case 1:
		s.strings, s.streams = methodRC4, methodRC4
	case 2:
		n = intOr(d.get("Length"), 40) / 8
		s.strings, s.streams = methodRC4, methodRC4
	case 4, 5:
		n = 16
		if s.strings, err = f.cryptMethod(d, "StrF"); err == nil {
			s.streams, err = f.cryptMethod(d, "StmF")
		}
		if err != nil {
			return err
		}
		if version == 5 != (s.strings == methodAESV3 || s.streams == methodAESV3) {
			return &UnsupportedError{"encryption with this combination of methods"}
		}
	default:
		return &UnsupportedError{"encryption of this version"}
	}
	if n < 5 || n > 16 {
		return damaged(f.start, "the encryption dictionary is malformed")
	}
	var id []byte
	if ids, err := f.array(f.trailer.get("ID")); err == nil && len(ids) > 0 {
		first, err := f.resolve(ids[0])
		if err != nil {
			return err
		}
		v, _ := first.(str)
		id = []byte(v)
	}
	v := verifiers{d: d, id: id, n: int(n)}
	for _, key := range []name{"O", "U"} {
		value, _ := d.get(key).(str)
		if want := 32; len(value) < want || version == 5 && len(value) < 48 {
			return damaged(f.start, "the encryption dictionary is malformed")
		}
	}
	tries := [][]byte{nil}
	if len(password) > 0 {
		tries = [][]byte{password, nil}
	}
	for _, p := range tries {
		if version == 5 {
			err = s.openAES256(v, p)
		} else {
			err = s.openMD5(v, p)
		}
		if err == nil {
			f.crypt = s
			return nil
		}
	}
	return err
}

// cryptMethod returns the method that the crypt filter named by key has (7.6.6).
func (f *file) cryptMethod(d dict, key name) (method, error) {
	filter, ok := d.get(key).(name)
	if !ok || filter == "Identity" {
		return methodNone, nil
	}
	filters, err := f.dict(d.get("CF"))
	if err != nil {
		return 0, err
	}
	c, err := f.dict(filters.get(filter))
	if err != nil {
		return 0, err
	}
	switch cfm := nameOf(c.get("CFM")); cfm {
	case "None":
		return methodNone, nil
	case "V2":
		return methodRC4, nil
	case "AESV2":
		return methodAESV2, nil
	case "AESV3":
		return methodAESV3, nil
	default:
		return 0, &UnsupportedError{"encryption with method " + cfm}
	}
}

// verifiers contains the values of the encryption dictionary against which a
// password is checked.
type verifiers struct {
	d  dict
	id []byte // first element of /ID
	n  int    // bytes of the key
}

func (v verifiers) bytes(key name) []byte {
	s, _ := v.d.get(key).(str)
	return []byte(s)
}

var padding = []byte("\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08" +
	"\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A")

func pad(password []byte) []byte {
	return append(append([]byte{}, password[:min(len(password), 32)]...), padding...)[:32]
}

// openMD5 tries a password with revisions 2 to 4 (algorithms 2, 4 to 7).
func (s *security) openMD5(v verifiers, password []byte) error {
	if s.revision < 2 || s.revision > 4 {
		return &UnsupportedError{"encryption of this revision"}
	}
	password = latin1(password)
	defer clear(password)
	if s.userKey(v, pad(password)) {
		return nil
	}
	// The owner's password decrypts the user's.
	h := md5.Sum(pad(password))
	if s.revision >= 3 {
		for range 50 {
			h = md5.Sum(h[:])
		}
	}
	user := v.bytes("O")[:32]
	rounds := 1
	if s.revision >= 3 {
		rounds = 20
	}
	for i := rounds - 1; i >= 0; i-- {
		rc4XOR(user, h[:v.n], byte(i))
	}
	if s.userKey(v, user) {
		s.owner = true
		return nil
	}
	return ErrPassword
}

// userKey derives the key of a padded user password and reports whether it is
// the right one.
func (s *security) userKey(v verifiers, padded []byte) bool {
	h := md5.New()
	h.Write(padded)
	h.Write(v.bytes("O")[:32])
	h.Write(binary.LittleEndian.AppendUint32(nil, s.permissions))
	h.Write(v.id)
	if s.revision >= 4 && v.d.get("EncryptMetadata") == false {
		h.Write([]byte{0xFF, 0xFF, 0xFF, 0xFF})
	}
	key := h.Sum(nil)
	if s.revision >= 3 {
		for range 50 {
			sum := md5.Sum(key[:v.n])
			key = sum[:]
		}
	}
	key = key[:v.n]
	check, want := append([]byte{}, padding...), v.bytes("U")[:32]
	if s.revision >= 3 {
		sum := md5.Sum(append(check, v.id...))
		check, want = sum[:], want[:16]
		for i := range 20 {
			rc4XOR(check, key, byte(i))
		}
	} else {
		rc4XOR(check, key, 0)
	}
	if !bytes.Equal(check, want) {
		return false
	}
	s.key = key
	return true
}

// rc4XOR encrypts b in place with each byte of the key XORed with x.
func rc4XOR(b, key []byte, x byte) {
	k := make([]byte, len(key))
	for i := range k {
		k[i] = key[i] ^ x
	}
	c, err := rc4.NewCipher(k)
	if err != nil {
		return // not possible: keys have 5 to 21 bytes
	}
	c.XORKeyStream(b, b)
}

// latin1 converts a password from UTF-8 for revisions up to 4, where PDF
// encoding agrees with Latin-1 in the letters of western languages.
func latin1(password []byte) []byte {
	out := make([]byte, 0, len(password))
	for _, r := range string(password) {
		if r > 0xFF {
			return append([]byte{}, password...)
		}
		out = append(out, byte(r))
	}
	return out
}

// openAES256 tries a password with revisions 5 and 6 (algorithm 2.A).
func (s *security) openAES256(v verifiers, password []byte) error {
	if s.revision != 5 && s.revision != 6 {
		return &UnsupportedError{"encryption of this revision"}
	}
	password = password[:min(len(password), 127)]
	u, o := v.bytes("U")[:48], v.bytes("O")[:48]
	for _, try := range []struct {
		entry, user []byte
		key         name
		owner       bool
	}{{o, u, "OE", true}, {u, nil, "UE", false}} {
		if !bytes.Equal(s.hash(password, try.entry[32:40], try.user), try.entry[:32]) {
			continue
		}
		wrapped := v.bytes(try.key)
		if len(wrapped) < 32 {
			return damaged(0, "the encryption dictionary is malformed")
		}
		key, err := aesCBC(s.hash(password, try.entry[40:48], try.user), make([]byte, 16), wrapped[:32], false)
		if err != nil {
			return err
		}
		// The permissions are sealed with the key (algorithm 13).
		perms := v.bytes("Perms")
		block, err := aes.NewCipher(key)
		if err != nil || len(perms) < 16 {
			return damaged(0, "the encryption dictionary is malformed")
		}
		block.Decrypt(perms, perms[:16])
		if string(perms[9:12]) != "adb" || binary.LittleEndian.Uint32(perms) != s.permissions {
			return damaged(0, "the permissions of the encryption were changed")
		}
		s.key, s.owner = key, try.owner
		return nil
	}
	return ErrPassword
}

// hash computes SHA-256 for revision 5 and algorithm 2.B for revision 6.
func (s *security) hash(password, salt, user []byte) []byte {
	first := sha256.New()
	for _, b := range [][]byte{password, salt, user} {
		first.Write(b)
	}
	k := first.Sum(nil)
	if s.revision == 5 {
		return k
	}
	for round := 1; ; round++ {
		block := append(append(append([]byte{}, password...), k...), user...)
		e, err := aesCBC(k[:16], k[16:32], bytes.Repeat(block, 64), true)
		if err != nil {
			return nil // not possible: 64 blocks are a multiple of 16 bytes
		}
		sum := 0
		for _, c := range e[:16] {
			sum += int(c)
		}
		switch sum % 3 {
		case 0:
			h := sha256.Sum256(e)
			k = h[:]
		case 1:
			h := sha512.Sum384(e)
			k = h[:]
		case 2:
			h := sha512.Sum512(e)
			k = h[:]
		}
		if round >= 64 && int(e[len(e)-1]) <= round-32 {
			return k[:32]
		}
	}
}

func aesCBC(key, iv, data []byte, encrypt bool) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if len(data)%aes.BlockSize != 0 {
		return nil, errors.New("pdf: not a multiple of the block size")
	}
	out := make([]byte, len(data))
	if encrypt {
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, data)
	} else {
		cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, data)
	}
	return out, nil
}

// objectKey derives the key for the strings and streams of one object
// (algorithm 1).
func (s *security) objectKey(id ref, m method) []byte {
	if m == methodAESV3 {
		return s.key
	}
	h := md5.New()
	h.Write(s.key)
	h.Write([]byte{byte(id.num), byte(id.num >> 8), byte(id.num >> 16), byte(id.gen), byte(id.gen >> 8)})
	if m == methodAESV2 {
		h.Write([]byte("sAlT"))
	}
	return h.Sum(nil)[:min(len(s.key)+5, 16)]
}

func (s *security) decrypt(data []byte, id ref, m method) ([]byte, error) {
	switch m {
	case methodNone:
		return data, nil
	case methodRC4:
		out := append([]byte{}, data...)
		rc4XOR(out, s.objectKey(id, m), 0)
		return out, nil
	}
	if len(data) == 0 {
		return data, nil // some writers leave empty strings as they are
	}
	if len(data) < 2*aes.BlockSize || len(data)%aes.BlockSize != 0 {
		return nil, damaged(0, "encrypted data of object %d have a wrong length", id.num)
	}
	out, err := aesCBC(s.objectKey(id, m), data[:16], data[16:], false)
	if err != nil {
		return nil, err
	}
	n := int(out[len(out)-1])
	if n < 1 || n > aes.BlockSize {
		return nil, damaged(0, "encrypted data of object %d have a wrong padding", id.num)
	}
	return out[:len(out)-n], nil
}

func (s *security) encrypt(data []byte, id ref, m method) ([]byte, error) {
	switch m {
	case methodNone, methodRC4:
		return s.decrypt(data, id, m)
	}
	n := aes.BlockSize - len(data)%aes.BlockSize
	padded := append(append([]byte{}, data...), bytes.Repeat([]byte{byte(n)}, n)...)
	iv := make([]byte, aes.BlockSize)
	if _, err := rand.Read(iv); err != nil {
		return nil, err
	}
	out, err := aesCBC(s.objectKey(id, m), iv, padded, true)
	return append(iv, out...), err
}

// decryptObject decrypts the strings of an object.
func (s *security) decryptObject(o object, id ref) (object, error) {
	if s.strings == methodNone {
		return o, nil
	}
	var err error
	switch o := o.(type) {
	case str:
		plain, err := s.decrypt([]byte(o), id, s.strings)
		return str(plain), err
	case array:
		for i := range o {
			if o[i], err = s.decryptObject(o[i], id); err != nil {
				return nil, err
			}
		}
	case dict:
		for i, e := range o {
			// The value of a signature is not encrypted (7.6.2).
			if e.key == "Contents" && o.has("ByteRange") {
				continue
			}
			if o[i].value, err = s.decryptObject(e.value, id); err != nil {
				return nil, err
			}
		}
	case *stream:
		if o.dict.get("Type") == name("XRef") {
			return o, nil
		}
		_, err = s.decryptObject(o.dict, id)
	}
	return o, err
}
