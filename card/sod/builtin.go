package sod

import (
	"crypto/rsa"
	"encoding/hex"
	"math/big"
	"time"

	"cie/card/internal/rawcert"
)

// builtin is what a chain needs of a country signing CA: who it is, its key,
// and when it was good. The numbers are those of its certificate; public
// exponents are 65537.
type builtin struct {
	commonName, unit, organization, country string

	keyID, modulus      string // hexadecimal
	notBefore, notAfter time.Time
}

// italianRoots are the Italian country signing CAs (CSCA) that identity cards
// of this kind have been signed under.
var italianRoots = []builtin{
	{
		commonName:   "Italian Country Signer CA",
		unit:         "National Electronic Center of State Police",
		organization: "Ministry of Interior",
		country:      "IT",
		keyID:        "436ce3921d10922307efd7a2f577ed7524467f1b",
		notBefore:    time.Date(2016, 9, 6, 9, 43, 31, 0, time.UTC),
		notAfter:     time.Date(2031, 12, 2, 9, 43, 31, 0, time.UTC),
		modulus: "b5f670d358acb7e78dfd1d72aca126a4969e1966bf71740b5be6720163854078831610f31ae304c7c173e11c71f74019" +
			"bfd1fa27aac3f6bddc89a752040dad9b4a81cec1b3e7b8daaee4f0d996dab458d9843cecb851af897b1844b9268a83df" +
			"c090c1e17fe12ec4a4dd7d5def464f6fec2984cf3ac2575745eeab5c1ac8b9df0efb969c50e81e3bb85a1c046e416b19" +
			"df4be415c691821adad93bc0429417d26ce39aaf3a0f969508b6ae180fec5f52b8f1b20403a49d86910017047136b361" +
			"214359b2daaca26d480147aabcb4e3b41215452f09033d6ef02755567ee63209dd3d5545bca522f2fac3710962595631" +
			"d42c5c15a0cee26c65cec2313e8481479803de8a1435c82d5c5075b0ee69d54458a9a43181790a1d1e0f10a6b74865aa" +
			"3bbc699021c6ef1e5b152368058fcf4dea9f10a54ddaf88306f3af92c1d4baa15f3ad0744e1d7f02c8d79eb2f4eb508e" +
			"61f92fe586948ed3a038e48619d6420d47586cd46bb4747d036a7405a090fc73a44c417e4f3bb41fdc0cf88ba655f001" +
			"fdc4104c67f922e7ad07059967a8e390eb28d3a5f34a6b15bdb991a29a62f38e2bc240f0ac5e3d2fc2ae125462f994a3" +
			"fb5ea6adfd820ef6c602dfda389e8a871c78fcd71ab57827f733b0dd370cd085be3a23be22a4d391dbbe47751af87e1a" +
			"8fa694c7e14bc62159975c158195b6b41325a485cdb1a406600df67338920f85",
	},
	{
		commonName:   "Italian Country Signer CA",
		unit:         "National Electronic Center of Italian National Police",
		organization: "Ministry of Interior",
		country:      "IT",
		keyID:        "d11a505e15adea5a61779ca4a2a991ec3949d1f9",
		notBefore:    time.Date(2020, 4, 29, 9, 30, 43, 0, time.UTC),
		notAfter:     time.Date(2035, 7, 25, 9, 30, 43, 0, time.UTC),
		modulus: "ad249db0ac7e6bcac3673ef6403393d9864613783f295061620cb334046a1e9e7528cfd1affd3647bd6bd1ba96c616c7" +
			"70a5c135af9bf739e9e2d9b676cb673c9943594fc2c84cc4aa8dbf33be385658e6924631191dcfd60d979f7145359983" +
			"aa6be0b5eee93e6f56810c51852b6a2eb542265d45c8e83dc28160b7a2e098a9378db5fb83b253bc1941cb5e3b4c0b2a" +
			"691262a9156cfbe6bae5d6045268803d3a0662f8e04506714598fcb06eea0a74c3e8563344ea70c04173e7da5e64cc6b" +
			"2affded0164705228c18609eb1ec7040d8f6bf710758eb5b86a7fb9e3212283185ca8e428edd0ac9a6d5fa46a5f7bed7" +
			"8a32acddfb723d4be5a9f1aaa476749064262df6548e0cdefc00e7367f7b15884a276f61d44cbf59ac36561bb51d29ff" +
			"c3bf90a8feb8d09a279dd5f670effe5739b1fd401936cae6c5b9848af86f8202190e65fc47fca2a1f6cf9518e37754d9" +
			"5ce8c6931c6cf99df238820ffc7c509f502e87f94d3342d85389b264f540c5adbe6fddbe9651994f3b4d0b5c7cb7b100" +
			"f2058be8d8c65c2b590b29f58247834dad8edf6fee6d4c97910a8432b95723af817cee1860af7332af37c7df0cfa6aa1" +
			"312f6a385cdcb6682ec6cc84f84a5aad99f3af5fc876b1b263e968200a95e0a1d039abcb696cbdb2a67a6f49a1c77533" +
			"8b907cb073aa8777899a10a1b35736d10809e82a9806335554ecce64319030db",
	},
}

// BuiltinRoots returns the Italian country signing CAs of 2016 and 2020. Each
// call gives a list of its own, to which more roots can be added.
func BuiltinRoots() *Roots {
	r := &Roots{}
	for _, b := range italianRoots {
		keyID, err := hex.DecodeString(b.keyID)
		n, ok := new(big.Int).SetString(b.modulus, 16)
		if err != nil || !ok {
			panic("sod: built-in root")
		}
		name := rawcert.Name{
			{{Type: rawcert.CommonName, Value: b.commonName}},
			{{Type: rawcert.Unit, Value: b.unit}},
			{{Type: rawcert.Organization, Value: b.organization}},
			{{Type: rawcert.Country, Value: b.country}},
		}
		r.add(&root{
			subject:   name,
			keyID:     keyID,
			key:       rawcert.PublicKey{Key: &rsa.PublicKey{N: n, E: 65537}},
			notBefore: b.notBefore,
			notAfter:  b.notAfter,
		})
	}
	return r
}
