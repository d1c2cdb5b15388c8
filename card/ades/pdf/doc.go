// Package pdf signs PDF documents (PAdES B-B and B-T) and verifies them.
//
// Signing appends an incremental update: every byte of the original remains, and
// only the objects that must change are written again. Verification compares the
// content that each signature covers with the current content of the document.
//
// Files are read through io.ReaderAt, and only the necessary objects are read.
// Damaged files are refused with a reason and not repaired, because a repair may
// show other content than was signed.
//
// Documents: ISO 32000-2 (freely available from the PDF Association), to which
// plain clause numbers in comments refer; ETSI EN 319 142-1 (PAdES) and
// EN 319 102-1 (validation), published at etsi.org.
package pdf
