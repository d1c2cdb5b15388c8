package ades

import (
	"cmp"
	"time"

	"cie/card/ades/cms"
)

// Claim is what a message says about one of its signers. Nothing of it was verified.
type Claim struct {
	Name string    // "" if the message lacks the certificate
	Time time.Time // zero if the signer claims none
}

// Claims returns what a message says about its signers, in their order.
func Claims(m *cms.SignedData) []Claim {
	var list []Claim
	for _, s := range m.Signers {
		c := Claim{Time: s.SigningTime}
		for _, certificate := range m.Certificates {
			if s.IsSigner(certificate) {
				c.Name = cmp.Or(c.Name, person(certificate).Name)
			}
		}
		list = append(list, c)
	}
	return list
}
