package pkcs11mod

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"testing"

	"cie/card"
	"cie/card/cardtest"
	"cie/pkcs11mod/ck"
)

// entry returns the name under which a card's certificate is cached.
func entry(c *cardtest.Card) string { return cacheName(c.NIS()) }

// The entry on disk contains neither the name of the holder nor other private data.
func TestCacheIsEncrypted(t *testing.T) {
	h, c, _ := known(t, cardtest.Profile{Surname: "UNMISTAKABLE"})
	data := h.store.entries[entry(c)]
	if len(data) == 0 {
		t.Fatal("nothing is cached")
	}
	for key, data := range h.store.entries {
		for _, secret := range []string{"UNMISTAKABLE", string(cardtest.DefaultPIN()), string(cardtest.DefaultPUK()), "PRVMRA"} {
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%q is in the entry %q", secret, key)
			}
		}
	}
}

// A damaged cache costs only speed.
func TestCacheSurvivesDamage(t *testing.T) {
	h, c, _ := known(t, cardtest.Profile{})
	good := maps.Clone(h.store.entries)
	other, oc, _ := known(t, cardtest.Profile{NIS: "999900000002"})
	foreign := other.store.entries[entry(oc)]

	entries := map[string][]byte{
		"empty":         {},
		"foreign":       foreign,
		"short":         good[entry(c)][:20],
		"cut":           good[entry(c)][:len(good[entry(c)])-1],
		"longer":        append(bytes.Clone(good[entry(c)]), 0),
		"text":          []byte(`{"Version":1}`),
		"the constants": good[c.NIS()],
	}
	for _, i := range []int{0, 11, 12, 13, len(good[entry(c)]) / 2, len(good[entry(c)]) - 1} {
		flipped := bytes.Clone(good[entry(c)])
		flipped[i] ^= 0x40
		entries[fmt.Sprintf("bit of byte %d", i)] = flipped
	}
	for name, data := range entries {
		t.Run(name, func(t *testing.T) {
			s := newStore()
			maps.Copy(s.entries, good)
			s.entries[entry(c)] = data
			h, _ := oneCard(t, cardtest.Profile{}, s)
			sess := h.session(false)
			if n := len(h.find(sess)); n != 0 {
				t.Errorf("%d objects from a damaged entry", n)
			}
			h.login(sess)
			h.sign(sess, h.one(sess, ck.CKO_PRIVATE_KEY), ck.CKM_RSA_PKCS, []byte("x"))
			// It was replaced by a good one.
			h.want("C_Finalize", h.Finalize(false), ck.CKR_OK)
			h.want("C_Initialize", h.Initialize(nil), ck.CKR_OK)
			if n := len(h.find(h.session(false))); n != 3 {
				t.Errorf("%d objects afterwards", n)
			}
		})
	}
}

// The store returns an error for every operation.
func TestCacheSurvivesUnwritableStore(t *testing.T) {
	kept := newStore()
	kept.broken = errors.New("no space left on device")
	for range 2 {
		h, _ := oneCard(t, cardtest.Profile{}, kept)
		s := h.session(false)
		h.login(s)
		h.sign(s, h.one(s, ck.CKO_PRIVATE_KEY), ck.CKM_RSA_PKCS, []byte("x"))
	}
}

// forge returns a cache entry with other content, as an attacker who once had the card can
// create it.
func forge(t *testing.T, c *cardtest.Card, content cached) []byte {
	t.Helper()
	s, err := card.Open(context.Background(), c.Reader(), card.Options{Roots: roots()})
	if err != nil {
		t.Fatal(err)
	}
	signature, err := s.AntiCloneSign(context.Background(), []byte(cacheMessage+c.NIS()))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cacheAEAD(signature)
	if err != nil {
		t.Fatal(err)
	}
	data, err := sealCache(aead, c.NIS(), content)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// An entry with a certificate that is not the card's is found
// out by the first signature, forgotten, and replaced.
func TestForgedCacheIsRefused(t *testing.T) {
	other, _, os := known(t, cardtest.Profile{NIS: "999900000002", KeySet: 2})
	cert := other.value(os, other.one(os, ck.CKO_CERTIFICATE), ck.CKA_VALUE)
	for name, content := range map[string]cached{
		"no certificate": {Serial: []byte{1}, Certificate: nil},
		"no serial":      {Certificate: cert},
		"nonsense":       {Serial: []byte{1}, Certificate: []byte("nonsense")},
		"another's":      {Serial: []byte{1}, Certificate: cert},
	} {
		t.Run(name, func(t *testing.T) {
			kept := newStore()
			h, c := oneCard(t, cardtest.Profile{KeySet: 1}, kept)
			kept.entries[entry(c)] = forge(t, c, content)
			s := h.session(false)
			shown := len(h.find(s))
			h.login(s)
			key := h.one(s, ck.CKO_PRIVATE_KEY)
			if name == "another's" {
				if shown == 0 {
					t.Error("the entry is not used")
				}
				_, rv := h.trySign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
				h.want("signature", rv, ck.CKR_FUNCTION_FAILED)
				key = h.one(s, ck.CKO_PRIVATE_KEY)
			} else if shown != 0 {
				t.Error("the entry is used")
			}
			h.sign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
			if bytes.Equal(h.value(s, h.one(s, ck.CKO_CERTIFICATE), ck.CKA_VALUE), cert) {
				t.Error("another card's certificate is shown")
			}
		})
	}
}

// An entry of another version of the format is not read.
func TestCacheOfOtherVersionIsIgnored(t *testing.T) {
	aead, err := cacheAEAD(bytes.Repeat([]byte{7}, 256))
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range map[int]bool{cacheVersion: true, cacheVersion + 1: false, 0: false} {
		plain, err := json.Marshal(cached{Version: version, Serial: []byte{1}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = openCache(aead, "1", aead.Seal(nil, nil, plain, []byte(cacheName("1"))))
		if (err == nil) != want {
			t.Errorf("version %d: %v", version, err)
		}
	}
}

func FuzzOpenCache(f *testing.F) {
	aead, err := cacheAEAD(bytes.Repeat([]byte{7}, 256))
	if err != nil {
		f.Fatal(err)
	}
	good, err := sealCache(aead, "1", cached{Serial: []byte{1}, Certificate: []byte{2}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{})
	f.Add(good[:28])
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := openCache(aead, "1", data)
		if err == nil && (!bytes.Equal(c.Serial, []byte{1}) || !bytes.Equal(c.Certificate, []byte{2})) {
			t.Errorf("%X opens as %+v", data, c)
		}
	})
}

// Other programs of the user learn the holder of
// a known card while it is in the reader, without the PIN, and of no other card.
func TestKnownCertificateNeedsTheCard(t *testing.T) {
	h, c, s := known(t, cardtest.Profile{})
	want := h.value(s, h.one(s, ck.CKO_CERTIFICATE), ck.CKA_VALUE)
	ask := func(c *cardtest.Card, store card.Store) []byte {
		t.Helper()
		session, err := card.Open(context.Background(), c.Reader(), card.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		der, err := KnownCertificate(context.Background(), session, store)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	verified := c.Stats().Verifies
	if got := ask(c, h.store); !bytes.Equal(got, want) || len(got) == 0 {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
	if c.Stats().Verifies != verified {
		t.Error("a code was presented")
	}
	if ask(c, newStore()) != nil {
		t.Error("a certificate from an empty store")
	}
	// The same NIS on a chip with other keys.
	other := newCard(t, cardtest.Profile{NIS: c.NIS(), KeySet: 1})
	if ask(other, h.store) != nil {
		t.Error("another chip unlocks the entry")
	}
	h.store.entries[entry(c)][20] ^= 1
	if ask(c, h.store) != nil {
		t.Error("a certificate from a damaged entry")
	}
}
