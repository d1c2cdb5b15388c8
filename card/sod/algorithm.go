package sod

import (
	"crypto"
	"errors"
	"strings"

	"golang.org/x/crypto/cryptobyte"

	"cie/card/internal/rawcert"
)

// algorithmError converts an error of package rawcert into one of this package.
func algorithmError(err error) error {
	if err == nil {
		return nil
	}
	for from, to := range map[error]func(string) error{
		rawcert.ErrMalformed:   malformed,
		rawcert.ErrUnsupported: unsupported,
	} {
		if errors.Is(err, from) {
			return to(strings.TrimPrefix(err.Error(), from.Error()+": "))
		}
	}
	return err
}

func readHash(b *cryptobyte.String) (crypto.Hash, error) {
	h, err := rawcert.ReadHash(b)
	return h, algorithmError(err)
}

func readScheme(der []byte) (rawcert.Scheme, error) {
	s, err := rawcert.ReadScheme(der)
	return s, algorithmError(err)
}

func readKey(spki []byte) (rawcert.PublicKey, error) {
	k, err := rawcert.ReadKey(spki)
	return k, algorithmError(err)
}

// sum returns the digest of message.
func sum(hash crypto.Hash, message []byte) []byte {
	h := hash.New()
	h.Write(message)
	return h.Sum(nil)
}
