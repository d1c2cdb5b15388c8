// Package cms reads and writes signed messages (RFC 5652) in the forms that
// documents use: CAdES B-B and B-T (EN 319 122-1), and the message inside a PAdES
// signature (EN 319 142-1). It accesses neither card nor network and decides
// nothing about trust: package ades judges the messages.
//
// SignDigest builds a detached message for a digest; MaxSize returns a limit for
// its length. Sign and Add return a Message, which Write writes with its content.
// Open reads a message of any size from an io.ReaderAt: DER, BER with indefinite
// lengths and content in chunks, PEM, base64 without armour.
package cms

import "errors"

var (
	// ErrMalformed reports bytes that are not a complete signed message.
	ErrMalformed = errors.New("malformed signed message")
	// ErrUnsupported reports a form that this package does not implement.
	ErrUnsupported = errors.New("unsupported form of signed message")
	// ErrLimit reports more parts, deeper nesting or larger parts than the limits allow.
	ErrLimit = errors.New("signed message exceeds the limits")
)
