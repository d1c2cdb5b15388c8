// Package servicetest holds tests of the whole way between the program and the
// chip: card over apdu/pcsc over a real pcscd, its virtual reader, and the
// virtual card.
package servicetest
