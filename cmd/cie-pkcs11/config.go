package main

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"cie/apdu/pcsc"
	"cie/apdu/readers"
	"cie/cmd/internal/options"
	"cie/cmd/internal/version"
	"cie/pkcs11mod"
	"cie/pkcs11mod/ck"
)

// config connects the module with readers, cache and configuration. It opens and reads
// nothing before a program requests the slots.
func config() pkcs11mod.Config {
	return pkcs11mod.Config{
		// New does not contact the service: it may start later.
		Readers:   func() (readers.Service, error) { return pcsc.New(pcsc.Config{}), nil },
		Card:      options.Card,
		Issuers:   issuer,
		OpenAhead: true,
		Version:   libraryVersion(version.String()),

		WrongCode:   wrongCode,
		NotAccepted: notAccepted,
	}
}

// maxIssuer limits a certificate file; real ones have 2 kB.
const maxIssuer = 64 << 10

// issuer finds the certificate of the CA that issued leaf in the directories "ca" of the
// configuration: PEM or DER files.
func issuer(leaf *x509.Certificate) []byte {
	for _, dir := range options.Dirs("ca") {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			info, err := e.Info()
			if err != nil || !info.Mode().IsRegular() || info.Size() > maxIssuer {
				continue
			}
			data, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				continue
			}
			if der := issuerIn(data, leaf); der != nil {
				return der
			}
		}
	}
	return nil
}

// issuerIn returns the certificate in a file whose key signed leaf.
func issuerIn(data []byte, leaf *x509.Certificate) []byte {
	ders := [][]byte{data}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		ders = append(ders, block.Bytes)
	}
	for _, der := range ders {
		if ca, err := x509.ParseCertificate(der); err == nil && leaf.CheckSignatureFrom(ca) == nil {
			return ca.Raw
		}
	}
	return nil
}

// libraryVersion converts "1.2.3" to 1.2; any other form gives 0.0.
func libraryVersion(s string) ck.Version {
	var v ck.Version
	parts := strings.SplitN(s, ".", 3)
	if len(parts) < 2 {
		return v
	}
	major, err1 := strconv.ParseUint(parts[0], 10, 8)
	minor, err2 := strconv.ParseUint(parts[1], 10, 8)
	if err1 == nil && err2 == nil {
		v = ck.Version{Major: byte(major), Minor: byte(minor)}
	}
	return v
}
