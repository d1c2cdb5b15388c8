// Package ades judges the signatures of documents. Its subpackages read and write
// the formats: cms messages, pdf PDF files, tsp time stamps, revocation OCSP
// responses and CRLs. This package has the trust anchors and decides on one of the
// three states of EN 319 102-1. It accesses neither card nor network: a Fetcher of
// the caller makes the requests.
//
// A Verifier judges one message: Detached judges a message separate from its
// content (a PDF signature, a .p7s), File a p7m file with its content. A signature
// is Valid only if all of this was checked: content and signature are intact, the
// certificate chains to an anchor and was valid at the time of the signature, and
// its revocation status, requested or in the file, is good. Every other Result has
// its Reasons.
//
// The states describe the signature only. No state means that a signature is a
// qualified one.
//
// Documents: RFC 5652 (CMS), RFC 5035 (ESS), RFC 5280 (certificates, CRL),
// RFC 6960 (OCSP), RFC 3161 (time stamps), published at rfc-editor.org;
// EN 319 122-1 (CAdES), EN 319 142-1 (PAdES), EN 319 102-1 (validation),
// published at etsi.org.
package ades
