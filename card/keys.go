package card

import (
	"errors"

	"cie/apdu"
)

// Private keys of the chip as MSE SET names them (CIE Annex A).
const (
	keyCIE      = 0x81 // Cert_CIE.Kpriv: the holder's key
	keyInternal = 0x82 // Int.Kpriv: device authentication
	keyServices = 0x83 // Servizi_Int.Kpriv: anti-cloning
	keyExtRoot  = 0x84 // ExtCV.Kpub: root of the terminal certificates
)

// Algorithm identifiers in the control reference templates.
const (
	algPKCS1  = 0x02 // client/server authentication (IAS ECC 9.5.6)
	algDevice = 0x9B // device authentication with SHA-256 (IAS ECC 5.2.3)
	algCVC    = 0x41 // verification of a certificate, SHA-256 (CIE Annex A)
)

// internalAuthenticate lets the chip pad and sign data with algorithm 02 (IAS
// ECC 9.5.6). Under secure messaging the command has no DO97, and the key is set
// for each signature, as all clients do; the answer is returned at once or by 61xx. In
// the clear (anti-cloning) both forms are proven, and Le saves an APDU.
func (t *transaction) internalAuthenticate(ref byte, data []byte) ([]byte, error) {
	if _, err := t.sendOK(apdu.Command{INS: insManageSecurity, P1: 0x41, P2: 0xA4,
		Data: []byte{0x80, 0x01, algPKCS1, 0x84, 0x01, ref}}); err != nil {
		return nil, err
	}
	c := apdu.Command{INS: insInternalAuthenticate, Data: data}
	if t.channel == nil {
		c.Ne = 256
	}
	signature, err := t.sendOK(c)
	if err == nil && len(signature) == 0 {
		err = t.fail(errors.New("empty signature"))
	}
	return signature, err
}
