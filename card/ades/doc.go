// Package ades judges the signatures of documents. Package cms below it reads
// and writes the messages, pdf the PDF files, tsp time stamps, revocation OCSP
// answers and CRLs; this package has the trust anchors and says what all of it
// is worth, in the three states of EN 319 102-1. It knows no card and no network:
// what is to be fetched goes through a Fetcher of the caller's.
//
// A Verifier judges one message: Detached for a message beside its content (a
// PDF signature, a .p7s), File for a p7m file with everything inside.
// A signature is Valid only if everything was looked at: content and signature
// are intact, the certificate leads to an anchor and was valid at the time of
// the signature, and its revocation was asked or is proved by what the file
// has, and the answer is good. Every other Result carries its Reasons.
//
// What the states claim is the signature alone. No state claims that a
// signature is a qualified one.
//
// Documents: RFC 5652 (CMS), RFC 5035 (ESS), RFC 5280 (certificates, CRL),
// RFC 6960 (OCSP), RFC 3161 (time stamps), published at rfc-editor.org;
// EN 319 122-1 (CAdES), EN 319 142-1 (PAdES), EN 319 102-1 (validation),
// published at etsi.org.
package ades
