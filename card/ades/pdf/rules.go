package pdf

import "slices"

// run applies the rules to the catalog, the pages and the form.
func (d *diff) run() error {
	d.seen = make(map[uint32]bool)
	d.added = make(map[ref]bool)
	if err := d.index(); err != nil {
		return err
	}
	oldRoot, oldCatalog, err := d.old.catalog()
	if err != nil {
		return err
	}
	newRoot, newCatalog, err := d.new.catalog()
	if err != nil {
		return err
	}
	if oldRoot != newRoot || newCatalog.duplicates() {
		d.report(Change{Kind: ChangeCatalog, Detail: "Root"})
	}
	d.seen[oldRoot.num] = true
	if err := d.newFields(); err != nil {
		return err
	}
	if err := d.comparePages(); err != nil {
		return err
	}
	if err := d.compareForm(oldCatalog, newCatalog); err != nil {
		return err
	}
	if err := d.compareCatalog(oldCatalog, newCatalog); err != nil {
		return err
	}
	return d.compareTrailer()
}

// index finds the pages and fields of the old revision.
func (d *diff) index() error {
	d.pages, d.onPage, d.nodes = make(map[uint32]int), make(map[uint32]int), make(map[uint32]*field)
	number := 0
	err := d.old.eachPage(func(id ref, _ dict, _ inherited) bool {
		number++
		d.pages[id.num] = number
		return true
	})
	if err != nil {
		return err
	}
	if d.onPage, err = d.old.annotationPages(); err != nil {
		return err
	}
	fields, err := d.old.fields()
	if err != nil {
		return err
	}
	for i := range fields {
		x := &fields[i]
		for _, id := range slices.Concat(x.path, x.widgets, []ref{x.id}) {
			if _, ok := d.nodes[id.num]; !ok || id == x.id {
				d.nodes[id.num] = x
			}
		}
	}
	return nil
}

// union returns the keys of both dictionaries.
func union(a, b dict) []name {
	var out []name
	seen := make(map[name]bool)
	for _, e := range slices.Concat(a, b) {
		if !seen[e.key] {
			seen[e.key] = true
			out = append(out, e.key)
		}
	}
	return out
}

// compareCatalog requires that all entries without a rule are unchanged.
func (d *diff) compareCatalog(a, b dict) error {
	for _, key := range union(a, b) {
		x, y := a.get(key), b.get(key)
		switch key {
		case "AcroForm", "Version", "Extensions":
			continue
		case "DSS", "Metadata", "StructTreeRoot", "MarkInfo":
			changed, err := d.differs(x, y)
			if err != nil {
				return err
			}
			if kind := ChangeMetadata; changed {
				if key == "DSS" {
					kind = ChangeDSS
				}
				d.report(Change{Kind: kind, Allowed: true})
			}
			continue
		case "Perms":
			// A certifying signature adds its own entry.
			if x == nil && d.isCertification(y) {
				continue
			}
		}
		where := Change{Kind: ChangeCatalog, Detail: string(key)}
		if key == "Pages" {
			where = Change{Kind: ChangePages}
		}
		if err := d.frozen(x, y, key, where); err != nil {
			return err
		}
	}
	return nil
}

// isCertification reports whether permissions contain only a signature of the
// document.
func (d *diff) isCertification(o object) bool {
	o, err := d.new.resolve(o)
	perms, ok := o.(dict)
	if err != nil || !ok || len(perms) != 1 || perms[0].key != "DocMDP" {
		return false
	}
	id, _, err := d.new.final(perms[0].value)
	return err == nil && slices.ContainsFunc(d.c.signatures, func(s *Signature) bool { return s.id == id && s.intact() })
}

// differs reports whether a value, or the object that it refers to, is another.
func (d *diff) differs(a, b object) (bool, error) {
	if same, err := d.equal(a, b); !same || err != nil {
		return true, err
	}
	id, ok := a.(ref)
	if !ok || !d.moved(id) {
		return false, nil
	}
	x, err := d.old.resolve(a)
	if err != nil {
		return true, ignoreDamage(err)
	}
	y, err := d.new.resolve(b)
	if err != nil {
		return true, ignoreDamage(err)
	}
	same, err := d.equal(x, y)
	return !same, err
}

func (d *diff) compareTrailer() error {
	a, b := d.old.trailer, d.new.trailer
	if err := d.frozen(a.get("Encrypt"), b.get("Encrypt"), "Encrypt", Change{Kind: ChangeCatalog, Detail: "Encrypt"}); err != nil {
		return err
	}
	changed, err := d.differs(a.get("Info"), b.get("Info"))
	if changed {
		d.report(Change{Kind: ChangeMetadata, Allowed: true})
	}
	return err
}

// newFields reports the signature fields that the new revision adds, and notes
// the widgets that they may add to pages.
func (d *diff) newFields() error {
	fields, err := d.new.fields()
	if err != nil {
		return err
	}
	pages, err := d.new.annotationPages()
	if err != nil {
		return err
	}
	for _, x := range fields {
		if _, ok := d.nodes[x.id.num]; ok {
			continue
		}
		change, err := d.newField(x, pages)
		if err != nil {
			return err
		}
		d.report(change)
		if change.Allowed {
			for _, id := range slices.Concat(x.path, x.widgets, []ref{x.id}) {
				d.added[id] = true
			}
		}
	}
	return nil
}

func (d *diff) newField(x field, pages map[uint32]int) (Change, error) {
	change := Change{Kind: ChangeAnnotation, Field: x.name}
	for _, w := range x.widgets {
		change.Page = max(change.Page, pages[w.num])
	}
	if x.kind != "Sig" {
		return change, nil
	}
	if x.value == nil {
		// An empty signature field may be added if it has no appearance.
		for _, w := range x.widgets {
			widget, err := d.new.dict(w)
			if err != nil {
				return change, err
			}
			if r, err := d.new.rect(widget.get("Rect")); widget.has("AP") && (err != nil || r.width() > 0 && r.height() > 0) {
				return change, nil
			}
		}
		change.Kind, change.Allowed = ChangeNewField, true
		return change, nil
	}
	for _, id := range slices.Concat(x.path, x.widgets, []ref{x.id}) {
		node, err := d.new.dict(id)
		if err != nil {
			return change, err
		}
		// Actions could change what is displayed, and a signature has no other kind of
		// annotation.
		if subtype := node.get("Subtype"); node.has("A") || node.has("AA") || subtype != nil && subtype != name("Widget") {
			return change, nil
		}
	}
	id, _, err := d.new.final(x.value)
	if err != nil {
		return change, err
	}
	return d.signedBy(id, change), nil
}

// signedBy completes the change that a new signature value is: allowed for one
// that is intact and covers this revision.
func (d *diff) signedBy(id ref, change Change) Change {
	for _, s := range d.c.signatures {
		if s.id != id || s.Length == 0 || s.Length > d.new.size || !s.intact() {
			continue
		}
		change.Kind, change.Allowed, change.Page = ChangeSignature, !d.locked(s.Field), s.Page
		if s.Stamp != nil {
			change.Kind, change.Allowed = ChangeTimestamp, true
		} else if s.Result.Certificate != nil {
			change.Detail = s.Result.Signer.Name
		}
		if !change.Allowed {
			change.Kind = ChangeLocked
		}
		return change
	}
	return change
}

// locked reports whether one of the signatures before forbids to fill in or
// sign a field.
func (d *diff) locked(field string) bool {
	return slices.ContainsFunc(d.signed, func(s *Signature) bool {
		return s.certify == 1 || slices.ContainsFunc(s.locks, func(l lock) bool { return l.covers(field) })
	})
}

func (d *diff) comparePages() error {
	var before, after []ref
	var dicts []dict
	if err := d.old.eachPage(func(id ref, x dict, _ inherited) bool {
		before, dicts = append(before, id), append(dicts, x)
		return true
	}); err != nil {
		return err
	}
	if err := d.new.eachPage(func(id ref, _ dict, _ inherited) bool {
		after = append(after, id)
		return true
	}); err != nil {
		return err
	}
	if !slices.Equal(before, after) {
		number := 0
		for number < min(len(before), len(after)) && before[number] == after[number] {
			number++
		}
		d.report(Change{Kind: ChangePages, Page: number + 1})
	}
	kept := make(map[ref]bool, len(after))
	for _, id := range after {
		kept[id] = true
	}
	for i, id := range before {
		if !kept[id] {
			continue // removed, which was reported
		}
		if err := d.comparePage(i+1, id, dicts[i]); err != nil {
			return err
		}
	}
	return nil
}

// comparePage permits a page only to get annotations of new signatures.
func (d *diff) comparePage(number int, id ref, a dict) error {
	b := a
	where := Change{Kind: ChangeContent, Page: number}
	if d.moved(id) {
		o, err := d.new.resolve(id)
		if err != nil {
			return err
		}
		ok := false
		if b, ok = o.(dict); !ok || b.duplicates() {
			d.report(where)
			return nil
		}
	}
	for _, key := range union(a, b) {
		switch key {
		case "Annots":
			if err := d.compareAnnots(number, a.get(key), b.get(key)); err != nil {
				return err
			}
			continue
		case "Tabs", "StructParents", "LastModified":
			continue // they have no appearance
		case "Parent":
			// Viewers search inherited entries from here.
			if err := d.frozen(a.get(key), b.get(key), key, Change{Kind: ChangePages, Page: number}); err != nil {
				return err
			}
			continue
		}
		if err := d.frozen(a.get(key), b.get(key), key, where); err != nil {
			return err
		}
	}
	return nil
}

func (d *diff) compareAnnots(number int, a, b object) error {
	where := Change{Kind: ChangeAnnotation, Page: number}
	old, err := d.old.array(a)
	if err != nil {
		return err
	}
	next, err := d.new.array(b)
	if err != nil {
		return err
	}
	if err := d.grown(old, next, where); err != nil {
		return err
	}
	if err := d.follow(old, "Annots", where); err != nil {
		return err
	}
	return d.drain()
}

// grown reports a change at where unless next is old plus what new signatures may
// add.
func (d *diff) grown(old, next array, where Change) error {
	i := 0
	for _, o := range next {
		if i < len(old) {
			same, err := d.equal(old[i], o)
			if err != nil {
				return err
			}
			if same {
				i++
				continue
			}
		}
		if id, ok := o.(ref); !ok || !d.added[id] {
			d.report(where)
		}
	}
	if i < len(old) {
		d.report(where)
	}
	return nil
}
