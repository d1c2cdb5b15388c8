package card

import "math/big"

// Public parameters of the terminal authentication. The chip specification
// publishes the root key pair of the terminal certificates (CIE 6.5, 6.10.3): this
// step authenticates no terminal, and the PIN authenticates the user.
// Hexadecimal, big-endian.
const (
	ifdModulusHex = "ba2837ab4c6bb827577bff4eb7b1e49cdde0f16614d1ef24c1b75cf70fb12cd1" +
		"8f4d14e2814ba4877ea800e175906076b562ba535973c5d8b378051d8afc7407" +
		"a1d919529e03c106cda18d699afb0d8ab4fddd9dc719159a50de9468f02ab103" +
		"e282a50e716ec23cda5bfc4a232b09a4b2c70745939549099b4483cbae62d009" +
		"9674dbf6f39b7223a99d88e33f1a0cdedeebbdc35517abe9880aab240e1ea166" +
		"283a274a9ad93b4b1d19f3679f3e8b5ff6a1e0ed736e84d5abe03c59e7346b42" +
		"18755d75366cbf4136f0a26c3dc70a69abaaf66e13a1b2faad052ca6ec9c51e2" +
		"aed14d16e090254dc3f64ea2bd8a836bba99defacba3a613aeedd93a9615273d"
	ifdPrivateHex = "4716c2a38ccc7a07b415eb1a6175f2aaa0e49ceaf1ba75cba09a684b04d81118" +
		"79d3e2ccd8b94d3c5cf6c55753f0ed9587910b3c77258a01460fe84c2ede5764" +
		"eebe9c37fb95cd69ceaf09f4b1357c276314ab43ec5b3cefb0403f868f688e2e" +
		"c09a4973e987756f8da7a101a2ca75a54a8c4ccf9a1b6147e4de56423af70b20" +
		"67179c5eeb646867863478d752c7f412db277541575aa0619d30bccc8d87e617" +
		"0b33439a2c93f2d97e18c0a82343a6012a5bb1822808f01b5cfd85673ac0964c" +
		"5f3cfd2daf8142359764a9adb9e3f76db613461c1bc913dc9ac0ab50d365f77c" +
		"b93194c98aa966d89cdd555125a5e59ecf4fa3f0c3fd610cd3d056439338fd81"
	// The factors of the modulus, larger first.
	ifdPrimePHex = "e9281d696bcf26576ada4491bdbb48057cdd3e78d846d9616469e2b48151098d" +
		"b688704f676eb93f7ed50c7a725bfda26bff10630a0aa9658684b881e007f0f1" +
		"a53208da67e2d62216b01990dbbc93cb2870b99f87742ffa87a17129c9fad525" +
		"f6cf2ae6f45a04c0fc0750f2ca4d5b4f54273fc5993ba965851d38efa92c36dd"
	ifdPrimeQHex = "cc654a024bdf9c450af93e9cdb0e08869e457166f032d961fab56a34230a9500" +
		"9ed7762d25a04c34b55fb455cedf7398db580837e8dcc070d72b260427754c14" +
		"6e7641950a7880fe0cb3b39ec7e4c96fa36daab3e996302e13f78503bb133425" +
		"3dd2044965ff77fa04d8f75727291d8c2457f910a3ab7f6a19ed7dcfd0a43be1"
	// rootPrivateHex is the private exponent that signs terminal
	// certificates; its modulus is read from the card.
	rootPrivateHex = "186b31488c25dcf85d953d3630c0d073ba1c6aa24581ad254f3b6719c5d72cca" +
		"3e5cdc5a1e5316578d75954ff73b237b532c9f8de4a2c4c911385a23e63e33e4" +
		"7ee45e66efd49b18e02cff87598c39109e8f86a66bc330249ce3fcad655dcdbf" +
		"98c9c5e479321af53b517d041061880a647bbe0ff813683470e6c50094ce81d0" +
		"64e204e351bd3ae0a7947d8e91c3fd5c0a15233c349a5215a4e66e21c5d33498" +
		"e71991ea24473b29f1475f6fd9be3996e19bd474fad1b41ea0dcd2fc16c9bffa" +
		"071bfec1b22415184811c1985fbfe3e7b4f44a4b3c8dfab4d90cecfc5e608d67" +
		"3e6762c62cb798341271149ba688162ec7d0e3468f65a94ab4ad1ab67e37bfc1"
)

// Constants of the terminal certificate.
var (
	ifdModulus  = hexInt(ifdModulusHex)
	ifdPrivate  = hexInt(ifdPrivateHex)
	ifdPrimeP   = hexInt(ifdPrimePHex)
	ifdPrimeQ   = hexInt(ifdPrimeQHex)
	rootPrivate = hexInt(rootPrivateHex)
	// ifdExponent is 65537 in four bytes, as in the certificate.
	ifdExponent = []byte{0x00, 0x01, 0x00, 0x01}
	// snIFD is the serial number of this terminal, 8 bytes.
	snIFD = []byte{0x20, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01}
	// endEntityOID is the OID of an end-entity device authentication key.
	endEntityOID = []byte{0x2A, 0x81, 0x22, 0xF4, 0x2A, 0x02, 0x04, 0x01, 0x04}
)

// certificateProfile is the certificate profile identifier CPI.
const certificateProfile = 0x8A

func hexInt(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 16)
	if !ok {
		panic("card: malformed constant")
	}
	return n
}

// signAsTerminal executes the RSA private operation of the terminal's key. It
// computes modulo each factor, which costs a quarter of an exponentiation modulo
// their product: the largest part of a device authentication otherwise.
func signAsTerminal(block *big.Int) *big.Int {
	modulo := func(prime *big.Int) *big.Int {
		order := new(big.Int).Sub(prime, big.NewInt(1))
		return order.Exp(block, new(big.Int).Mod(ifdPrivate, order), prime)
	}
	signature, h := modulo(ifdPrimeQ), modulo(ifdPrimeP)
	h.Sub(h, signature).Mul(h, new(big.Int).ModInverse(ifdPrimeQ, ifdPrimeP)).Mod(h, ifdPrimeP)
	return signature.Add(signature, h.Mul(h, ifdPrimeQ))
}
