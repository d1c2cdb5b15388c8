package cms

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"cie/card/ades/internal/ber"
)

// Message is a SignedData that is to be written in DER. Its parts are complete
// elements: what others signed stays as they encoded it.
type Message struct {
	Version      int      // at least; 0: as the parts demand
	Digests      [][]byte // AlgorithmIdentifiers beside the one of SHA-256
	Certificates [][]byte
	CRLs         [][]byte // elements of RevocationInfoChoices
	Signers      [][]byte // SignerInfos
}

// ErrContentChanged reports that the written content differs from the signed one.
var ErrContentChanged = errors.New("the content changed while it was signed")

// Detached returns the DER of the message without content.
func (m *Message) Detached() ([]byte, error) {
	var out bytes.Buffer
	if err := m.write(&out, nil, 0, nil); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Write writes the message with its content, size bytes read from content. It
// fails with ErrContentChanged if their SHA-256 digest is not the given one; the
// caller must then delete what was written. A nil digest is not compared.
func (m *Message) Write(w io.Writer, content io.Reader, size int64, digest []byte) error {
	return m.write(w, content, size, digest)
}

func (m *Message) write(w io.Writer, content io.Reader, size int64, digest []byte) error {
	tail, err := m.tail()
	if err != nil {
		return err
	}
	// From the inside out: eContent, encapContentInfo, SignedData, ContentInfo.
	var headers [][]byte
	length := int64(0)
	wrap := func(tag byte, before []byte, after int) {
		length += int64(len(before) + after)
		headers = append(headers, before, ber.AppendHeader(nil, tag, length))
		length += int64(len(headers[len(headers)-1]))
	}
	if content != nil {
		length = size
		wrap(0x04, nil, 0)
		wrap(0xA0, nil, 0)
	}
	wrap(0x30, encoded(OIDData), 0)
	wrap(0x30, m.front(), len(tail))
	wrap(0xA0, nil, 0)
	wrap(0x30, encoded(OIDSignedData), 0)
	slices.Reverse(headers)
	if _, err := w.Write(bytes.Join(headers, nil)); err != nil {
		return err
	}
	if content != nil {
		h := sha256.New()
		n, err := io.CopyBuffer(io.MultiWriter(w, h), io.LimitReader(content, size), make([]byte, 256<<10))
		if err != nil {
			return err
		}
		if n != size || digest != nil && !bytes.Equal(h.Sum(nil), digest) {
			return ErrContentChanged
		}
	}
	_, err = w.Write(tail)
	return err
}

func encoded(id asn1.ObjectIdentifier) []byte {
	var b cryptobyte.Builder
	b.AddASN1ObjectIdentifier(id)
	return b.BytesOrPanic()
}

// front returns the encoding before encapContentInfo: version and digestAlgorithms.
func (m *Message) front() []byte {
	var sha cryptobyte.Builder
	addAlgorithm(&sha, oidSHA256, false)
	digests := [][]byte{sha.BytesOrPanic()}
	withNull := build(cbasn1.SEQUENCE, slices.Concat(encoded(oidSHA256), []byte{5, 0}))
	for _, d := range m.Digests {
		if !bytes.Equal(d, withNull) { // the same algorithm, once
			digests = union(digests, [][]byte{d})
		}
	}
	slices.SortFunc(digests, bytes.Compare)
	var b cryptobyte.Builder
	b.AddASN1Int64(int64(max(1, m.Version)))
	b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(bytes.Join(digests, nil)) })
	return b.BytesOrPanic()
}

// tail returns the encoding after encapContentInfo.
func (m *Message) tail() ([]byte, error) {
	if len(m.Signers) == 0 {
		return nil, fmt.Errorf("%w: no signer", ErrMalformed)
	}
	var b cryptobyte.Builder
	add := func(t cbasn1.Tag, elements [][]byte) {
		if len(elements) == 0 && t != cbasn1.SET {
			return
		}
		elements = slices.Clone(elements)
		slices.SortFunc(elements, bytes.Compare)
		b.AddASN1(t, func(b *cryptobyte.Builder) { b.AddBytes(bytes.Join(elements, nil)) })
	}
	add(tag(0), m.Certificates)
	add(tag(1), m.CRLs)
	add(cbasn1.SET, m.Signers)
	return b.Bytes()
}
