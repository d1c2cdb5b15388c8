package ades

import (
	"encoding/asn1"
	"errors"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"cie/card/ades/cms"
	"cie/card/ades/revocation"
	"cie/card/internal/rawcert"
)

// maxFetches limits the connections for one message.
const maxFetches = 32

// skew is the tolerated difference between clocks.
const skew = 5 * time.Minute

// maxValues limits the revocation values of one message.
const maxValues = 256

// revocation checks whether the certificates of a chain were revoked. It makes no
// request for a chain without an anchor, so that addresses in a self-made
// certificate are not contacted.
func (j *job) revocation(r *Result) {
	proven := r.TimeKind == TimeStamped || r.TimeKind == TimeGiven
	for i := 0; i+1 < len(r.Chain); i++ {
		a := j.status(r.Chain[i], r.Chain[i+1], r.Time, proven)
		reason := j.outcome(a, r.Time, r.TimeKind)
		if i == 0 {
			r.Revocation = describe(a, reason)
		} else if reason == Revoked || reason == RevokedLater {
			reason = UnfitCertificate // of an issuer
		}
		if reason != "" {
			r.add(reason)
		}
	}
	if len(r.Chain) == 1 { // the signer's certificate is an anchor itself
		r.Revocation.State = RevocationNotAsked
		r.add(NotAsked)
	}
}

func describe(a answer, reason Reason) Revocation {
	v := Revocation{Source: a.status.Source, Inside: a.inside, Date: a.status.ThisUpdate, At: a.status.RevokedAt}
	switch {
	case reason == NotAsked:
		v.State = RevocationNotAsked
	case a.err != nil:
		v.State = RevocationUnknown
	case a.status.Revoked:
		v.State = RevocationRevoked
	default:
		v.State = RevocationGood
	}
	return v
}

var errNotAsked = errors.New("revocation not asked")

// outcome returns the meaning of an answer for a signature of this time, "" if it
// is good.
func (j *job) outcome(a answer, at time.Time, kind TimeKind) Reason {
	switch {
	case errors.Is(a.err, errNotAsked):
		return NotAsked
	case a.err != nil:
		return NoAnswer
	case !a.status.Revoked:
		return ""
	case !a.status.RevokedAt.After(at):
		return Revoked
	case kind == TimeStamped, kind == TimeGiven:
		return "" // it was revoked after the signature
	}
	return RevokedLater
}

// status returns the status of one certificate: from the file, or from the
// authority if the caller allows requests.
func (j *job) status(c, issuer *rawcert.Certificate, at time.Time, proven bool) answer {
	inside := j.inside(c, issuer, at, proven)
	if inside.err == nil && (inside.status.Revoked || proven) || j.v.Fetcher == nil {
		return inside
	}
	asked, ok := j.asked[string(c.Raw)]
	if !ok {
		asked = j.ask(c, issuer)
		j.asked[string(c.Raw)] = asked
	}
	if asked.err != nil && inside.err == nil {
		return inside
	}
	return asked
}

// inside looks for an answer among the revocation values of the file. A good one
// counts if it is current, or if it is about the time of the signature and that
// time is proven. If the time is only claimed, an old answer could hide a later
// revocation.
func (j *job) inside(c, issuer *rawcert.Certificate, at time.Time, proven bool) answer {
	best := answer{err: errNotAsked}
	look := func(s revocation.Status, err error) {
		switch {
		case err != nil:
		case s.Revoked:
			best = answer{status: s, inside: true}
		case best.err == nil:
		case s.ThisUpdate.After(c.NotAfter):
			// Authorities may forget certificates that have expired.
		case s.Fresh(j.now), proven && about(s, at):
			best = answer{status: s, inside: true}
		}
	}
	for _, der := range j.ocsps[:min(len(j.ocsps), maxValues)] {
		look(revocation.OCSP(der, c, issuer))
	}
	for _, der := range j.crls[:min(len(j.crls), maxValues)] {
		look(revocation.CRL(der, c, issuer))
	}
	return best
}

// about reports whether a status applies to a time.
func about(s revocation.Status, at time.Time) bool {
	return !s.ThisUpdate.Before(at.Add(-skew)) || !s.NextUpdate.IsZero() && !at.After(s.NextUpdate)
}

// ask requests the status from the authority: OCSP first, then its CRL.
func (j *job) ask(c, issuer *rawcert.Certificate) answer {
	last := answer{err: revocation.ErrNoAnswer}
	take := func(s revocation.Status, err error) bool {
		if err == nil && !s.Revoked && s.ThisUpdate.After(c.NotAfter) {
			err = revocation.ErrNoAnswer // see inside
		}
		last = answer{status: s, err: err}
		return err == nil
	}
	for _, url := range revocation.OCSPServers(c) {
		q, err := revocation.NewRequest(c, issuer)
		if err != nil {
			return answer{err: err}
		}
		body, err := j.fetch(url, revocation.RequestType, q.Marshal(), revocation.MaxOCSP)
		if err != nil {
			continue
		}
		if take(q.Check(body, j.now)) {
			return last
		}
	}
	for _, url := range revocation.CRLs(c) {
		body, err := j.fetch(url, "", nil, revocation.MaxCRL)
		if err != nil {
			continue
		}
		s, err := revocation.CRL(body, c, issuer)
		if err == nil && !s.Fresh(j.now) {
			err = revocation.ErrNotBelieved
		}
		if take(s, err) {
			return last
		}
	}
	last.status = revocation.Status{}
	return last
}

func (j *job) fetch(url, contentType string, body []byte, limit int64) ([]byte, error) {
	if j.fetches++; j.fetches > maxFetches {
		return nil, revocation.ErrNoAnswer
	}
	return j.v.Fetcher.Fetch(j.ctx, url, contentType, body, limit)
}

// stampNotRevoked reports whether no revocation of the certificates of a time
// stamp authority is known. It requests the status if the caller allows it.
func (j *job) stampNotRevoked(p path, at time.Time) bool {
	for i := 0; i+1 < len(p.chain); i++ {
		if a := j.status(p.chain[i], p.chain[i+1], at, true); a.err == nil && a.status.Revoked {
			return false
		}
	}
	return true
}

// addValues adds the certificates and revocation values from the attributes of a
// signer: those of long-term signatures of earlier standards (RFC 5126, 6.3), and
// the attribute that Adobe's products sign.
func (j *job) addValues(s *cms.SignerInfo) {
	for _, a := range append(s.Unsigned[:len(s.Unsigned):len(s.Unsigned)], s.Signed...) {
		for _, v := range a.Values {
			switch {
			case a.ID.Equal(cms.OIDCertificateValues):
				j.addCertificates(sequenceOf(v))
			case a.ID.Equal(cms.OIDRevocationValues):
				j.addRevocation(v, wrapBasic)
			case a.ID.Equal(cms.OIDRevocationInfo):
				j.addRevocation(v, func(der []byte) []byte { return der })
			}
		}
	}
}

// sequenceOf returns the elements of a SEQUENCE.
func sequenceOf(der []byte) [][]byte {
	b := cryptobyte.String(der)
	var list cryptobyte.String
	var all [][]byte
	if !b.ReadASN1(&list, cbasn1.SEQUENCE) {
		return nil
	}
	for !list.Empty() && len(all) < maxValues {
		var one cryptobyte.String
		if !list.ReadASN1Element(&one, cbasn1.SEQUENCE) {
			return all
		}
		all = append(all, one)
	}
	return all
}

// addRevocation reads [0] CRLs and [1] OCSP answers.
func (j *job) addRevocation(der []byte, ocsp func([]byte) []byte) {
	b := cryptobyte.String(der)
	var both, crls, ocsps cryptobyte.String
	var has bool
	if !b.ReadASN1(&both, cbasn1.SEQUENCE) || !both.ReadOptionalASN1(&crls, &has, cbasn1.Tag(0).ContextSpecific().Constructed()) {
		return
	}
	j.crls = append(j.crls, sequenceOf(crls)...)
	if both.ReadOptionalASN1(&ocsps, &has, cbasn1.Tag(1).ContextSpecific().Constructed()) {
		for _, one := range sequenceOf(ocsps) {
			j.ocsps = append(j.ocsps, ocsp(one))
		}
	}
}

// wrapBasic makes an OCSPResponse of a BasicOCSPResponse (RFC 6960, 4.2.1).
func wrapBasic(basic []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Enum(0)
		b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1})
				b.AddASN1OctetString(basic)
			})
		})
	})
	return b.BytesOrPanic()
}
