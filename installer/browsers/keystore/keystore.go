// Package keystore lists, on Windows, the certificates of cards among the user's certificates
// (CURRENT_USER\My), where Chrome and Edge look for them. An entry names the key storage
// provider of this project (cmd/cie-ksp) and the container of the key. It is a copy of public
// data, but it names the holder, so entries are made only when the user asks for them.
//
// Firefox, which has the PKCS#11 module, shall not list the card twice. It reads My too, but
// only what is in the registry key of that name. So the entries are in a store of their own,
// which is registered as a further part ("physical store") of My. Windows reads it: no code of
// this project is loaded into the programs that open My.
package keystore

import (
	"bytes"
	"errors"
	"slices"
)

// Provider is the name of the key storage provider, also in cmd/cie-ksp/ksp.h.
const Provider = "CIE Key Storage Provider"

// Entry is a certificate of this provider.
type Entry struct {
	Container   string // of the key; one per card holder
	Certificate []byte // DER
}

// Part is the name of the store of the entries, in the user's registry.
const Part = "CIE"

// places are where entries can be.
type places interface {
	// JoinPart makes the store of the entries a part of My, and DropPart deletes both.
	JoinPart() error
	DropPart() error
	PutPart(Entry) error
	// PutMy lists an entry in My itself, and RemoveMy removes those of the same container or
	// certificate there.
	PutMy(Entry) error
	RemoveMy(Entry) error
	// List returns the entries that programs find which open My with all parts.
	List() ([]Entry, error)
}

// put makes e the one entry of its container. If programs do not find it in the part, it is in My
// itself, and Firefox lists the card twice: Chrome and Edge count more. So do Wine and a Windows
// whose administrator forbids parts.
func put(p places, e Entry) error {
	if len(e.Certificate) == 0 || e.Container == "" {
		return errors.New("empty entry")
	}
	err := p.JoinPart()
	if err == nil {
		err = p.PutPart(e)
	}
	if err == nil {
		err = p.RemoveMy(e)
	}
	if err == nil {
		if list, lerr := p.List(); lerr == nil && slices.ContainsFunc(list, e.equal) {
			return nil
		}
	}
	return errors.Join(p.PutMy(e), p.DropPart())
}

func (e Entry) equal(other Entry) bool {
	return e.Container == other.Container && bytes.Equal(e.Certificate, other.Certificate)
}
