// Package keystore lists, on Windows, the certificates of cards among the user's certificates
// (CURRENT_USER\My), where Chrome and Edge look for them. An entry names the key storage
// provider of this project (cmd/cie-ksp) and the container of the key. It is a copy of public
// data, but it names the holder, so entries are made only when the user asks for them.
package keystore

// Provider is the name of the key storage provider, also in cmd/cie-ksp/ksp.h.
const Provider = "CIE Key Storage Provider"

// Entry is a certificate of this provider.
type Entry struct {
	Container   string // of the key; one per card holder
	Certificate []byte // DER
}
