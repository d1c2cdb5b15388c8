package main

import (
	"crypto/x509/pkix"
	"fmt"
	"strings"

	clean "cie/apdu/printable"
)

// attributes are the short names of what names in certificates are made of
// (RFC 4514 section 3, RFC 4519).
var attributes = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
	"2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.42": "GN", "2.5.4.46": "dnQualifier",
	"2.5.4.97": "organizationIdentifier",
}

// maxValue bounds one attribute of a name, in bytes.
const maxValue = 256

// distinguishedName shows a name in the order of the certificate, also the
// parts that crypto/x509 leaves as numbers.
func distinguishedName(n pkix.Name) string {
	var parts []string
	for _, a := range n.Names {
		name := a.Type.String()
		if short := attributes[name]; short != "" {
			name = short
		}
		parts = append(parts, name+"="+escapeName.Replace(clean.Text(fmt.Sprint(a.Value), maxValue)))
	}
	return strings.Join(parts, ", ")
}

// escapeName keeps a value from looking like two.
var escapeName = strings.NewReplacer(`\`, `\\`, `,`, `\,`, `+`, `\+`)
