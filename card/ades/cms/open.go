package cms

import (
	"crypto"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"cie/card/ades/internal/ber"
	"cie/card/internal/rawcert"
)

// Limits of what is read, far above those of real documents.
const (
	maxPart         = 16 << 20 // bytes of all certificates, of all CRLs, of all signers
	maxCertificates = 512
	maxCRLs         = 256
	maxSigners      = 256 // counter-signatures included
	maxAlgorithms   = 64
)

// SignedData is an opened message. Nothing in it is verified.
type SignedData struct {
	Encoding    Encoding
	Version     int
	ContentType asn1.ObjectIdentifier
	// Content is the content of the message, nil if the message is detached.
	Content *io.SectionReader
	// Certificates are those that could be read. OCSPs and CRLs are revocation
	// values in DER: OCSPResponse, CertificateList.
	Certificates []*rawcert.Certificate
	OCSPs, CRLs  [][]byte
	Signers      []*SignerInfo

	// The parts as they were encoded, for Add.
	rawDigests, rawCertificates, rawCRLs [][]byte
}

// Parse opens a message that is in memory. Zeros after it are ignored, as
// a PDF signature has them.
func Parse(b []byte) (*SignedData, error) {
	return Open(bytesReader(b), int64(len(b)))
}

type bytesReader []byte

// ReadAt implements io.ReaderAt.
func (b bytesReader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Open reads a message of size bytes; the content inside stays where it is.
// Errors match ErrMalformed, ErrUnsupported or ErrLimit, or are those of r.
func Open(r io.ReaderAt, size int64) (*SignedData, error) {
	src, size, encoding, err := dearmour(r, size)
	if err != nil {
		return nil, err
	}
	d := &SignedData{Encoding: encoding}
	p := &parser{w: window{src: src, size: size}}
	if err := d.read(p); err != nil {
		return nil, err
	}
	if err := p.trailing(); err != nil {
		return nil, err
	}
	return d, nil
}

// parser walks the outer elements of a message without reading its content.
type parser struct {
	w    window
	pos  int64
	ends []int64 // of the elements entered; -1: end-of-contents
}

// enter enters an element with this tag.
func (p *parser) enter(tag byte, what string) error {
	h, err := p.peek()
	if err != nil {
		return err
	}
	if h.Tag != tag {
		return fmt.Errorf("%w: no %s", ErrMalformed, what)
	}
	p.pos += int64(h.Size)
	if h.Indefinite {
		p.ends = append(p.ends, -1)
	} else {
		p.ends = append(p.ends, p.pos+h.Length)
	}
	return nil
}

// more reports whether the element that was entered has a further one.
func (p *parser) more() (bool, error) {
	end := p.ends[len(p.ends)-1]
	if end >= 0 {
		return p.pos < end, nil
	}
	b, err := p.w.at(p.pos, 2)
	return err == nil && !(len(b) == 2 && b[0] == 0 && b[1] == 0), err
}

// leave ends the element that was entered.
func (p *parser) leave() error {
	more, err := p.more()
	if err != nil {
		return err
	}
	end := p.ends[len(p.ends)-1]
	if more || end >= 0 && p.pos != end {
		return fmt.Errorf("%w: data at the end of an element", ErrMalformed)
	}
	if end < 0 {
		p.pos += 2
	}
	p.ends = p.ends[:len(p.ends)-1]
	return nil
}

func (p *parser) peek() (ber.Header, error) {
	h, err := p.w.header(p.pos)
	if err != nil {
		return h, err
	}
	// An element ends where the one around it does.
	for i := len(p.ends) - 1; i >= 0; i-- {
		if end := p.ends[i]; end >= 0 {
			if h.Length > end-p.pos-int64(h.Size) {
				return h, fmt.Errorf("%w: element longer than the one around it", ErrMalformed)
			}
			break
		}
	}
	return h, nil
}

// next reports whether the next element has this tag.
func (p *parser) next(tag byte) (bool, error) {
	more, err := p.more()
	if !more || err != nil {
		return false, err
	}
	h, err := p.peek()
	return err == nil && h.Tag == tag, err
}

// element reads a whole element into memory, at most limit bytes.
func (p *parser) element(limit int64) ([]byte, error) {
	start, depth := p.pos, 0
	for {
		if depth > 0 {
			b, err := p.w.at(p.pos, 2)
			if err != nil {
				return nil, err
			}
			if len(b) == 2 && b[0] == 0 && b[1] == 0 {
				p.pos += 2
				if depth--; depth == 0 {
					break
				}
				continue
			}
		}
		h, err := p.peek()
		if err != nil {
			return nil, err
		}
		p.pos += int64(h.Size) + h.Length
		if h.Indefinite {
			if depth++; depth > ber.MaxDepth {
				return nil, fmt.Errorf("%w: nested too deep", ErrLimit)
			}
		}
		if p.pos-start > limit {
			return nil, fmt.Errorf("%w: part of over %d bytes", ErrLimit, limit)
		}
		if depth == 0 {
			break
		}
	}
	raw := make([]byte, p.pos-start)
	if len(raw) <= windowSize {
		b, err := p.w.at(start, len(raw))
		if err == nil && copy(raw, b) < len(raw) {
			err = fmt.Errorf("%w: cut off", ErrMalformed)
		}
		return raw, err
	}
	if n, err := p.w.src.ReadAt(raw, start); n < len(raw) {
		if err == nil || errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: cut off", ErrMalformed)
		}
		return nil, err
	}
	return raw, nil
}

// elements reads the elements of a set.
func (p *parser) elements(tag byte, what string, count int) ([][]byte, error) {
	if err := p.enter(tag, what); err != nil {
		return nil, err
	}
	var all [][]byte
	left := int64(maxPart)
	for {
		more, err := p.more()
		if err != nil {
			return nil, err
		}
		if !more {
			return all, p.leave()
		}
		if len(all) == count {
			return nil, fmt.Errorf("%w: more than %d of %s", ErrLimit, count, what)
		}
		raw, err := p.element(left)
		if err != nil {
			return nil, err
		}
		left -= int64(len(raw))
		all = append(all, raw)
	}
}

// oid reads an object identifier.
func (p *parser) oid(what string) (asn1.ObjectIdentifier, error) {
	raw, err := p.element(256)
	if err != nil {
		return nil, err
	}
	s := cryptobyte.String(raw)
	var id asn1.ObjectIdentifier
	if !s.ReadASN1ObjectIdentifier(&id) || !s.Empty() {
		return nil, fmt.Errorf("%w: %s", ErrMalformed, what)
	}
	return id, nil
}

// read reads ContentInfo and SignedData (RFC 5652, 3 and 5.1).
func (d *SignedData) read(p *parser) error {
	if err := p.enter(0x30, "ContentInfo"); err != nil {
		return err
	}
	id, err := p.oid("content type")
	if err != nil {
		return err
	}
	if !id.Equal(OIDSignedData) {
		return fmt.Errorf("%w: content type %v", ErrUnsupported, id)
	}
	if err := errors.Join(p.enter(0xA0, "content"), p.enter(0x30, "SignedData")); err != nil {
		return err
	}
	version, err := p.element(16)
	if err != nil {
		return err
	}
	if s := cryptobyte.String(version); !s.ReadASN1Integer(&d.Version) {
		return fmt.Errorf("%w: version", ErrMalformed)
	}
	if d.rawDigests, err = p.elements(0x31, "digest algorithms", maxAlgorithms); err != nil {
		return err
	}
	for i, raw := range d.rawDigests {
		if d.rawDigests[i], err = ber.DER(raw); err != nil {
			return fmt.Errorf("%w: digest algorithm: %w", ErrMalformed, err)
		}
	}
	if err := d.readContent(p); err != nil {
		return err
	}
	if err := d.readSets(p); err != nil {
		return err
	}
	signers, err := p.elements(0x31, "signers", maxSigners)
	if err != nil {
		return err
	}
	count := 0
	for _, raw := range signers {
		s, err := readSigner(raw, 0, &count)
		if err != nil {
			return err
		}
		d.Signers = append(d.Signers, s)
	}
	return errors.Join(p.leave(), p.leave(), p.leave())
}

// readContent reads encapContentInfo up to the content and skips it.
func (d *SignedData) readContent(p *parser) error {
	err := p.enter(0x30, "encapContentInfo")
	if err != nil {
		return err
	}
	if d.ContentType, err = p.oid("type of the content"); err != nil {
		return err
	}
	more, err := p.next(0xA0)
	if err != nil {
		return err
	}
	if more {
		if err := p.enter(0xA0, "content"); err != nil {
			return err
		}
		h, err := p.peek()
		if err != nil {
			return err
		}
		switch h.Tag {
		case 0x04:
			d.Content = io.NewSectionReader(p.w.src, p.pos+int64(h.Size), h.Length)
			p.pos += int64(h.Size) + h.Length
		case 0x24:
			c := &chunks{w: window{src: p.w.src, size: p.w.size}, pos: p.pos}
			if err := c.push(h); err != nil {
				return err
			}
			x, err := newIndexed(c)
			if err != nil {
				return err
			}
			d.Content = io.NewSectionReader(x, 0, x.size)
			p.pos = c.pos
		default:
			// PKCS #7 1.5 allowed any type here; documents do not use it.
			return fmt.Errorf("%w: content with tag %02X", ErrUnsupported, h.Tag)
		}
		if err := p.leave(); err != nil {
			return err
		}
	}
	return p.leave()
}

// readSets reads certificates and revocation values.
func (d *SignedData) readSets(p *parser) error {
	has, err := p.next(0xA0)
	if err != nil {
		return err
	}
	if has {
		if d.rawCertificates, err = p.elements(0xA0, "certificates", maxCertificates); err != nil {
			return err
		}
		for i, raw := range d.rawCertificates {
			// A certificate is signed in DER, however it is sent.
			if der, err := ber.DER(raw); err == nil {
				d.rawCertificates[i] = der
				if c, err := rawcert.ParseFront(der); err == nil {
					d.Certificates = append(d.Certificates, c)
				}
			}
		}
	}
	if has, err = p.next(0xA1); err != nil || !has {
		return err
	}
	if d.rawCRLs, err = p.elements(0xA1, "revocation values", maxCRLs); err != nil {
		return err
	}
	for _, raw := range d.rawCRLs {
		der, err := ber.DER(raw)
		if err != nil {
			continue // unreadable values prove nothing
		}
		if der[0] == 0x30 {
			d.CRLs = append(d.CRLs, der)
			continue
		}
		// OtherRevocationInfoFormat with an OCSPResponse (RFC 5940, 2.1).
		s := cryptobyte.String(der)
		var other, answer cryptobyte.String
		var id asn1.ObjectIdentifier
		if s.ReadASN1(&other, tag(1)) && other.ReadASN1ObjectIdentifier(&id) && id.Equal(oidOtherOCSP) &&
			other.ReadASN1Element(&answer, cbasn1.SEQUENCE) {
			d.OCSPs = append(d.OCSPs, answer)
		}
	}
	return nil
}

// trailing refuses what follows the message, zeros and blanks aside.
func (p *parser) trailing() error {
	for p.pos < p.w.size {
		b, err := p.w.at(p.pos, windowSize)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(b, func(c byte) bool { return c != 0 && !space(c) }) {
			return fmt.Errorf("%w: data after the message", ErrMalformed)
		}
		p.pos += int64(len(b))
	}
	return nil
}

// Hashes returns the digest algorithms that the signers use, without those
// that are not supported.
func (d *SignedData) Hashes() []crypto.Hash {
	var list []crypto.Hash
	for _, s := range d.Signers {
		if s.Hash != 0 && !slices.Contains(list, s.Hash) {
			list = append(list, s.Hash)
		}
	}
	return list
}

// Digests reads a content to its end and returns its digests with Hashes.
func (d *SignedData) Digests(content io.Reader) (map[crypto.Hash][]byte, error) {
	sums := make(map[crypto.Hash][]byte)
	var writers []io.Writer
	hashes := d.Hashes()
	for _, h := range hashes {
		writers = append(writers, h.New())
	}
	if len(writers) == 0 {
		return sums, nil
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(writers...)}, struct{ io.Reader }{content}, make([]byte, 256<<10)); err != nil {
		return nil, err
	}
	for i, h := range hashes {
		sums[h] = writers[i].(interface{ Sum([]byte) []byte }).Sum(nil)
	}
	return sums, nil
}
