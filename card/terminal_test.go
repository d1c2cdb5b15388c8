package card

import (
	"math/big"
	"testing"
)

// TestTerminalSignsWithItsPrivateExponent compares the signature that is computed
// modulo the factors with the exponentiation modulo their product.
func TestTerminalSignsWithItsPrivateExponent(t *testing.T) {
	for _, block := range []*big.Int{
		big.NewInt(0), big.NewInt(1), ifdPrimeP, ifdPrimeQ,
		new(big.Int).Sub(ifdModulus, big.NewInt(2)), new(big.Int).Rsh(ifdModulus, 1),
	} {
		want := new(big.Int).Exp(block, ifdPrivate, ifdModulus)
		if got := signAsTerminal(block); got.Cmp(want) != 0 {
			t.Errorf("signature of %x: %x, want %x", block, got, want)
		}
	}
}
