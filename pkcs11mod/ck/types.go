package ck

import (
	"encoding/binary"
	"runtime"
	"strconv"
	"unicode/utf8"
)

// Unavailable is CK_UNAVAILABLE_INFORMATION: every bit is set, also after conversion to a
// CK_ULONG.
const Unavailable = ^uint(0)

// InvalidHandle is CK_INVALID_HANDLE.
const InvalidHandle = 0

// Version is CK_VERSION.
type Version struct{ Major, Minor byte }

// Info is CK_INFO. Strings are UTF-8 without padding here and everywhere in
// this package; see Pad.
type Info struct {
	CryptokiVersion    Version
	ManufacturerID     string // at most 32 bytes
	Flags              uint
	LibraryDescription string // at most 32 bytes
	LibraryVersion     Version
}

// SlotInfo is CK_SLOT_INFO.
type SlotInfo struct {
	SlotDescription string // at most 64 bytes
	ManufacturerID  string // at most 32 bytes
	Flags           uint
	HardwareVersion Version
	FirmwareVersion Version
}

// TokenInfo is CK_TOKEN_INFO.
type TokenInfo struct {
	Label                                 string // at most 32 bytes
	ManufacturerID                        string // at most 32 bytes
	Model                                 string // at most 16 bytes
	SerialNumber                          string // at most 16 bytes
	Flags                                 uint
	MaxSessionCount, SessionCount         uint
	MaxRWSessionCount, RWSessionCount     uint
	MaxPINLen, MinPINLen                  uint
	TotalPublicMemory, FreePublicMemory   uint
	TotalPrivateMemory, FreePrivateMemory uint
	HardwareVersion, FirmwareVersion      Version
	UTCTime                               string // 16 characters, empty without a clock
}

// SessionInfo is CK_SESSION_INFO.
type SessionInfo struct{ SlotID, State, Flags, DeviceError uint }

// MechanismInfo is CK_MECHANISM_INFO; key sizes of RSA are in bits.
type MechanismInfo struct{ MinKeySize, MaxKeySize, Flags uint }

// Mechanism is CK_MECHANISM. No mechanism of the module has a parameter, so
// only its presence and length are known here.
type Mechanism struct {
	Type         uint
	HasParameter bool // pParameter is not NULL_PTR
	ParameterLen uint
}

// Attribute is CK_ATTRIBUTE. A nil Value is a NULL_PTR pValue; Len is ulValueLen. In a query
// Value is the caller's buffer and Len its size; the function sets Len to the size of the
// value, or to Unavailable.
type Attribute struct {
	Type  uint
	Value []byte
	Len   uint
}

// Attr returns an attribute of a template.
func Attr(typ uint, value []byte) Attribute {
	if value == nil {
		value = []byte{}
	}
	return Attribute{Type: typ, Value: value, Len: uint(len(value))}
}

// Input is a block of bytes that a caller passes by pointer and length. A nil Data is a
// NULL_PTR (or has an impossible length). Len is the length from the caller, which
// distinguishes a NULL_PTR with a length from an empty block.
type Input struct {
	Data []byte
	Len  uint
}

// Bytes returns b as an Input; nil is a NULL_PTR of length 0.
func Bytes(b []byte) Input { return Input{Data: b, Len: uint(len(b))} }

// Bad reports whether in is a NULL_PTR with a length.
func (in Input) Bad() bool { return in.Data == nil && in.Len > 0 }

// Output is a buffer for Cryptoki functions that return data of variable length (5.2). With
// Data nil (NULL_PTR) the caller requests only the length. Len contains the capacity and is
// set to the length. A nil Len is a NULL_PTR.
type Output struct {
	Data []byte
	Len  *uint
}

// InitializeArgs is CK_C_INITIALIZE_ARGS: which of its pointers are not NULL_PTR.
type InitializeArgs struct {
	CreateMutex, DestroyMutex, LockMutex, UnlockMutex bool
	Flags                                             uint
	Reserved                                          bool
}

// ULongSize is the size of a CK_ULONG on this platform in bytes: that of a C
// long, which is 4 on Windows.
var ULongSize = func() int {
	if runtime.GOOS == "windows" {
		return 4
	}
	return strconv.IntSize / 8
}()

// ULong encodes v as a CK_ULONG in memory.
func ULong(v uint) []byte {
	if ULongSize == 4 {
		return binary.NativeEndian.AppendUint32(nil, uint32(v))
	}
	return binary.NativeEndian.AppendUint64(nil, uint64(v))
}

// Bool encodes v as a CK_BBOOL.
func Bool(v bool) []byte {
	if v {
		return []byte{1}
	}
	return []byte{0}
}

// Pad fills dst with s, cut at a character boundary when it is too long, and
// with blanks: the form of all fixed strings in Cryptoki (3.1).
func Pad(dst []byte, s string) {
	for len(s) > len(dst) {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	for i := copy(dst, s); i < len(dst); i++ {
		dst[i] = ' '
	}
}
