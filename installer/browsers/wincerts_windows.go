package browsers

import "cie/installer/browsers/keystore"

// userCertificates is the list of the user who runs this process.
type userCertificates struct{}

func (userCertificates) List() ([]keystore.Entry, error) { return keystore.List() }
func (userCertificates) Put(e keystore.Entry) error      { return keystore.Put(e) }
func (userCertificates) Remove(container string) error   { return keystore.Remove(container) }
