package pdf

import (
	"slices"
	"strings"
)

func (d *diff) compareForm(oldCatalog, newCatalog dict) error {
	where := Change{Kind: ChangeCatalog, Detail: "AcroForm"}
	a, err := d.old.form()
	if err != nil {
		return err
	}
	b, err := d.new.form()
	if err != nil {
		return err
	}
	if a != nil && b == nil || b.duplicates() {
		d.report(where)
		return nil
	}
	for _, key := range union(a, b) {
		x, y := a.get(key), b.get(key)
		switch key {
		case "SigFlags", "NeedAppearances":
			continue
		case "Fields":
			old, err := d.old.array(x)
			if err != nil {
				return err
			}
			next, err := d.new.array(y)
			if err != nil {
				return err
			}
			if err := d.grown(old, next, where); err != nil {
				return err
			}
			continue
		case "DR":
			if err := d.compareResources(x, y); err != nil {
				return err
			}
			continue
		case "DA", "Q":
			if x == nil {
				continue // defaults for the fields of new signatures
			}
		}
		if err := d.frozen(x, y, key, where); err != nil {
			return err
		}
	}
	for _, x := range d.sortedFields() {
		if err := d.compareField(x); err != nil {
			return err
		}
	}
	return nil
}

// compareResources permits additions to the resources of the form, but no other
// change.
func (d *diff) compareResources(a, b object) error {
	where := Change{Kind: ChangeAppearance, Detail: "DR"}
	if a == nil {
		return nil
	}
	old, err := d.old.dict(a)
	if err != nil {
		return err
	}
	next, err := d.new.dict(b)
	if ignoreDamage(err) != nil {
		return err
	}
	for _, e := range old {
		category, err := d.old.resolve(e.value)
		if err != nil {
			return err
		}
		other, err := d.new.resolve(next.get(e.key))
		if err != nil {
			return err
		}
		x, ok1 := category.(dict)
		y, ok2 := other.(dict)
		if !ok1 || !ok2 {
			if err := d.frozen(category, other, e.key, where); err != nil {
				return err
			}
			continue
		}
		for _, f := range x {
			if err := d.frozen(f.value, y.get(f.key), f.key, where); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *diff) sortedFields() []*field {
	seen := make(map[*field]bool)
	var out []*field
	for _, x := range d.nodes {
		if !seen[x] {
			seen[x] = true
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b *field) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return int(a.id.num) - int(b.id.num)
	})
	return out
}

// compareField compares a field of the old revision with its ancestors and
// widgets.
func (d *diff) compareField(x *field) error {
	filled, err := d.fill(x)
	if err != nil {
		return err
	}
	compared := make(map[ref]bool)
	for _, id := range slices.Concat(x.path, []ref{x.id}, x.widgets) {
		if compared[id] {
			continue
		}
		compared[id] = true
		if slices.Contains(x.path, id) {
			if d.seen[id.num] {
				continue // a child field precedes it
			}
			d.seen[id.num] = true
		}
		if err := d.compareNode(x, id, filled); err != nil {
			return err
		}
	}
	return nil
}

// filling is the permitted change of a field.
type filling int

const (
	unchanged filling = iota
	filledIn          // another value
	signedNow         // an empty signature field got a signature
)

// fill reports what happened to the value of a field.
func (d *diff) fill(x *field) (filling, error) {
	old, next := x.dict.get("V"), object(nil)
	if y, err := d.new.resolve(x.id); err != nil {
		return 0, err
	} else if y, ok := y.(dict); ok {
		next = y.get("V")
	}
	if x.kind == "Sig" {
		if x.value != nil || next == nil {
			return unchanged, nil
		}
		id, _, err := d.new.final(next)
		if err != nil {
			return 0, err
		}
		change := d.signedBy(id, Change{Kind: ChangeAppearance, Field: x.name})
		d.report(change)
		if change.Kind == ChangeAppearance {
			return unchanged, nil
		}
		return signedNow, nil
	}
	changed, err := d.differs(old, next)
	if err != nil || !changed {
		return unchanged, err
	}
	switch x.kind {
	case "Tx", "Ch", "Btn":
	default:
		return unchanged, nil
	}
	change := Change{Kind: ChangeField, Allowed: true, Page: d.pageOf(x), Field: x.name, Detail: d.valueText(next)}
	if d.locked(x.name) {
		change.Kind, change.Allowed = ChangeLocked, false
	}
	d.report(change)
	return filledIn, nil
}

func (d *diff) pageOf(x *field) int {
	for _, w := range x.widgets {
		if n := d.onPage[w.num]; n > 0 {
			return n
		}
	}
	return 0
}

// valueText returns the value of a field for display, shortened.
func (d *diff) valueText(o object) string {
	o, err := d.new.resolve(o)
	if err != nil {
		return ""
	}
	text := ""
	switch o := o.(type) {
	case str:
		text = textString(o)
	case name:
		text = string(o)
	case array:
		for _, v := range o[:min(len(o), 8)] {
			if s, ok := v.(str); ok {
				text += textString(s) + " "
			}
		}
	}
	if r := []rune(text); len(r) > 100 {
		text = string(r[:100]) + "…"
	}
	return strings.TrimSpace(text)
}

// mayChange reports whether a key of a field or widget may have another value.
func (x *field) mayChange(key name, f filling) bool {
	switch f {
	case filledIn:
		switch key {
		case "V", "I", "RV", "M":
			return true
		case "AS":
			return x.kind == "Btn"
		case "AP":
			// Check boxes have the appearances of all their states beforehand.
			return x.kind != "Btn"
		}
	case signedNow:
		switch key {
		case "V", "AP", "F", "M", "P", "MK", "DA", "Lock":
			return true
		}
	}
	return false
}

func (d *diff) compareNode(x *field, id ref, f filling) error {
	where := Change{Kind: ChangeAppearance, Page: d.pageOf(x), Field: x.name}
	o, err := d.old.resolve(id)
	if err != nil {
		return err
	}
	a, ok := o.(dict)
	if !ok {
		return d.follow(id, "", where)
	}
	b := a
	if d.moved(id) {
		o, err := d.new.resolve(id)
		if err != nil {
			return err
		}
		if b, ok = o.(dict); !ok || b.duplicates() {
			d.report(where)
			return nil
		}
	}
	for _, key := range union(a, b) {
		u, v := a.get(key), b.get(key)
		switch {
		case x.mayChange(key, f):
			continue
		case key == "Kids":
			old, err := d.old.array(u)
			if err != nil {
				return err
			}
			next, err := d.new.array(v)
			if err != nil {
				return err
			}
			if err := d.grown(old, next, where); err != nil {
				return err
			}
			continue
		}
		if err := d.frozen(u, v, key, where); err != nil {
			return err
		}
	}
	return nil
}
