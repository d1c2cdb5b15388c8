// Package consumers holds tests only: the programs that people use the
// PKCS#11 module from, run as they are against the built module, a private
// PC/SC daemon and a virtual card, each for a card the module has never seen
// and for one it knows. CONSUMERS.md in the directory above says for each
// program what to type and what it cannot do with this card.
package consumers
