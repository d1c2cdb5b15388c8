package card

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"cie/apdu"
	"cie/apdu/apdutest/testvector"
)

type fieldTraces struct {
	Card struct {
		DH  struct{ G, P, Q string } `json:"dh"`
		Ext struct {
			Modulus, CHR, CHA string
		} `json:"ext_auth_root"`
		NIS       string            `json:"nis"`
		Files     map[string]string `json:"files"`
		FilesRoot map[string]string `json:"files_root"`
	} `json:"card"`
	Traces map[string]struct {
		ATR   string `json:"atr"`
		APDUs []struct {
			PlainC string `json:"plain_c"`
			PlainR string `json:"plain_r"`
			Keys   *struct {
				PukIFD string `json:"puk_ifd"`
				PukICC string `json:"puk_icc"`
			} `json:"keys"`
		} `json:"apdus"`
	} `json:"traces"`
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// In traced conversations of a client in the field, the terminal certificate is the
// same byte for byte, the external authentication covers the same values, and the
// proof of the chip is accepted, but not with one bit changed.
func TestDeviceAuthenticationMatchesFieldTraces(t *testing.T) {
	var v fieldTraces
	if err := json.Unmarshal(testvector.Read(t, "field-client-traces.json"), &v); err != nil {
		t.Fatal(err)
	}
	k := &deviceKeys{
		G: unhex(t, v.Card.DH.G), P: unhex(t, v.Card.DH.P), Q: unhex(t, v.Card.DH.Q),
		IntKpub:    unhex(t, v.Card.Files["1004"]),
		ExtModulus: unhex(t, v.Card.Ext.Modulus), ExtCHR: unhex(t, v.Card.Ext.CHR), ExtCHA: unhex(t, v.Card.Ext.CHA),
	}
	size, err := objectSize(k.IntKpub) // the file is padded
	if err != nil {
		t.Fatal(err)
	}
	k.IntKpub = k.IntKpub[:size]
	cert, err := newTerminalCert(k)
	if err != nil {
		t.Fatal(err)
	}
	conversations := 0
	for name, trace := range v.Traces {
		t.Run(name, func(t *testing.T) {
			var ifd, icc, rndICC, rndIFD, pso, external, proof []byte
			for _, a := range trace.APDUs {
				if a.Keys != nil {
					ifd, icc = unhex(t, a.Keys.PukIFD), unhex(t, a.Keys.PukICC)
				}
				if a.PlainC == "" {
					continue
				}
				c, err := apdu.ParseCommand(unhex(t, a.PlainC))
				if err != nil {
					t.Fatal(err)
				}
				r, err := apdu.ParseResponse(unhex(t, a.PlainR))
				if err != nil {
					t.Fatal(err)
				}
				switch {
				case c.INS == insPerformSecurity:
					pso = append(pso, c.Data...)
				case c.INS == insGetChallenge:
					rndICC = r.Data
				case c.INS == insExternalAuthenticate:
					external = append(external, c.Data...)
				case c.INS == insInternalAuthenticate && len(c.Data) == 8:
					rndIFD, proof = c.Data, r.Data
				}
			}
			if proof == nil {
				t.Fatal("the trace has no device authentication")
			}
			conversations++
			if !bytes.Equal(pso, cert) {
				t.Errorf("terminal certificate\n%X, traced\n%X", cert, pso)
			}
			opened := new(big.Int).Exp(new(big.Int).SetBytes(external[8:]), new(big.Int).SetBytes(ifdExponent), ifdModulus).FillBytes(make([]byte, 256))
			hash := deviceHash(opened[1:223], ifd, snIFD, rndICC, icc, k)
			if opened[0] != 0x6A || !bytes.Equal(opened[223:255], hash) || opened[255] != 0xBC || !bytes.Equal(external[:8], snIFD) {
				t.Error("the traced external authentication does not cover what ours would")
			}
			if err := checkChipProof(k, proof, ifd, icc, rndIFD); err != nil {
				t.Errorf("chip proof: %v", err)
			}
			for i, b := range [][]byte{proof, ifd, icc, rndIFD} {
				b[len(b)-1] ^= 1
				if checkChipProof(k, proof, ifd, icc, rndIFD) == nil {
					t.Errorf("chip proof accepted with a bit flipped in value %d", i)
				}
				b[len(b)-1] ^= 1
			}
			if got := FamilyOf(unhex(t, trace.ATR)).String(); !strings.EqualFold(got, strings.Split(name, "-")[0]) {
				t.Errorf("family %s", got)
			}
		})
	}
	if conversations < 10 {
		t.Errorf("only %d conversations", conversations)
	}
}

// The SOD of the traced card, whose issuer is no built-in root, matches all its
// files.
func TestFieldSODMatchesItsFiles(t *testing.T) {
	var v fieldTraces
	if err := json.Unmarshal(testvector.Read(t, "field-client-traces.json"), &v); err != nil {
		t.Fatal(err)
	}
	fresh := func() *facts {
		return &facts{
			deviceKeys: deviceKeys{
				G: unhex(t, v.Card.DH.G), P: unhex(t, v.Card.DH.P), Q: unhex(t, v.Card.DH.Q),
				IntKpub: unhex(t, v.Card.Files["1004"]),
			},
			SOD:      unhex(t, v.Card.Files["1006"]),
			ServKpub: unhex(t, v.Card.Files["1005"]), DHFile: unhex(t, v.Card.FilesRoot["D004"]),
		}
	}
	s := &Session{chip: &chip{nis: v.Card.NIS}}
	f := fresh()
	if err := s.checkFacts(f); err != nil {
		t.Fatal(err)
	}
	if f.checked.Level != IssuerUnknown {
		t.Errorf("level %s", f.checked.Level)
	}
	for fid, name := range map[uint16]string{fileSerial.fid: "1002", fileCert.fid: "1003"} {
		if err := f.checkFile(fid, unhex(t, v.Card.Files[name])); err != nil {
			t.Errorf("file %s: %v", name, err)
		}
	}
	for name, spoil := range map[string]func(*facts){
		"EF.Int.Kpub":         func(f *facts) { f.IntKpub[20] ^= 1 },
		"EF.Servizi_Int.Kpub": func(f *facts) { f.ServKpub[20] ^= 1 },
		"EF.DH":               func(f *facts) { f.DHFile[300] ^= 1 },
		"generator":           func(f *facts) { f.G[100] ^= 1 },
		"prime":               func(f *facts) { f.P[100] ^= 1 },
	} {
		f := fresh()
		spoil(f)
		if err := s.checkFacts(f); !errors.Is(err, ErrNotGenuine) {
			t.Errorf("%s changed: %v", name, err)
		}
	}
	s.chip.nis = "000000000000"
	if err := s.checkFacts(fresh()); !errors.Is(err, ErrNotGenuine) {
		t.Errorf("another NIS: %v", err)
	}
}
