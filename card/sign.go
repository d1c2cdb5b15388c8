package card

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"strings"

	"cie/apdu"
	"cie/apdu/printable"
	"cie/card/identity"
)

// protected runs f, which needs a verified PIN, in the channel in which it was
// verified. If another program has ended that channel, the user has to enter the
// PIN again.
func (t *operation) protected(f func() error) error {
	if t.channel == nil || !t.pinVerified.Load() {
		return ErrPINRequired
	}
	err := t.inPlace(f)
	var status *apdu.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, apdu.ErrMute):
		if t.resetCard() != nil {
			return err
		}
		return fmt.Errorf("%w: %w", ErrPINRequired, err)
	case errors.Is(err, apdu.ErrReset), t.channel == nil && linkLoss(err) == LossNone:
		t.forget()
		return fmt.Errorf("%w: %w", ErrPINRequired, err)
	case errors.As(err, &status) && status.SW == apdu.SWSecurityNotSatisfied:
		t.pinVerified.Store(false)
		return fmt.Errorf("%w: %w", ErrPINRequired, err)
	}
	return err
}

// readProtected reads a file that needs the PIN, once in a session, and checks it
// against the SOD.
func (s *Session) readProtected(ctx context.Context, f file) ([]byte, error) {
	s.info.Lock()
	content := s.files[f]
	s.info.Unlock()
	if content != nil {
		return bytes.Clone(content), nil
	}
	err := s.run(ctx, func(t *operation) error {
		t.next(StepReadFile)
		return t.protected(func() (err error) {
			if content, err = t.readFile(f); err != nil {
				return err
			}
			return s.facts.checkFile(f.fid, content)
		})
	})
	if err != nil {
		return nil, err
	}
	s.info.Lock()
	defer s.info.Unlock()
	s.files[f] = content
	return bytes.Clone(content), nil
}

// Certificate returns the authentication certificate of the holder, DER without
// padding (EF.Cert_CIE, CIE 6.12). It needs a verified PIN (ErrPINRequired). A
// certificate that does not match the SOD is a *NotGenuineError. It is read once
// in a session.
func (s *Session) Certificate(ctx context.Context) ([]byte, error) {
	return s.readProtected(ctx, fileCert)
}

// DocumentNumber returns the number printed on the document, 9 characters
// (EF.Seriale). Characters that are not printable are replaced. It needs a
// verified PIN (ErrPINRequired). It is read once in a session.
func (s *Session) DocumentNumber(ctx context.Context) (string, error) {
	content, err := s.readProtected(ctx, fileSerial)
	// Up to three bytes of UTF-8 replace a byte that is not valid.
	return strings.TrimSpace(printable.Text(string(content), 3*serialLength)), err
}

// Sign lets the chip sign data with the key of the holder: the chip pads data, a
// DigestInfo or the hash of TLS 1.1 alone, with PKCS#1 v1.5 type 1 and signs it
// (IAS ECC 9.5.6). data is 1 to 102 bytes (ErrDataTooLong), the result has the
// size of the modulus, 256 bytes. Sign needs a verified PIN (ErrPINRequired) and
// sends two commands.
func (s *Session) Sign(ctx context.Context, data []byte) ([]byte, error) {
	if err := CheckSign(data); err != nil {
		return nil, err
	}
	var signature []byte
	err := s.run(ctx, func(t *operation) error {
		t.next(StepSign)
		return t.protected(func() error {
			var err error
			signature, err = t.internalAuthenticate(keyCIE, data)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return signature, nil
}

// MaxSign is the number of bytes that the chip can sign with a 2048-bit key: 40%
// of the modulus (IAS ECC 9.5.6).
const MaxSign = 102

// CheckSign returns ErrDataTooLong unless the chip can sign data: 1 to MaxSign
// bytes. DigestInfo returns the data for a digest.
func CheckSign(data []byte) error {
	if len(data) == 0 || len(data) > MaxSign {
		return ErrDataTooLong
	}
	return nil
}

// Signer returns the key of the holder as a crypto.Signer. It reads the
// certificate, so it needs a verified PIN. The key supports RSASSA-PKCS1-v1_5
// only, over SHA-1, SHA-224, SHA-256, SHA-384 and SHA-512 digests, the MD5 and
// SHA-1 pair of TLS 1.1 (crypto.MD5SHA1), or up to 102 bytes as they are
// (crypto.Hash(0)); everything else is ErrUnsupported. ctx is the context of every
// later signature, too.
func (s *Session) Signer(ctx context.Context) (crypto.Signer, error) {
	der, err := s.Certificate(ctx)
	if err != nil {
		return nil, err
	}
	id, err := identity.Parse(der)
	if err != nil {
		return nil, err
	}
	key, ok := id.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: the certificate has no RSA key", ErrUnsupported)
	}
	return &signer{s: s, ctx: ctx, key: key}, nil
}

type signer struct {
	s   *Session
	ctx context.Context
	key *rsa.PublicKey
}

func (k *signer) Public() crypto.PublicKey { return k.key }

func (k *signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if _, pss := opts.(*rsa.PSSOptions); pss {
		return nil, fmt.Errorf("%w: RSASSA-PSS", ErrUnsupported)
	}
	hash := opts.HashFunc()
	data, err := DigestInfo(hash, digest)
	if err != nil {
		return nil, err
	}
	signature, err := k.s.Sign(k.ctx, data)
	if err != nil {
		return nil, err
	}
	if err := rsa.VerifyPKCS1v15(k.key, 0, data, signature); err != nil {
		return nil, &NotGenuineError{Check: "signature", Err: err}
	}
	return signature, nil
}

// digestPrefixes are the DER headers of DigestInfo (RFC 8017, 9.2, note 1).
var digestPrefixes = map[crypto.Hash][]byte{
	crypto.SHA1:   {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14},
	crypto.SHA224: {0x30, 0x2d, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04, 0x05, 0x00, 0x04, 0x1c},
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
	crypto.SHA384: {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30},
	crypto.SHA512: {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40},
	// The hash of TLS 1.1 has no header (RFC 2246, 7.4.8).
	crypto.MD5SHA1: {},
}

// DigestInfo returns the data that Sign needs for a digest: the DER DigestInfo of
// the hash, the 36 bytes alone for crypto.MD5SHA1, or digest itself for
// crypto.Hash(0). It returns an error for an unknown hash, or a digest of another
// length.
func DigestInfo(hash crypto.Hash, digest []byte) ([]byte, error) {
	if hash == 0 {
		return digest, nil
	}
	prefix, ok := digestPrefixes[hash]
	if !ok {
		return nil, fmt.Errorf("%w: hash %v", ErrUnsupported, hash)
	}
	if len(digest) != hash.Size() {
		return nil, fmt.Errorf("a %v digest has %d bytes, not %d", hash, hash.Size(), len(digest))
	}
	return append(bytes.Clone(prefix), digest...), nil
}
