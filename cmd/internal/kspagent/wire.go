// Package kspagent is the process behind Windows' key storage provider for the card
// (cmd/cie-ksp). The DLL in the browser sends it requests over a pipe; the agent uses the
// card by the rules of pkcs11mod and asks the user for the PIN, which therefore is in no
// process of a browser.
//
// # Protocol
//
// Numbers are little endian. A frame is its length (4 bytes, without these) and at most 1024
// bytes. A request has an operation (1 byte), a number that the DLL chooses (4), and:
//
//	1 open    name of the container
//	2 sign    key (4), window (8), flags (1), hash (1), data
//	3 cancel  number of the request that the caller no longer waits for (4)
//	4 close   key (4)
//
// Flag 1 forbids windows. Hash is 0 for data that are padded as they are, or 1 to 4 for SHA-1,
// SHA-256, SHA-384 and SHA-512. open and sign have a response: the number of the request
// (4), a SECURITY_STATUS (4), and for status 0
//
//	open      key (4), public exponent (4), length of the modulus (2), modulus in big endian,
//	          name of the reader in UTF-16, empty if the card is in none
//	sign      signature, as long as the modulus
//
// Anything else in a request ends the agent.
package kspagent

import (
	"crypto"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf16"
)

// operation is the kind of a request.
type operation byte

const (
	opOpen   operation = 1
	opSign   operation = 2
	opCancel operation = 3
	opClose  operation = 4
)

const (
	// maxFrame limits a frame in both directions.
	maxFrame = 1024
	// maxContainer limits the name of a container.
	maxContainer = 64
	flagSilent   = 1
)

// hashes are the numbers of the protocol.
var hashes = []crypto.Hash{0, crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512}

// request is a message of the DLL.
type request struct {
	op        operation
	id        uint32
	container string // open
	key       uint32 // sign, close
	owner     uintptr
	silent    bool
	hash      crypto.Hash
	data      []byte
	target    uint32 // cancel
}

// errProtocol reports a request that no DLL of this project sends.
var errProtocol = errors.New("malformed request")

// readRequest reads a request. It returns io.EOF where the requests end.
func readRequest(r io.Reader) (request, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return request{}, err
	}
	size := binary.LittleEndian.Uint32(head[:])
	if size < 5 || size > maxFrame {
		return request{}, fmt.Errorf("%w: %d bytes", errProtocol, size)
	}
	frame := make([]byte, size)
	if _, err := io.ReadFull(r, frame); err != nil {
		return request{}, fmt.Errorf("%w: %w", errProtocol, err)
	}
	return parseRequest(frame)
}

func parseRequest(frame []byte) (request, error) {
	q := request{op: operation(frame[0]), id: binary.LittleEndian.Uint32(frame[1:])}
	body := frame[5:]
	bad := fmt.Errorf("%w: operation %d with %d bytes", errProtocol, q.op, len(body))
	switch {
	case q.op == opOpen && len(body) >= 1 && len(body) <= maxContainer:
		for _, c := range body {
			if c < 0x20 || c > 0x7E {
				return request{}, bad
			}
		}
		q.container = string(body)
	case q.op == opSign && len(body) >= 14:
		owner := binary.LittleEndian.Uint64(body[4:])
		flags, hash := body[12], body[13]
		if flags&^flagSilent != 0 || int(hash) >= len(hashes) || owner > math.MaxUint32 {
			// A window handle has 32 significant bits.
			return request{}, bad
		}
		q.key, q.owner = binary.LittleEndian.Uint32(body), uintptr(owner)
		q.silent, q.hash, q.data = flags&flagSilent != 0, hashes[hash], body[14:]
	case q.op == opCancel && len(body) == 4:
		q.target = binary.LittleEndian.Uint32(body)
	case q.op == opClose && len(body) == 4:
		q.key = binary.LittleEndian.Uint32(body)
	default:
		return request{}, bad
	}
	return q, nil
}

// response returns the frame of a response.
func response(id uint32, status Status, body []byte) []byte {
	frame := binary.LittleEndian.AppendUint32(nil, uint32(8+len(body)))
	frame = binary.LittleEndian.AppendUint32(frame, id)
	frame = binary.LittleEndian.AppendUint32(frame, uint32(status))
	return append(frame, body...)
}

// openBody returns the body of the response to open.
func openBody(key uint32, exponent int, modulus []byte, reader string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, key)
	b = binary.LittleEndian.AppendUint32(b, uint32(exponent))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(modulus)))
	b = append(b, modulus...)
	for _, c := range utf16.Encode([]rune(reader)) {
		if len(b) > maxFrame-16 {
			break
		}
		b = binary.LittleEndian.AppendUint16(b, c)
	}
	return b
}
