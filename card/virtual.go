package card

// virtualKeys are the RSA keys of package cardtest, by virtualHash: keys of
// chips and of document signers. Their private keys are published.
var virtualKeys = map[string]bool{
	"048f3d880d76cb787931e2913d158532": true,
	"1bd47cca5948c5178b7ad70dce47e524": true,
	"22c7a14898979a1dacb144c05d52b34b": true,
	"53e24900716f821bd542dcf8baa95f7a": true,
	"57e5100f93b6f6527ffc7089ee13ec86": true,
	"62392da705eca060642e73cc4e61936f": true,
	"7016b1ae739d024d1415aacc06e7fe40": true,
	"7ccf40f253c018e6dfcfbbb6e6a29be6": true,
	"80974a09910a6ebc9b597ea836c3d8dd": true,
	"9392d083620325733cfb42304bacc246": true,
	"9ab9115d9e20ca08e04df79d077d96df": true,
	"9acc6a6eb479ce6421c251f0099fa299": true,
	"a2b07880b2f6063e499d78654f96699c": true,
	"a8ad578778c6918d1d82a26f6da52817": true,
	"bc0dc1f336cd6eb2493d2d25a5ce0107": true,
	"c03d8a9b98b3aa71382a0fbedfe4f3cf": true,
	"c7fb45b6880fd438c4394c0bc463ab57": true,
	"d0aaf0b023ee0db13c49aea4f5b2b0cb": true,
	"d755f7e622012b04a613865d44648e04": true,
}
