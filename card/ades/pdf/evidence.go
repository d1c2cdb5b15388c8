package pdf

import "cie/card/ades"

const (
	maxEvidence      = 512      // certificates, OCSP answers or CRLs of a DSS
	maxEvidenceBytes = 16 << 20 // of all of them together
)

// evidence returns the content of the document security store (EN 319 142-1,
// 5.4.2) without unreadable values. It is not trusted without a signature.
func (f *file) evidence() (ades.Evidence, error) {
	var e ades.Evidence
	_, catalog, err := f.catalog()
	if err != nil {
		return e, err
	}
	o, err := f.resolve(catalog.get("DSS"))
	if err != nil || o == nil {
		return e, ignoreDamage(err)
	}
	dss, _ := o.(dict)
	size := 0
	for _, kind := range []struct {
		key name
		to  *[][]byte
	}{{"Certs", &e.Certificates}, {"OCSPs", &e.OCSPs}, {"CRLs", &e.CRLs}} {
		list, err := f.array(dss.get(kind.key))
		if err := ignoreDamage(err); err != nil {
			return e, err
		}
		for _, o := range list[:min(len(list), maxEvidence)] {
			if size > maxEvidenceBytes {
				break
			}
			id, o, err := f.final(o)
			s, ok := o.(*stream)
			if err := ignoreDamage(err); err != nil {
				return e, err
			}
			if !ok {
				continue
			}
			var decrypt func([]byte) ([]byte, error)
			if f.crypt != nil {
				decrypt = func(b []byte) ([]byte, error) { return f.crypt.decrypt(b, id, f.crypt.streams) }
			}
			data, err := f.decode(s, decrypt)
			if err := ignoreDamage(err); err != nil {
				return e, err
			}
			if size += len(data); data != nil {
				*kind.to = append(*kind.to, data)
			}
		}
	}
	return e, nil
}

func ignoreDamage(err error) error {
	if isDamaged(err) {
		return nil
	}
	return err
}
