package cardtest

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"runtime"
	"testing"
	"time"
)

// The same profile always gives the same contents, newly created or from the cache, and
// every field that affects the contents gives other ones.
func TestContentsFollowProfile(t *testing.T) {
	profile := func(change func(*Profile)) *Profile {
		var p Profile
		if change != nil {
			change(&p)
		}
		q, err := p.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	same := func(a, b map[uint16][]byte) bool {
		equal := len(a) == len(b)
		for fid := range a {
			equal = equal && bytes.Equal(a[fid], b[fid])
		}
		return equal
	}
	made := func(p *Profile) map[uint16][]byte {
		t.Helper()
		content, err := contents(p)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := issue(p)
		if err != nil {
			t.Fatal(err)
		}
		if !same(content, kept) {
			t.Error("the cache gives other contents")
		}
		return content
	}
	first := made(profile(nil))
	if !same(first, made(profile(nil))) {
		t.Error("two cards of one profile differ")
	}
	for name, change := range map[string]func(*Profile){
		"family":   func(p *Profile) { p.Family = Gemalto },
		"PIN":      func(p *Profile) { p.PIN = []byte("11112222") },
		"padding":  func(p *Profile) { p.Padding = map[uint16]int{0x1004: 3} },
		"manners":  func(p *Profile) { p.NoLeStatus, p.OuterStatus, p.LastTry63C0, p.KeepVerified = true, true, true, true },
		"replaced": func(p *Profile) { p.Files = map[uint16][]byte{0x1004: {1}} },
	} {
		if !same(first, made(profile(change))) {
			t.Errorf("%s changes the contents", name)
		}
	}
	seen := []map[uint16][]byte{first}
	for name, change := range map[string]func(*Profile){
		"surname":    func(p *Profile) { p.Surname = "ALTRA" },
		"names":      func(p *Profile) { p.Surname, p.GivenName = "PROVA GivenName:X", "X" },
		"names 2":    func(p *Profile) { p.Surname, p.GivenName = "PROVA", "X GivenName:X" },
		"no name":    func(p *Profile) { p.NoGivenName = true },
		"NIS":        func(p *Profile) { p.NIS = "999900000002" },
		"document":   func(p *Profile) { p.DocumentNumber = "ZZ00001ZZ" },
		"from":       func(p *Profile) { p.NotBefore = time.Date(2024, 2, 2, 0, 0, 0, 0, time.UTC) },
		"to":         func(p *Profile) { p.NotAfter = time.Date(2044, 2, 2, 0, 0, 0, 0, time.UTC) },
		"generation": func(p *Profile) { p.SODGeneration = 1 },
		"keys":       func(p *Profile) { p.KeySet = profile(nil).KeySet%KeySets + 1 },
		"EF.DH":      func(p *Profile) { p.DH = DHTemplate },
		"suffix":     func(p *Profile) { p.CommonNameSuffix = ".x" },
		"subject":    func(p *Profile) { p.BareSubjectSerial = true },
		"on board":   func(p *Profile) { p.OnBoardKey = true },
		"extended":   func(p *Profile) { p.Extended = true },
		"SOD":        func(p *Profile) { p.Forgery.SOD = SODTamperedHash },
		"clone":      func(p *Profile) { p.Forgery.IntKey = true },
	} {
		content := made(profile(change))
		for _, other := range seen {
			if same(content, other) {
				t.Errorf("%s does not change the contents", name)
			}
		}
		seen = append(seen, content)
	}
}

// Issuers that are loaded one after the other can have the same address: a card never gets
// the files of another issuer from the cache.
func TestCacheDistinguishesIssuersAtOneAddress(t *testing.T) {
	for n := range 4 * KeySets {
		var keys [4]*rsa.PrivateKey
		for i, use := range []string{"auth", "auth", "int", "services"} {
			keys[i] = loadPool().keys[fmt.Sprintf("%s-%d", use, n%KeySets)]
		}
		issuer, err := newIssuer("Unknown Country Signer CA", keys)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Profile{Forgery: Forgery{Issuer: issuer}}.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		content, err := issue(p)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(content[fidServices], x509.MarshalPKCS1PublicKey(&keys[3].PublicKey)) {
			t.Fatalf("issuer %d has the files of another one", n)
		}
		runtime.GC()
	}
}

// A card cannot change the files of the next one.
func TestCacheIsNotShared(t *testing.T) {
	one, err := New(Profile{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range one.fs.cie.files {
		clear(f.content)
	}
	two, err := New(Profile{})
	if err != nil {
		t.Fatal(err)
	}
	if string(two.fs.cie.byFID(fidNIS).content) != two.profile.NIS {
		t.Error("the files of one card are those of another")
	}
	for range maxIssued + 1 {
		if len(issued.cards) > maxIssued {
			t.Fatalf("%d cards are kept", len(issued.cards))
		}
		two.profile.NIS = nextNIS(two.profile.NIS)
		if _, err := New(Profile{NIS: two.profile.NIS}); err != nil {
			t.Fatal(err)
		}
	}
}

func nextNIS(nis string) string {
	b := []byte(nis)
	for i := len(b) - 1; ; i-- {
		if b[i]++; b[i] <= '9' {
			return string(b)
		}
		b[i] = '0'
	}
}
