package sod

import (
	"crypto/rsa"
	"encoding/hex"
	"math/big"
	"time"

	"cie/card/internal/rawcert"
)

// builtin describes a country signing CA: its name, its key and its validity.
// The values are those of its certificate. Public exponents are 65537.
type builtin struct {
	commonName, unit, organization, country string

	keyID, modulus      string // hexadecimal
	notBefore, notAfter time.Time
}

// italianRoots lists the Italian country signing CAs (CSCA) under which the SODs
// of identity cards of this kind were signed.
var italianRoots = []builtin{
	{
		commonName:   "Italian Country Signer CA",
		unit:         "National Electronic Center of State Police",
		organization: "Ministry of Interior",
		country:      "IT",
		keyID:        "852df7a70a512d83103dfbc9f628cb6b1cee5591",
		notBefore:    time.Date(2016, 5, 18, 13, 21, 59, 0, time.UTC),
		notAfter:     time.Date(2031, 8, 13, 13, 21, 59, 0, time.UTC),
		modulus: "d4b7b29ad7c995e4a3430610c583cb79b2ad42babee92a18bdbd277969b8de00f39803d083116f785ac9fe4f30e5b2ac" +
			"64a67e39704b15c355a077866e1d2b6641306a83dc7e313c31abf784839588bdaeacdda690324f83f1c113abb7cb7290" +
			"6323250299c6e5005249646b4844fad1e57a2926ea35c5899e86f78ab342e49d94b0e25ea3b969dc769092c5f422070d" +
			"a64b23204ae8d7caccd005401a4e5879fba9a9402cb2d797cf4e804deebd5a1aeaceb04b18d48d7a1e869d92474ff728" +
			"29de52036e10307de992d27931bd8086efea7d3ab7038db34685d5e335b647a43fd5b60e429834f167a7819f5d706d90" +
			"915acf272feabd44299d6fadcea6b3a83a557bcedbfcb73690700cdf7acbfb1003619cec7b849a55c16bab020c9c3c04" +
			"cd31fbfe71dd8da648227e412231e4d359ee40a3dbe494e1b875b01717099f3b4d7ab7b812b07aa475d7ccd53ad79a44" +
			"ee5b92e775cd3a205144618708f9e7cf11b31813adde289ed4cbc913cc72c14931ee92e8b0a517775ebc3e19150d0aee" +
			"d2b9009b540d22ccc338674522df6c0a48f6aa25b9475a59f1da2aaab0fd93d5f3dc986a91a95b5147ee46ead5a1175e" +
			"7e90b5892489f8a0fddef2e3ffe17046f45215f5e192cdc55f44f5c762b94f20958c9e3fb9b12059034a875407359cd9" +
			"20188fb9178d9925a4b501d2924f547ee4385fb5642a0ec42547c18e97c55c69",
	},
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
	{
		commonName:   "Italian Country Signer CA",
		unit:         "National Electronic Center of Italian National Police",
		organization: "Ministry of Interior",
		country:      "IT",
		keyID:        "e94a91197072cd256951790e6cfe2386edb09d6e",
		notBefore:    time.Date(2024, 4, 17, 9, 13, 22, 0, time.UTC),
		notAfter:     time.Date(2039, 7, 13, 9, 13, 21, 0, time.UTC),
		modulus: "b6433137035d6cb7b827a77bf7695e3538a9b9b84e07b17b26efdd8f8a382f54c5827bef8abdf9150f8a0ccd26eaf479" +
			"2368990cfc25b84814ea2cd2ddcb901124c83e26c63384328fb5fa154233bb35631a4134483d1390b1005e8e9d83d5a0" +
			"ea7c9f5f149690ad099feabbc35f5c94873cccf7ce2b7c5b280a9a22a2aaa7d933d5000f39e7a0753587cda8213437be" +
			"960eec712c9b155b57524ef7323602859453eebd3575df4b2756b18897d4d289055da3d2c14cad276fdf2ed377de3b4b" +
			"47b3c74077051ce31a450563bef4940a7502bbae20c747358ce22e641cd026574a35ca23e9d82b0f76b08328c5b8925a" +
			"b7eeb5968c2812ad003201951a5ccaf121c5980302a15c92c339ae2ac9ca7d0bb899d0bbb08fd247a82d55056a6ab7e1" +
			"562a29cb527a44f3d3910ab83a77fd2f4793d19c1f7f059961dd7f08d4a0d273ddf6ea4688f551b359150f115cbb2795" +
			"86720e4dfbd8df26bc38745ddd0482d94e6ce40d7177acd5794352cbeb5dfd52b800ed7898a2ae49323eddc8349502ca" +
			"adc115a02e65bce3ea7ee892e4a258df54b8ebeec4c5ec05729c732dbc5a9fa9eefc2a448b31950ea3e3625a803d6cce" +
			"9bbf6653ee21a8c24924129c45fa040062c9d5cef5afcf8778be892571f9d6aae10472ea7a804a5fb95463d76055a6e6" +
			"14ce57b89b63cfba8a55898241b07896693e853054310660759d447a23e7a42f",
	},
}

// BuiltinRoots returns the Italian country signing CAs of May and September
// 2016, 2020 and 2024. Each call returns a new list, to which the caller may add.
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
