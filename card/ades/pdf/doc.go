// Package pdf signs PDF documents (PAdES B-B and B-T) and verifies them.
//
// Signing appends an incremental update: every byte of the original stays, and
// only the objects that must change are written again. Verification compares
// what each signature covers with what the document shows now.
//
// Files are read through io.ReaderAt, and only the objects that are needed.
// Damaged files are refused with the reason, not repaired: what a repair
// guesses is not what was signed.
//
// Documents: ISO 32000-2 (freely available from the PDF Association), to which
// plain clause numbers in comments refer; ETSI EN 319 142-1 (PAdES) and
// EN 319 102-1 (validation), published at etsi.org.
package pdf
