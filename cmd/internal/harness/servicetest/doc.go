// Package servicetest tests the whole path between the program and the chip:
// package card, apdu/pcsc, a real pcscd with its virtual reader, and the virtual
// card.
package servicetest
