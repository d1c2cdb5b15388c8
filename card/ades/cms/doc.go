// Package cms reads and writes signed messages (RFC 5652) as documents use
// them: CAdES B-B and B-T (EN 319 122-1), and the message inside a PAdES
// signature (EN 319 142-1). It knows no card, no network and no trust: package
// ades judges what this package reads.
//
// SignDigest builds a detached message for a digest, MaxSize bounds its length
// beforehand. Sign and Add return a Message that Write puts around its content. Open reads a message from
// an io.ReaderAt, whatever its size: DER, BER with indefinite lengths and
// content in chunks, PEM, base64 without armour.
package cms

import "errors"

var (
	// ErrMalformed: the bytes are not a signed message, or a broken one.
	ErrMalformed = errors.New("malformed signed message")
	// ErrUnsupported: a form that this package does not know.
	ErrUnsupported = errors.New("unsupported form of signed message")
	// ErrLimit: more parts, or deeper nested or larger ones, than are read.
	ErrLimit = errors.New("signed message exceeds the limits")
)
