package ades

import (
	"crypto"
	"time"

	"cie/card/ades/cms"
	"cie/card/internal/rawcert"
)

// State is the judgement of a signature (EN 319 102-1, 5.1.3).
type State int

// The zero State is Unknown, so that an unjudged signature is not valid.
const (
	Unknown State = iota // INDETERMINATE
	Valid                // TOTAL-PASSED
	Invalid              // TOTAL-FAILED
)

// String returns the name that JSON uses.
func (s State) String() string {
	switch s {
	case Valid:
		return "valid"
	case Invalid:
		return "invalid"
	}
	return "unknown"
}

// Reason is a reason why a signature is not Valid. The values are stable: JSON and
// the catalogues of texts use them.
type Reason string

// Reasons of Invalid.
const (
	Altered          Reason = "altered"           // the content differs from the signed one
	WrongSignature   Reason = "wrong-signature"   // the signature is not one of this key
	WrongCertificate Reason = "wrong-certificate" // the signed attributes name another certificate
	WrongAttributes  Reason = "wrong-attributes"  // the signed attributes contradict the message
	NotCovered       Reason = "not-covered"       // parts of the document are not covered by the signature (PDF)
	Revoked          Reason = "revoked"           // the certificate was revoked at the time of the signature
	Expired          Reason = "expired"           // the certificate had expired at the time of the signature
	NotYetValid      Reason = "not-yet-valid"     // the certificate was not valid yet at the time of the signature
)

// Reasons of Unknown.
const (
	NoContent        Reason = "no-content"           // a detached signature without its content
	NoCertificate    Reason = "no-certificate"       // the signer's certificate is not there
	UnknownIssuer    Reason = "unknown-issuer"       // no chain to an anchor
	UnfitCertificate Reason = "unfit-certificate"    // the certificate or an issuer's may not be used this way
	Unsupported      Reason = "unsupported"          // an algorithm, key or form that is not supported
	WeakAlgorithm    Reason = "weak-algorithm"       // SHA-1, or a key below 2048 bits
	NotAsked         Reason = "revocation-not-asked" // revocation was not requested, and the file has no proof
	NoAnswer         Reason = "revocation-unknown"   // revocation was asked, without an answer that can be trusted
	RevokedLater     Reason = "revoked-later"        // revoked after the claimed time, which is only claimed
	WrongTimestamp   Reason = "wrong-timestamp"      // a time stamp is not one of this signature
	ContentChanged   Reason = "content-changed"      // changes after the signature that may hide or replace content (PDF)
)

// invalidating are the reasons that make a signature Invalid.
var invalidating = map[Reason]bool{
	Altered: true, WrongSignature: true, WrongCertificate: true, WrongAttributes: true, NotCovered: true,
	Revoked: true, Expired: true, NotYetValid: true,
}

// State returns the state of a signature with this reason only.
func (r Reason) State() State {
	if invalidating[r] {
		return Invalid
	}
	return Unknown
}

// Judge returns the state for reasons: Invalid if one of them proves it, Unknown if
// there is any other, Valid if there is none.
func Judge(reasons []Reason) State {
	state := Valid
	for _, r := range reasons {
		if r.State() == Invalid {
			return Invalid
		}
		state = Unknown
	}
	return state
}

// TimeKind is the source of the time of a signature.
type TimeKind string

// The kinds of time.
const (
	TimeNone    TimeKind = ""        // unknown: the time of the verification is used
	TimeClaimed TimeKind = "claimed" // by the signer
	TimeStamped TimeKind = "stamped" // by a time stamp authority that leads to an anchor
	TimeGiven   TimeKind = "given"   // by the caller (Verifier.At)
)

// Result is the judgement of one signature.
type Result struct {
	State   State
	Reasons []Reason // why the state is not Valid; those of Invalid first

	// Intact reports that content, signed attributes and signature belong together.
	// It is independent of the signer.
	Intact bool
	// Trusted reports that the certificate chains to an anchor.
	Trusted bool

	// Certificate is the signer's, nil if the message lacks it. Chain is the chain
	// from it to the anchor, both included, or incomplete if there is no anchor.
	Certificate *rawcert.Certificate
	Chain       []*rawcert.Certificate
	Signer      Person
	Purpose     Purpose
	Hash        crypto.Hash // the digest algorithm of the content

	// Time is the time at which the certificates were judged. Claimed is the
	// signing-time attribute (or a time from the caller), zero if absent.
	Time     time.Time
	TimeKind TimeKind
	Claimed  time.Time
	Stamps   []Stamp // time stamps of this signature

	Revocation Revocation
	// Level is the level of CAdES and PAdES: "B-B", "B-T", "" for a signature that
	// does not fulfil B-B.
	Level string
	// Info is the signature as encoded in the message, with its attributes.
	Info *cms.SignerInfo
	// Counter are the counter-signatures of this signature.
	Counter []*Result
}

// add notes a reason, once.
func (r *Result) add(reason Reason) {
	for _, had := range r.Reasons {
		if had == reason {
			return
		}
	}
	r.Reasons = append(r.Reasons, reason)
}

// Add notes a further reason that a caller found, and judges again.
func (r *Result) Add(reason Reason) {
	r.add(reason)
	r.judge()
}

// judge sets State and the order of the reasons.
func (r *Result) judge() {
	var first, second []Reason
	for _, reason := range r.Reasons {
		if reason.State() == Invalid {
			first = append(first, reason)
		} else {
			second = append(second, reason)
		}
	}
	r.Reasons = append(first, second...)
	r.State = Judge(r.Reasons)
}

// Person contains a certificate's statements about its holder, "" if absent. The
// text is as issued: it may contain any characters.
type Person struct {
	Name                string // given name and surname, or the common name
	FiscalCode          string
	Organization        string
	Issuer              string // common name of the issuer
	Serial              string // serial number, hexadecimal
	NotBefore, NotAfter time.Time
}

// Purpose is the purpose of a certificate, by its key usage and policies.
type Purpose string

// The purposes.
const (
	PurposeAuthentication Purpose = "authentication" // digitalSignature, clientAuth: the CIE
	PurposeSignature      Purpose = "signature"      // nonRepudiation
	PurposeTimestamp      Purpose = "timestamp"
	PurposeOther          Purpose = "other"
)

// Stamp is one time stamp.
type Stamp struct {
	Time      time.Time
	Intact    bool   // signed, and about this signature
	Trusted   bool   // Intact, and its authority leads to an anchor
	Authority string // common name of the authority
}

// RevocationState is the known revocation status of a certificate.
type RevocationState string

// The states of revocation.
const (
	RevocationNotAsked RevocationState = "not-asked"
	RevocationGood     RevocationState = "good"
	RevocationRevoked  RevocationState = "revoked"
	RevocationUnknown  RevocationState = "unknown" // asked, without an answer that can be trusted
)

// Revocation is the revocation of a signer's certificate.
type Revocation struct {
	State  RevocationState
	Source string    // "ocsp" or "crl", "" without an answer
	Inside bool      // the answer was in the file
	Date   time.Time // of the answer (thisUpdate)
	At     time.Time // when the certificate was revoked
}
