package cardtest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"

	"cie/apdu/apdutest/testvector"
)

// fieldTraces are conversations of a client in field use with an independent
// card, session secrets included. The file is not part of the repository.
type fieldTraces struct {
	Card struct {
		PIN, PUK, NIS  string
		DocumentNumber string `json:"document_number"`
		Root           struct {
			Modulus  string
			Exponent string `json:"public_exponent"`
			CHR, CHA string
		} `json:"ext_auth_root"`
		Files     map[string]string
		RootFiles map[string]string `json:"files_root"`
	}
	Traces map[string]struct {
		ATR   string
		APDUs []fieldAPDU
	}
}

type fieldAPDU struct {
	C, R   string
	PlainC string `json:"plain_c"`
	PlainR string `json:"plain_r"`
	Keys   *struct {
		XICC   string `json:"x_icc"`
		PuKIFD string `json:"puk_ifd"`
		PuKICC string `json:"puk_icc"`
		ZZ     string
		KEnc   string `json:"k_enc"`
		KMac   string `json:"k_mac"`
	}
}

func loadFieldTraces(t testing.TB) *fieldTraces {
	t.Helper()
	var f fieldTraces
	if err := json.Unmarshal(testvector.Read(t, "field-client-traces.json"), &f); err != nil {
		t.Fatal(err)
	}
	return &f
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// fieldRun is what one traced device authentication exchanged under secure
// messaging, put together from its chains.
type fieldRun struct {
	certificate, external, challenge, internal []byte
	puKIFD, puKICC, xICC, zz, kEnc, kMac       []byte
	services, auth                             []byte // signatures with keys 83 and 81
	apdus                                      int
}

func (f *fieldTraces) run(t *testing.T, name string) fieldRun {
	t.Helper()
	var r fieldRun
	for i, a := range f.Traces[name].APDUs {
		r.apdus++
		if a.Keys != nil {
			r.puKIFD, r.puKICC = unhex(t, a.Keys.PuKIFD), unhex(t, a.Keys.PuKICC)
			r.xICC = hexInt(a.Keys.XICC).FillBytes(make([]byte, 32)) // written without leading zeros
			r.zz, r.kEnc, r.kMac = unhex(t, a.Keys.ZZ), unhex(t, a.Keys.KEnc), unhex(t, a.Keys.KMac)
		}
		if strings.HasPrefix(a.C, "00880000") {
			r.services = unhex(t, a.R[:len(a.R)-4])
		}
		if a.PlainC == "" {
			continue
		}
		c, sw := parseCommand(unhex(t, a.PlainC))
		if sw != 0 {
			t.Fatalf("APDU %d: %04X", i, sw)
		}
		answer := unhex(t, a.PlainR)
		answer = answer[:len(answer)-2]
		switch c.ins {
		case 0x2A:
			r.certificate = append(r.certificate, c.data...)
		case 0x82:
			r.external = append(r.external, c.data...)
		case 0x84:
			r.challenge = answer
		case 0x88:
			if len(c.data) == 8 {
				r.internal = answer
			} else {
				r.auth = answer
			}
		}
	}
	return r
}

// root returns the root key of the traced card.
func (f *fieldTraces) root(t *testing.T) publicKey {
	return publicKey{new(big.Int).SetBytes(unhex(t, f.Card.Root.Modulus)), hexInt(f.Card.Root.Exponent)}
}

func TestFieldDeviceAuthentication(t *testing.T) {
	f := loadFieldTraces(t)
	if got := fmt.Sprintf("%x", rootCHR); got != f.Card.Root.CHR {
		t.Errorf("CHR %s, in the field %s", got, f.Card.Root.CHR)
	}
	if got := fmt.Sprintf("%x", rootCHA()); got != f.Card.Root.CHA {
		t.Errorf("CHA %s, in the field %s", got, f.Card.Root.CHA)
	}
	card, err := New(Profile{})
	if err != nil {
		t.Fatal(err)
	}
	for name := range f.Traces {
		t.Run(name, func(t *testing.T) {
			r := f.run(t, name)
			key, sw := checkTerminalCertificate(f.root(t), r.certificate)
			if sw != 0 {
				t.Fatalf("terminal certificate: %04X", sw)
			}
			transcript := card.transcript(r.puKIFD, r.external[:8], r.challenge, r.puKICC)
			if !checkExternalAuthentication(key, r.external, transcript) {
				t.Fatal("external authentication does not verify")
			}

			// Every bit of it matters.
			for i := range r.certificate {
				bad := bytes.Clone(r.certificate)
				bad[i] ^= 0x01
				if _, sw := checkTerminalCertificate(f.root(t), bad); sw == 0 {
					t.Fatalf("a certificate with a wrong byte %d verifies", i)
				}
				if i%16 == 0 && testing.Short() {
					break
				}
			}
			for i := range r.external {
				bad := bytes.Clone(r.external)
				bad[i] ^= 0x01
				if checkExternalAuthentication(key, bad, transcript) {
					t.Fatalf("an authentication with a wrong byte %d verifies", i)
				}
			}
			if checkExternalAuthentication(key, r.external, transcript[:len(transcript)-1]) {
				t.Fatal("an authentication over other parameters verifies")
			}

			// The chip's own signature, with the key in EF.Int.Kpub.
			intKey, _, ok := nextTLV(unhex(t, f.Card.Files["1004"]))
			if !ok {
				t.Fatal("EF.Int.Kpub")
			}
			numbers, _ := allTLVs(intKey.value)
			pub := publicKey{new(big.Int).SetBytes(numbers[0].value), new(big.Int).SetBytes(numbers[1].value)}
			if _, ok := pub.openISO9796(r.internal[8:], func(m1 []byte) []byte {
				return card.transcript(r.puKICC, r.internal[:8], lastInternalChallenge(t, f, name), r.puKIFD)
			}); !ok {
				t.Error("internal authentication does not verify")
			}

			s := newSession(r.zz)
			if !bytes.Equal(s.enc[:], r.kEnc) || !bytes.Equal(s.mac[:], r.kMac) {
				t.Error("session keys differ")
			}
		})
	}
}

func lastInternalChallenge(t *testing.T, f *fieldTraces, name string) []byte {
	for _, a := range f.Traces[name].APDUs {
		if strings.HasPrefix(a.PlainC, "0088000008") {
			return unhex(t, a.PlainC[10:26])
		}
	}
	t.Fatal("no internal authentication")
	return nil
}

// The card replays every trace with the traced files, keys and random numbers, and must
// return the same bytes. Only the signatures of unknown private keys are copied from the
// trace.
func TestFieldTracesAreReproduced(t *testing.T) {
	f := loadFieldTraces(t)
	for name, trace := range f.Traces {
		t.Run(name, func(t *testing.T) {
			r := f.run(t, name)
			p := Profile{
				NIS: f.Card.NIS, PIN: []byte(f.Card.PIN), PUK: []byte(f.Card.PUK),
				Rand:    io.MultiReader(bytes.NewReader(r.xICC), bytes.NewReader(r.challenge)),
				Files:   map[uint16][]byte{},
				Padding: map[uint16]int{}, // the traced files have theirs
			}
			if strings.HasPrefix(name, "gemalto") {
				p.Family = Gemalto
			}
			for _, files := range []map[string]string{f.Card.Files, f.Card.RootFiles} {
				for fid, content := range files {
					p.Files[uint16(hexInt(fid).Int64())] = unhex(t, content)
				}
			}
			c, err := New(p)
			if err != nil {
				t.Fatal(err)
			}
			c.keys.root = f.root(t)
			c.recorded = func(reference byte, _ []byte) []byte {
				switch reference {
				case refIntKey:
					return bytes.Clone(r.internal[8:])
				case refAuthKey:
					return bytes.Clone(r.auth)
				}
				return bytes.Clone(r.services)
			}
			if got := fmt.Sprintf("%x", c.PowerOn()); got != trace.ATR {
				t.Errorf("ATR %s, in the field %s", got, trace.ATR)
			}
			for i, a := range trace.APDUs {
				if got := fmt.Sprintf("%x", c.Exchange(unhex(t, a.C))); got != a.R {
					t.Fatalf("APDU %d %s\n got %s\nwant %s", i, a.C, got, a.R)
				}
			}
		})
	}
}
