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

// The certificate is readable only with the PIN, and names its holder. To list it without
// the PIN after the first login, it is stored on disk, encrypted with a key that only the
// card can compute: the chip's deterministic signature with Servizi_Int.Kpriv, which needs
// no PIN, over a message that no other protocol makes the chip sign. Without the card the
// file reveals nothing, and an entry of another card is not shown.

const (
	cacheVersion = 1
	// The chip signs at most 102 bytes. This text cannot be the start of a DigestInfo or of
	// the challenge of another protocol.
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

// cacheName returns the key of the card.Store for the entry of a card, beside the constants
// of the card.
func cacheName(nis string) string { return "pkcs11 " + nis }

// cacheAEAD returns the cipher derived from the card's signature.
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

// openCache decrypts and checks an entry; everything in it must fit the card.
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

// cipherLocked returns the cipher of the card's cache; the card signs once per insertion.
func (t *token) cipherLocked(ctx context.Context, s *card.Session) (cipher.AEAD, error) {
	if t.cacheKey == nil {
		signature, err := s.AntiCloneSign(ctx, []byte(cacheMessage+t.nis))
		if err != nil {
			return nil, err
		}
		t.cacheKey = signature
	}
	return cacheAEAD(t.cacheKey)
}

// prepareCacheLocked makes the card compute the key of its cache before a login in which the
// certificate will be read and stored. Clients request this signature in the clear only:
// under secure messaging a refusal could end the channel and the validity of the PIN.
func (t *token) prepareCacheLocked(ctx context.Context, s *card.Session) {
	t.in.mu.Lock()
	known := t.objects != nil
	t.in.mu.Unlock()
	if known || t.cacheAsked || t.in.card.Store == nil {
		return
	}
	if _, err := t.cipherLocked(ctx, s); err != nil {
		t.in.trace("slot %d: cache: %v", t.slot.id, err)
	}
}

// loadCacheLocked reads serial number and certificate of a known card from the cache, and reports
// whether it has an entry. Without an entry it sends nothing to the card.
func (t *token) loadCacheLocked() (known bool, err error) {
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
	aead, err := t.cipherLocked(t.ctx, t.sess)
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
			return false, t.checkChipLocked()
		}
		return false, nil
	}
	t.serial = c.Serial
	return true, nil
}

// KnownCertificate returns the certificate of the holder that a module of this user has
// stored for the card, or nil if there is none. The card decrypts the entry with one
// signature, for which it needs no PIN. The caller gets only what the module lists to every
// program while the card is in the reader. The error is that of the card.
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

// saveCacheLocked stores the certificate. A failure costs only speed.
func (t *token) saveCacheLocked(ctx context.Context, s *card.Session, der []byte) {
	store := t.in.card.Store
	if store == nil {
		return
	}
	if t.cacheKey == nil && s.Verified(card.PIN) {
		return // see prepareCache
	}
	aead, err := t.cipherLocked(ctx, s)
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
