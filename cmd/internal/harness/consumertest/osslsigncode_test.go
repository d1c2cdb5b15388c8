//go:build linux

package consumertest

import (
	"encoding/binary"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/digitorus/pkcs7"
)

// windowsProgram returns the least that counts as a Windows program: DOS header, PE
// header for x86-64, one empty section.
func windowsProgram() []byte {
	const (
		peAt         = 0x80
		optionalSize = 240 // PE32+, 16 data directories
		headers      = 0x400
	)
	p := make([]byte, headers+0x200)
	le := binary.LittleEndian
	copy(p, "MZ")
	le.PutUint32(p[0x3c:], peAt)
	copy(p[peAt:], "PE\x00\x00")
	coff := p[peAt+4:]
	le.PutUint16(coff[0:], 0x8664) // machine
	le.PutUint16(coff[2:], 1)      // sections
	le.PutUint16(coff[16:], optionalSize)
	le.PutUint16(coff[18:], 0x0022) // executable, large addresses
	optional := coff[20:]
	le.PutUint16(optional[0:], 0x20b) // PE32+
	le.PutUint32(optional[4:], 0x200) // size of code
	le.PutUint32(optional[16:], 0x1000)
	le.PutUint64(optional[24:], 0x140000000) // image base
	le.PutUint32(optional[32:], 0x1000)
	le.PutUint32(optional[36:], 0x200)
	le.PutUint32(optional[56:], 0x2000) // size of image
	le.PutUint32(optional[60:], headers)
	le.PutUint16(optional[68:], 3) // console
	le.PutUint32(optional[108:], 16)
	section := optional[optionalSize:]
	copy(section, ".text")
	le.PutUint32(section[8:], 0x200)
	le.PutUint32(section[12:], 0x1000)
	le.PutUint32(section[16:], 0x200)
	le.PutUint32(section[20:], headers)
	p[headers] = 0xc3 // return
	return p
}

func TestOsslsigncode(t *testing.T) {
	eachCard(t, []string{"osslsigncode", engine}, func(t *testing.T, h *host) {
		unsigned, signed := h.write(t, "program.exe", windowsProgram()), filepath.Join(h.dir, "signed.exe")
		os.Remove(signed)
		cert := h.certificate(t)
		h.run(t, "osslsigncode", "sign", "-pkcs11module", h.module, "-certs", cert,
			"-key", h.uri("type=private"), "-readpass", h.pinFile, "-h", "sha256", "-in", unsigned, "-out", signed)
		// osslsigncode itself will not have the certificate, which is not one for
		// signing programs. The digest is right all the same, and a change is noticed.
		out, _ := h.try(t, nil, "osslsigncode", "verify", "-CAfile", h.caFile, "-in", signed)
		wantContains(t, out, "Calculated message digest", h.nis)
		wantWithout(t, out, "MISMATCH")
		changed := h.read(t, signed)
		changed[0x500] ^= 1
		out, err := h.try(t, nil, "osslsigncode", "verify", "-CAfile", h.caFile, "-in", h.write(t, "changed.exe", changed))
		if err == nil {
			t.Error("a changed program verifies")
		}
		wantContains(t, out, "MISMATCH")

		// The signature, without an opinion on purposes.
		extracted := filepath.Join(h.dir, "signature.pem")
		os.Remove(extracted)
		h.run(t, "osslsigncode", "extract-signature", "-pem", "-in", signed, "-out", extracted)
		block, _ := pem.Decode(h.read(t, extracted))
		if block == nil {
			t.Fatal("osslsigncode extract-signature -pem writes no PEM")
		}
		p7, err := pkcs7.Parse(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if err := p7.Verify(); err != nil {
			t.Errorf("signature of the program: %v", err)
		}
		if got := p7.GetOnlySigner(); got == nil || got.CheckSignatureFrom(h.ca) != nil {
			t.Error("not signed by the card's holder")
		}
	})
}
