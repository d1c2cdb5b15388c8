package sod

import (
	"fmt"
	"testing"

	"cie/apdu"
	"cie/card/cardtest"
	"cie/card/domain"
)

// openFiles reads the files of a virtual card that need no authentication.
func openFiles(t testing.TB, p cardtest.Profile) map[uint16][]byte {
	t.Helper()
	c, err := cardtest.New(p)
	if err != nil {
		t.Fatal(err)
	}
	c.PowerOn()
	defer c.PowerOff()
	send := func(command ...byte) ([]byte, apdu.SW) {
		r, err := apdu.ParseResponse(c.Exchange(command))
		if err != nil {
			t.Fatal(err)
		}
		return r.Data, r.SW
	}
	out := make(map[uint16][]byte)
	read := func(fid uint16) {
		if _, sw := send(0x00, 0xA4, 0x02, 0x0C, 0x02, byte(fid>>8), byte(fid)); sw != apdu.SWOK {
			return
		}
		var content []byte
		for {
			data, sw := send(0x00, 0xB0, byte(len(content)>>8), byte(len(content)), 0xE7)
			content = append(content, data...)
			if sw != apdu.SWOK || len(data) == 0 {
				break
			}
		}
		out[fid] = content
	}
	read(FileDH)
	if _, sw := send(append([]byte{0x00, 0xA4, 0x04, 0x0C, 0x06}, 0xA0, 0, 0, 0, 0, 0x39)...); sw != apdu.SWOK {
		t.Fatalf("DF_CIE: %v", sw)
	}
	for _, fid := range []uint16{FileNIS, FileIntKey, FileServicesKey, 0x1006} {
		read(fid)
	}
	return out
}

// Package cardtest encodes its security objects with code of its own, unlike the
// builder of this package.
func TestVerifyVirtualCard(t *testing.T) {
	roots := &Roots{}
	if err := roots.AddPEM(cardtest.CSCAPEM()); err != nil {
		t.Fatal(err)
	}
	for generation := 1; generation <= 2; generation++ {
		for _, layout := range []cardtest.DHLayout{cardtest.DHDomainParameters, cardtest.DHTemplate} {
			t.Run(fmt.Sprintf("generation %d, layout %d", generation, layout), func(t *testing.T) {
				files := openFiles(t, cardtest.Profile{SODGeneration: generation, DH: layout})
				s, err := Parse(files[0x1006])
				if err != nil {
					t.Fatal(err)
				}
				if r, err := s.Verify(roots); err != nil || !r.Trusted {
					t.Fatalf("%+v, %v", r, err)
				}
				for _, fid := range []uint16{FileNIS, FileIntKey, FileServicesKey, FileDH} {
					if err := s.CheckFile(fid, files[fid]); err != nil {
						t.Error(err)
					}
				}
				params, err := domain.Parse(files[FileDH])
				if err == nil {
					err = params.Validate()
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		t.Run(fmt.Sprintf("generation %d, flips", generation), func(t *testing.T) {
			der := openFiles(t, cardtest.Profile{SODGeneration: generation})[0x1006]
			flipAll(t, der, roots, 1)
		})
	}
	for forged, want := range map[cardtest.SODForgery]string{
		cardtest.SODGenuine:           "trusted",
		cardtest.SODTamperedHash:      "message-digest",
		cardtest.SODTamperedSignature: "signature",
		cardtest.SODForeignSigner:     "untrusted",
		cardtest.SODUnknownForm:       "unsupported",
		cardtest.SODGarbage:           "malformed",
		cardtest.SODEmpty:             "malformed",
	} {
		t.Run(fmt.Sprintf("forged %d", forged), func(t *testing.T) {
			files := openFiles(t, cardtest.Profile{Forgery: cardtest.Forgery{SOD: forged}})
			if got := outcome(files[0x1006], roots); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
	t.Run("foreign key", func(t *testing.T) {
		files := openFiles(t, cardtest.Profile{Forgery: cardtest.Forgery{IntKey: true}})
		s, err := Parse(files[0x1006])
		if err != nil {
			t.Fatal(err)
		}
		if r, err := s.Verify(roots); err != nil || !r.Trusted {
			t.Errorf("%+v, %v", r, err)
		}
		if s.CheckFile(FileIntKey, files[FileIntKey]) == nil {
			t.Error("the key of another chip passes")
		}
		if err := s.CheckFile(FileServicesKey, files[FileServicesKey]); err != nil {
			t.Error(err)
		}
	})
}
