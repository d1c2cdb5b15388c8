package pkcs11mod

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"

	"cie/card"
)

// The certificate can only be read with the PIN, and names its holder. So that
// it is listed without the PIN once it was read, it is kept on disk under a
// key that only the card can give: the chip's deterministic signature with
// Servizi_Int.Kpriv, which needs no PIN, over a message that nothing else lets
// it sign. Who does not have the card learns nothing from the file, and whose
// card it is not is not shown its content.

const (
	cacheVersion = 1
	// The chip takes at most 102 bytes; the text cannot be the start of a
	// DigestInfo or of another protocol's challenge.
	cacheMessage = "cie-pkcs11 certificate cache, key 1: "
	cacheInfo    = "cie-pkcs11 certificate cache, AES-256-GCM"
)

// cached is the content of a cache entry: public data of the card.
type cached struct {
	Version     int
	Serial      []byte // EF.SN.ICC
	Certificate []byte // EF.Cert_CIE, DER
}

var errCache = errors.New("cache entry not usable")

// cacheName is the key of the card.Store under which a card's entry is kept,
// beside the constants of the card.
func cacheName(nis string) string { return "pkcs11 " + nis }

// cacheAEAD makes the cipher from what the card signed.
func cacheAEAD(signature []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, signature, nil, cacheInfo, 32)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// sealCache encrypts an entry for the card with this NIS.
func sealCache(aead cipher.AEAD, nis string, c cached) ([]byte, error) {
	c.Version = cacheVersion
	plain, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, plain, []byte(cacheName(nis))), nil
}

// openCache decrypts and judges an entry; everything in it has to fit the card.
func openCache(aead cipher.AEAD, nis string, data []byte) (cached, error) {
	plain, err := aead.Open(nil, nil, data, []byte(cacheName(nis)))
	if err != nil {
		return cached{}, fmt.Errorf("%w: %w", errCache, err)
	}
	var c cached
	if err := json.Unmarshal(plain, &c); err != nil {
		return cached{}, fmt.Errorf("%w: %w", errCache, err)
	}
	if c.Version != cacheVersion || len(c.Serial) == 0 {
		return cached{}, errCache
	}
	return c, nil
}

// cipher returns the cipher of the card's cache; the card signs once per stay.
// The caller holds t.io.
func (t *token) cipher(ctx context.Context, s *card.Session) (cipher.AEAD, error) {
	if t.cacheKey == nil {
		signature, err := s.AntiCloneSign(ctx, []byte(cacheMessage+t.nis))
		if err != nil {
			return nil, err
		}
		t.cacheKey = signature
	}
	return cacheAEAD(t.cacheKey)
}

// prepareCache lets the card make the key of its cache before a login in which
// the certificate is going to be read and kept. Clients ask for this signature
// in the clear only: under secure messaging a refusal could cost the channel and
// the PIN verified in it. The caller holds t.io.
func (t *token) prepareCache(ctx context.Context, s *card.Session) {
	t.in.mu.Lock()
	known := t.objects != nil
	t.in.mu.Unlock()
	if known || t.in.card.Store == nil {
		return
	}
	if _, err := t.cipher(ctx, s); err != nil {
		t.in.trace("slot %d: cache: %v", t.slot.id, err)
	}
}

// loadCache takes serial number and certificate of a known card from the
// cache, and reports whether it could. A card without entry is not asked for
// anything. The caller holds t.io.
func (t *token) loadCache() (known bool, err error) {
	store := t.in.card.Store
	if store == nil {
		return false, nil
	}
	data, err := store.Load(cacheName(t.nis))
	if err != nil {
		if !errors.Is(err, card.ErrNotStored) {
			t.in.trace("slot %d: cache: %v", t.slot.id, err)
		}
		return false, nil
	}
	aead, err := t.cipher(t.ctx, t.sess)
	var c cached
	if err == nil {
		c, err = openCache(aead, t.nis, data)
	}
	if err == nil {
		err = t.setCertificate(c.Certificate)
	}
	if err != nil {
		t.in.trace("slot %d: cache: %v", t.slot.id, err)
		if errors.Is(err, errCache) {
			// The entry is of another chip, or damaged: this one has to prove itself
			// before a program asks for its PIN.
			return false, t.checkChip()
		}
		return false, nil
	}
	t.serial = c.Serial
	return true, nil
}

// KnownCertificate returns the certificate of the holder that a module of this user
// keeps for the card, or nil if it keeps none. The card itself unlocks the entry
// with one signature, for which it needs no PIN: the caller learns what the module
// lists to every program while the card is in the reader, and nothing without the
// card. The error is that of the card.
func KnownCertificate(ctx context.Context, s *card.Session, store card.Store) ([]byte, error) {
	data, err := store.Load(cacheName(s.NIS()))
	if err != nil {
		return nil, nil
	}
	key, err := s.AntiCloneSign(ctx, []byte(cacheMessage+s.NIS()))
	if err != nil {
		return nil, err
	}
	defer clear(key)
	aead, err := cacheAEAD(key)
	if err != nil {
		return nil, err
	}
	c, err := openCache(aead, s.NIS(), data)
	if err != nil {
		return nil, nil
	}
	return c.Certificate, nil
}

// saveCache keeps the certificate. Failing to costs speed only. The caller
// holds t.io.
func (t *token) saveCache(ctx context.Context, s *card.Session, der []byte) {
	store := t.in.card.Store
	if store == nil {
		return
	}
	if t.cacheKey == nil && s.Verified(card.PIN) {
		return // see prepareCache
	}
	aead, err := t.cipher(ctx, s)
	var data []byte
	if err == nil {
		data, err = sealCache(aead, t.nis, cached{Serial: t.serial, Certificate: der})
	}
	if err == nil {
		err = store.Save(cacheName(t.nis), data)
	}
	if err != nil {
		t.in.trace("slot %d: cache: %v", t.slot.id, err)
	}
}

// setCertificate makes the objects for a certificate.
func (t *token) setCertificate(der []byte) error {
	var issuer []byte
	if f := t.in.cfg.Issuers; f != nil {
		if leaf, err := x509.ParseCertificate(der); err == nil {
			issuer = f(leaf)
		}
	}
	o, err := newObjects(bytes.Clone(der), issuer)
	if err != nil {
		return err
	}
	t.in.mu.Lock()
	defer t.in.mu.Unlock()
	t.objects = o
	return nil
}

// dropCertificate forgets a certificate that turned out not to be the card's;
// the next search reads it again.
func (t *token) dropCertificate() {
	if store := t.in.card.Store; store != nil {
		if err := store.Delete(cacheName(t.nis)); err != nil {
			t.in.trace("slot %d: cache: %v", t.slot.id, err)
		}
	}
	t.in.mu.Lock()
	defer t.in.mu.Unlock()
	t.objects = nil
}
