package ades

import (
	"context"
	"crypto"
	"errors"
	"slices"
	"strings"
	"time"

	"cie/card/ades/cms"
	"cie/card/ades/revocation"
	"cie/card/ades/tsp"
	"cie/card/identity"
	"cie/card/internal/rawcert"
)

// job is the verification of one message.
type job struct {
	v       *Verifier
	ctx     context.Context
	now     time.Time
	m       *cms.SignedData
	claimed time.Time
	stamped []Stamp // document time stamps
	pool    []*rawcert.Certificate
	find    *finder

	ocsps, crls [][]byte
	asked       map[string]answer // by certificate
	fetches     int
}

// reasonOf converts an error of cms.SignerInfo.Verify to a reason.
func reasonOf(err error) Reason {
	for target, reason := range map[error]Reason{
		cms.ErrNoCertificate:    NoCertificate,
		cms.ErrDigest:           Altered,
		cms.ErrSignature:        WrongSignature,
		cms.ErrAttributes:       WrongAttributes,
		cms.ErrOtherCertificate: WrongCertificate,
	} {
		if errors.Is(err, target) {
			return reason
		}
	}
	return Unsupported
}

func weakHash(h crypto.Hash) bool { return h == crypto.SHA1 }

// judge judges one signature. present reports whether its content was readable.
func (j *job) judge(s *cms.SignerInfo, digest []byte, present, counter bool) *Result {
	r := &Result{Hash: s.Hash, Claimed: s.SigningTime, Info: s}
	if r.Claimed.IsZero() && !counter {
		r.Claimed = j.claimed
	}
	contentType := j.m.ContentType
	if counter {
		contentType = nil
	}
	switch cert, err := s.Verify(j.pool, digest, contentType); {
	case !present && s.Hash != 0 && errors.Is(err, cms.ErrDigest):
		r.Certificate = cert
		r.add(NoContent)
	case err != nil:
		r.Certificate = cert
		r.add(reasonOf(err))
	default:
		r.Certificate, r.Intact = cert, true
	}
	if weakHash(s.Hash) {
		r.add(WeakAlgorithm)
	}
	j.stamps(r, s)
	if !counter {
		r.Stamps = append(r.Stamps, j.stamped...)
	}
	j.chooseTime(r)
	r.Level = level(r, s)
	if r.Certificate != nil {
		r.Signer, r.Purpose = person(r.Certificate), purpose(r.Certificate)
		j.certificate(r)
	}
	for _, c := range s.Counter {
		sum := []byte(nil)
		if c.Hash != 0 {
			h := c.Hash.New()
			h.Write(s.Signature)
			sum = h.Sum(nil)
		}
		r.Counter = append(r.Counter, j.judge(c, sum, true, true))
	}
	r.judge()
	return r
}

// certificate judges the signer's certificate at the time of the signature.
func (j *job) certificate(r *Result) {
	c := r.Certificate
	p := j.find.find(c, r.Time)
	r.Chain, r.Trusted = p.chain, p.trusted
	for _, reason := range p.reasons {
		r.add(reason)
	}
	if !p.trusted {
		// The dates count, even if the issuer is not known.
		if r.Time.After(c.NotAfter) || r.Time.Before(c.NotBefore) {
			r.add(UnfitCertificate)
		}
		r.Revocation.State = RevocationNotAsked
		return
	}
	// A signature of a natural person has one of these usages (RFC 5280, 4.2.1.3).
	if checkExtensions(c, usageSign|usageCommitment) != nil {
		r.add(UnfitCertificate)
	}
	j.revocation(r)
}

// stamps judges the time stamps of a signature.
func (j *job) stamps(r *Result, s *cms.SignerInfo) {
	for _, token := range s.Timestamps {
		info, err := tsp.Parse(token)
		if err != nil {
			r.Stamps = append(r.Stamps, Stamp{})
			r.add(WrongTimestamp)
			continue
		}
		stamp := j.stamp(info, info.CheckMessage(s.Signature))
		if !stamp.Intact {
			r.add(WrongTimestamp)
		}
		r.Stamps = append(r.Stamps, stamp)
	}
}

// stamp judges a checked token; wrong is the result of the check.
func (j *job) stamp(info *tsp.Info, wrong error) Stamp {
	stamp := Stamp{Time: info.Time}
	if wrong != nil {
		return stamp
	}
	stamp.Intact = true
	stamp.Authority = info.Certificate.Subject.String()
	pool := slices.Concat(info.Certificates, j.pool)
	p := newFinder(j.find.anchors, pool[:min(len(pool), maxPool)], j.find.spent).find(info.Certificate, info.Time)
	stamp.Trusted = p.trusted && len(p.reasons) == 0 && j.stampNotRevoked(p, info.Time)
	return stamp
}

// chooseTime decides at which time the certificates are judged.
func (j *job) chooseTime(r *Result) {
	r.Time = j.now
	switch stamped := earliest(r.Stamps); {
	case !j.v.At.IsZero():
		r.Time, r.TimeKind = j.v.At, TimeGiven
	case !stamped.IsZero():
		r.Time, r.TimeKind = stamped, TimeStamped
	case !r.Claimed.IsZero() && !r.Claimed.After(j.now):
		// A time in the future cannot be that of a signature.
		r.Time, r.TimeKind = r.Claimed, TimeClaimed
	}
}

// earliest returns the time of the first trusted stamp, zero without one.
func earliest(stamps []Stamp) time.Time {
	var first time.Time
	for _, s := range stamps {
		if s.Trusted && (first.IsZero() || s.Time.Before(first)) {
			first = s.Time
		}
	}
	return first
}

// level returns the level of EN 319 122-1 and 319 142-1 that a signature has.
func level(r *Result, s *cms.SignerInfo) string {
	if !s.HasAttributes() || !s.Names() || r.Claimed.IsZero() {
		return ""
	}
	if slices.ContainsFunc(r.Stamps, func(t Stamp) bool { return t.Intact }) {
		return "B-T"
	}
	return "B-B"
}

// person returns what the certificate states about its holder.
func person(c *rawcert.Certificate) Person {
	p := Person{
		Name: c.Subject.String(), Organization: c.Subject.Get(rawcert.Organization), Issuer: c.Issuer.String(),
		Serial: strings.ToUpper(hexadecimal(c.Serial)), NotBefore: c.NotBefore, NotAfter: c.NotAfter,
	}
	given, surname := c.Subject.Get(rawcert.GivenName), c.Subject.Get(rawcert.Surname)
	if name := strings.TrimSpace(given + " " + surname); name != "" {
		p.Name = name
	}
	if id, err := identity.Parse(c.Raw); err == nil {
		p.FiscalCode = id.FiscalCode
	}
	// ETSI EN 319 412-1, 5.1.3: TINIT- for the codice fiscale; IT: before that.
	if p.FiscalCode == "" {
		serial := c.Subject.Get(rawcert.SerialNumber)
		for _, prefix := range []string{"TINIT-", "IT:"} {
			if code, ok := strings.CutPrefix(serial, prefix); ok {
				p.FiscalCode = code
			}
		}
	}
	return p
}

func hexadecimal(b []byte) string {
	const digits = "0123456789abcdef"
	var s strings.Builder
	for len(b) > 1 && b[0] == 0 {
		b = b[1:]
	}
	for _, c := range b {
		s.WriteByte(digits[c>>4])
		s.WriteByte(digits[c&15])
	}
	return s.String()
}

// purpose returns the purpose of a certificate.
func purpose(c *rawcert.Certificate) Purpose {
	if _, ok := c.Extension(oidKeyUsage); !ok {
		return PurposeOther
	}
	switch bits, err := keyUsage(c); {
	case err != nil:
		return PurposeOther
	case bits&usageCommitment != 0:
		return PurposeSignature
	case bits&usageSign != 0:
		return PurposeAuthentication
	}
	return PurposeOther
}

// answer is the status of one certificate and its source.
type answer struct {
	status revocation.Status
	inside bool
	err    error
}
