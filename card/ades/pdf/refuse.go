package pdf

import (
	"fmt"
	"slices"
)

// mayBeSigned refuses what an update would break or hide: target is the name of
// an existing field, "" for a new one.
func (f *file) mayBeSigned(fields []field, target string) error {
	if c := f.crypt; c != nil && !c.owner {
		// Table 22: a new field needs permission to modify and to annotate, an
		// existing one to fill in.
		p := c.permissions
		create := p&permitModify != 0 && p&permitAnnotate != 0
		fill := p&permitAnnotate != 0 || p&permitFill != 0 && c.revision >= 3
		if target == "" && !create || target != "" && !fill {
			return &RefusedError{Reason: Forbidden}
		}
	}
	_, catalog, err := f.catalog()
	if err != nil {
		return err
	}
	if err := f.refuseXFA(catalog, fields, target); err != nil {
		return err
	}
	// The certification, by the catalog's permissions or by any signature.
	var signatures []object
	if perms, err := f.resolve(catalog.get("Perms")); err != nil {
		return err
	} else if d, ok := perms.(dict); ok && d.has("DocMDP") {
		signatures = append(signatures, d.get("DocMDP"))
	}
	for _, x := range fields {
		if x.kind != "Sig" || x.value == nil {
			continue
		}
		signatures = append(signatures, x.value)
		l, err := f.resolve(x.dict.get("Lock"))
		if err != nil {
			return err
		}
		if d, ok := l.(dict); ok {
			if err := f.refuseLock(d, x.name, target); err != nil {
				return err
			}
		}
	}
	for _, o := range signatures {
		o, err := f.resolve(o)
		if err != nil {
			return err
		}
		d, ok := o.(dict)
		if !ok {
			continue
		}
		transforms, err := f.transforms(d)
		if err != nil {
			return err
		}
		if params, ok := transforms["DocMDP"]; ok {
			level, err := f.resolve(params.get("P"))
			if err != nil {
				return err
			}
			if intOr(level, 2) == 1 {
				return &RefusedError{Reason: Certified}
			}
		}
		if params, ok := transforms["FieldMDP"]; ok {
			if err := f.refuseLock(params, "", target); err != nil {
				return err
			}
		}
	}
	return nil
}

// refuseLock refuses a field that an earlier signature locks. A new field is
// locked unless the lock lists the fields that it covers.
func (f *file) refuseLock(d dict, owner, target string) error {
	l, err := f.readLock(d)
	if err != nil {
		return err
	}
	level, err := f.resolve(d.get("P")) // ISO 32000-2, table 237
	if err != nil {
		return err
	}
	if l.covers(target) || intOr(level, 2) == 1 {
		var detail error
		if owner != "" {
			detail = fmt.Errorf("the one in field %q", owner)
		}
		return &RefusedError{Locked, detail}
	}
	return nil
}

// refuseXFA refuses forms whose XFA part is shown in place of the pages, or of
// their fields: a new field is not in it.
func (f *file) refuseXFA(catalog dict, fields []field, target string) error {
	form, err := f.form()
	if err != nil {
		return err
	}
	o, err := f.resolve(form.get("XFA"))
	if err != nil || o == nil {
		return err
	}
	rendering, err := f.resolve(catalog.get("NeedsRendering"))
	if err != nil {
		return err
	}
	if rendering == true || len(fields) == 0 || target == "" {
		return &RefusedError{Reason: XFA}
	}
	return nil
}

// seedValue refuses a field whose author demands another kind of signature
// (12.7.5.5, table 237: constraints count only when /Ff has their bit).
func (s *signing) seedValue(x field) error {
	o, err := s.f.resolve(x.dict.get("SV"))
	if err != nil {
		return err
	}
	d, ok := o.(dict)
	if !ok {
		return nil
	}
	flags, err := s.f.resolve(d.get("Ff"))
	if err != nil {
		return err
	}
	for _, c := range []struct {
		key  name
		bit  int64
		have []object
	}{
		{"Filter", 1, []object{name("Adobe.PPKLite")}},
		{"SubFilter", 2, []object{name("ETSI.CAdES.detached")}},
		{"DigestMethod", 64, []object{str("SHA256")}},
	} {
		if intOr(flags, 0)&c.bit == 0 {
			continue
		}
		o, err := s.f.resolve(d.get(c.key))
		if err != nil {
			return err
		}
		if o == nil {
			continue
		}
		if !slices.ContainsFunc(asArray(o), func(o object) bool { return slices.Contains(c.have, o) }) {
			return &RefusedError{Locked, fmt.Errorf("field %q demands another /%s", x.name, c.key)}
		}
	}
	return nil
}
