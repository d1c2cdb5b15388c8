// Package consumertest contains tests only. They run the unmodified programs that use
// PKCS#11 modules against the built module, a private PC/SC daemon and a virtual card, each
// with a card that the module has never seen and again with the same card. CONSUMERS.md in
// the parent directory lists the commands for each program and its limitations with this card.
package consumertest
