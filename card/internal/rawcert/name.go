package rawcert

import (
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"cie/apdu/printable"
)

// Name is a distinguished name: relative names in the order of the encoding,
// each of one or more attributes.
type Name [][]Attribute

// Attribute is one attribute of a name. Value is UTF-8 for every string type of
// the encoding.
type Attribute struct {
	Type  asn1.ObjectIdentifier
	Value string
}

// Attribute types of names (RFC 5280, Annex A.1).
var (
	CommonName   = asn1.ObjectIdentifier{2, 5, 4, 3}
	Surname      = asn1.ObjectIdentifier{2, 5, 4, 4}
	SerialNumber = asn1.ObjectIdentifier{2, 5, 4, 5}
	Country      = asn1.ObjectIdentifier{2, 5, 4, 6}
	Organization = asn1.ObjectIdentifier{2, 5, 4, 10}
	Unit         = asn1.ObjectIdentifier{2, 5, 4, 11}
	GivenName    = asn1.ObjectIdentifier{2, 5, 4, 42}
)

// ParseName parses a Name that fills der. Errors match ErrMalformed.
func ParseName(der []byte) (Name, error) {
	bad := fmt.Errorf("%w: name", ErrMalformed)
	input := cryptobyte.String(der)
	var sequence cryptobyte.String
	if !input.ReadASN1(&sequence, cbasn1.SEQUENCE) || !input.Empty() {
		return nil, bad
	}
	name := Name{}
	for !sequence.Empty() {
		var set cryptobyte.String
		if !sequence.ReadASN1(&set, cbasn1.SET) {
			return nil, bad
		}
		var rdn []Attribute
		for !set.Empty() {
			var pair, value cryptobyte.String
			var a Attribute
			var tag cbasn1.Tag
			if !set.ReadASN1(&pair, cbasn1.SEQUENCE) || !pair.ReadASN1ObjectIdentifier(&a.Type) ||
				!pair.ReadAnyASN1(&value, &tag) || !pair.Empty() {
				return nil, bad
			}
			a.Value = text(tag, value)
			rdn = append(rdn, a)
		}
		name = append(name, rdn)
	}
	return name, nil
}

// text converts a directory string to UTF-8. It replaces what it cannot convert.
func text(tag cbasn1.Tag, content []byte) string {
	const bmpString, universalString = 30, 28
	switch {
	case tag == bmpString && len(content)%2 == 0:
		units := make([]uint16, 0, len(content)/2)
		for i := 0; i < len(content); i += 2 {
			units = append(units, uint16(content[i])<<8|uint16(content[i+1]))
		}
		return string(utf16.Decode(units))
	case tag == universalString && len(content)%4 == 0:
		var b strings.Builder
		for i := 0; i < len(content); i += 4 {
			b.WriteRune(rune(uint32(content[i])<<24 | uint32(content[i+1])<<16 | uint32(content[i+2])<<8 | uint32(content[i+3])))
		}
		return b.String()
	case utf8.Valid(content):
		return string(content)
	}
	// Other bytes than UTF-8 are Latin-1 in practice, under any tag.
	runes := make([]rune, len(content))
	for i, c := range content {
		runes[i] = rune(c)
	}
	return string(runes)
}

// maxText limits the length of a displayed value, in bytes. The limits of X.520
// are between 2 and 128 characters.
const maxText = 256

// Get returns the first nonempty value of an attribute type, "" if there is none.
// The value is for display: printable and of limited length. To compare names use
// Equal, which compares the encoded values.
func (n Name) Get(id asn1.ObjectIdentifier) string {
	for _, v := range n.values(id) {
		if v = printable.Text(v, maxText); v != "" {
			return v
		}
	}
	return ""
}

// All returns every value of an attribute type, in the order of the encoding, as
// one text for display. A surname or given name of several words may have one
// attribute for each word.
func (n Name) All(id asn1.ObjectIdentifier) string {
	var words []string
	for _, v := range n.values(id) {
		if v = strings.TrimSpace(printable.Text(v, maxText)); v != "" {
			words = append(words, v)
		}
	}
	return printable.Text(strings.Join(words, " "), maxText)
}

func (n Name) values(id asn1.ObjectIdentifier) []string {
	var list []string
	for _, rdn := range n {
		for _, a := range rdn {
			if a.Type.Equal(id) {
				list = append(list, a.Value)
			}
		}
	}
	return list
}

// String returns the common name, or the first value if there is none, for display.
func (n Name) String() string {
	if cn := n.Get(CommonName); cn != "" {
		return cn
	}
	for _, rdn := range n {
		for _, a := range rdn {
			return printable.Text(a.Value, maxText)
		}
	}
	return ""
}

// Equal compares names as RFC 5280, 7.1 requires: string types, letter case and
// repeated spaces make no difference. Document signers in the field name their
// issuer with other string types than the issuer's certificate.
func (n Name) Equal(o Name) bool {
	return slices.EqualFunc(n, o, func(a, b []Attribute) bool {
		return slices.Equal(folded(a), folded(b))
	})
}

func folded(rdn []Attribute) []string {
	out := make([]string, 0, len(rdn))
	for _, a := range rdn {
		out = append(out, a.Type.String()+"="+strings.ToLower(strings.Join(strings.Fields(a.Value), " ")))
	}
	slices.Sort(out)
	return out
}
