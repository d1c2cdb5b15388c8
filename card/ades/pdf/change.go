package pdf

// ChangeKind says what a later revision changed. The values are stable: JSON
// and the catalogues of texts use them.
type ChangeKind string

// Changes that do not change what was signed.
const (
	ChangeSignature ChangeKind = "signature" // a further signature
	ChangeTimestamp ChangeKind = "timestamp" // a document time stamp
	ChangeDSS       ChangeKind = "dss"       // certificates and revocation values
	ChangeField     ChangeKind = "field"     // a form field was filled in
	ChangeNewField  ChangeKind = "new-field" // an empty signature field, which shows nothing
	ChangeMetadata  ChangeKind = "metadata"  // title, author, metadata, structure for accessibility
)

// Changes that may hide or replace what was signed.
const (
	ChangePages      ChangeKind = "pages"      // pages were added, removed or moved
	ChangeContent    ChangeKind = "content"    // what a page shows
	ChangeAnnotation ChangeKind = "annotation" // annotations were added, removed or changed
	ChangeAppearance ChangeKind = "appearance" // how a field or annotation looks
	ChangeLocked     ChangeKind = "locked"     // a change that a signature had forbidden
	ChangeCatalog    ChangeKind = "catalog"    // layers, actions, attachments, or other parts of the document
	ChangeUnknown    ChangeKind = "unknown"    // data that cannot be compared
)

// Change is a change that a revision after the signature made.
type Change struct {
	Kind    ChangeKind
	Allowed bool   // it does not change what was signed
	Page    int    // where it is, 0 for none
	Field   string // the field that it is about
	Detail  string // a new value, or the part of the document
}

// maxChanges bounds how many changes of one revision are listed.
const maxChanges = 100
