// Package cardtest implements a virtual Italian electronic identity card (CIE 3.0): a chip
// in memory that behaves like the real one at the level of ISO/IEC 7816-4, for tests,
// demonstrations and measurements. Like net/http/httptest it does not import "testing".
//
//	c, err := cardtest.New(cardtest.Profile{})   // a synthetic holder, an NXP chip
//	conn := c.Reader()                           // an in-process apdu.Card
//	answer, err := conn.Transmit([]byte{0x00, 0xA4, 0x00, 0x00})
//
// The implementation follows the documents (cited as "CIE", the chip specification of the
// Ministero dell'Interno, and "IAS ECC", revision 1.0.1). It shares no code with the client
// side of this project and has its own secure messaging and device authentication, so that
// an error on one side does not cancel the same error on the other.
//
// All keys, names and codes are synthetic. The keys are committed beside the source and
// protect nothing. [CSCAPEM] and [IssuingCAPEM] must not be trusted outside of a test or an
// explicit demonstration.
//
// The card accepts every form of command that the documents permit. Real cards may refuse
// some of them: [Profile.Strict] makes the card refuse those that no client in the field is
// known to send.
//
// # Choices where the documents leave one
//
//   - The current security environment (what MSE SET stored) lasts until the
//     next selection of a root or application, the next reset, and the start
//     or end of a secure messaging session.
//   - The end of a secure messaging session also ends the validity of PIN and
//     PUK and of the device authentication. [Profile.KeepVerified] changes
//     that for PIN and PUK.
//   - The verification that spends the last try answers 6983 (IAS ECC 9.4.1);
//     [Profile.LastTry63C0] makes it 63C0.
//   - Under secure messaging the outer status is 9000 and the true one is in
//     DO 99, as observed in the field; [Profile.OuterStatus] repeats the true
//     one outside (IAS ECC 7.1.10).
//   - A command for secure messaging without a session answers 6985, a missing
//     object 6987, a wrong one 6988.
//
// # Locks
//
// Service.mu is locked before Card.mu and is not locked while a card executes a command.
// Card.mu is locked during a command; Readers wait with it for the end of a transaction. The
// lock of an Authority and those of the caches of issued cards and RSA operations are the
// last ones: no other lock is taken while one of them is locked.
package cardtest

//go:generate go run ./internal/mkpki -dir pki
