package documents

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
)

// Naming describes the names of signed documents.
type Naming struct {
	// Suffix is that of a signed PDF, before the extension.
	Suffix string
	// Number is the format of the number that follows, such as "-%d".
	Number string
	// Any adds a number wherever the name is taken. Otherwise only a document that
	// had a signature gets one.
	Any bool
}

// name are the parts of the name of a signed document.
type name struct {
	stem, ext string
	// again: the document had a signature, so that its own name is the one without
	// a number.
	again bool
}

// number returns the n-th name, "" after the last one.
func (n Naming) number(of name, i int) string {
	switch {
	case of.again:
		return of.stem + fmt.Sprintf(n.Number, i+2) + of.ext
	case i == 0:
		return of.stem + of.ext
	case n.Any:
		return of.stem + fmt.Sprintf(n.Number, i+1) + of.ext
	}
	return ""
}

// ofPDF returns x-signed.pdf of x.pdf, and of x-signed.pdf and x-signed-2.pdf what
// numbers are added to.
func (n Naming) ofPDF(file string) name {
	base := filepath.Base(file)
	ext := filepath.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	if !strings.EqualFold(ext, ".pdf") {
		stem, ext = base, ".pdf"
	}
	before, after, _ := strings.Cut(n.Number, "%d")
	if first, rest, ok := strings.Cut(stem, n.Suffix+before); ok {
		if number, ok := strings.CutSuffix(rest, after); ok {
			if _, err := strconv.Atoi(number); err == nil {
				stem = first + n.Suffix
			}
		}
	}
	if strings.HasSuffix(stem, n.Suffix) {
		return name{stem, ext, true}
	}
	return name{stem + n.Suffix, ext, false}
}

// maxNames limits the names that are tried for one signed document.
const maxNames = 1000

// Outputs chooses where the signed documents of one batch go.
type Outputs struct {
	// Dir is the folder; "": that of each document.
	Dir    string
	Naming Naming
	taken  map[string]bool
}

// Choose returns the first free name for the signed document, and checks that it can
// be written there.
func (o *Outputs) Choose(file string, d Document) (string, error) {
	dir := o.Dir
	if dir == "" {
		dir = filepath.Dir(file)
	}
	parts := d.stem(o.Naming)
	var first error
	for i := range maxNames {
		base := o.Naming.number(parts, i)
		if base == "" {
			break
		}
		out := filepath.Join(dir, base)
		err := o.Use(out)
		if err == nil {
			return out, nil
		}
		if first == nil {
			first = err
		}
		if !errors.Is(err, fs.ErrExist) && (!o.Naming.Any || !errors.Is(err, errTwice)) {
			return "", err
		}
	}
	return "", first
}

// Use checks that a signed document can be written under a name, and reserves it.
func (o *Outputs) Use(out string) error {
	clean := filepath.Clean(out)
	if o.taken[clean] {
		return &FileError{OpTwice, out, errTwice}
	}
	if err := CanCreate(out); err != nil {
		return err
	}
	if o.taken == nil {
		o.taken = make(map[string]bool)
	}
	o.taken[clean] = true
	return nil
}
