package card

// MaxSign is the number of bytes that the chip can sign with a 2048-bit key: 40%
// of the modulus (IAS ECC 9.5.6).
const MaxSign = 102

// CheckSign returns ErrDataTooLong unless the chip can sign data: 1 to MaxSign
// bytes. DigestInfo returns the data for a digest.
func CheckSign(data []byte) error {
	if len(data) == 0 || len(data) > MaxSign {
		return ErrDataTooLong
	}
	return nil
}
