package card

import (
	"bytes"
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

// The signature that is kept is that of the same block and modulus only.
func TestRootSignatureIsOfItsBlockAndModulus(t *testing.T) {
	n := new(big.Int).Set(ifdModulus) // any of 2048 bits
	other := new(big.Int).Sub(n, big.NewInt(2))
	for i, c := range []struct {
		block   byte
		modulus *big.Int
	}{{1, n}, {1, n}, {1, other}, {2, other}, {1, n}} {
		block := bytes.Repeat([]byte{c.block}, 256)
		want := new(big.Int).Exp(new(big.Int).SetBytes(block), rootPrivate, c.modulus).FillBytes(make([]byte, 256))
		if !bytes.Equal(signAsRoot(block, c.modulus), want) {
			t.Errorf("%d: the signature is of another block or modulus", i)
		}
	}
}
