package pdf

// ChangeKind is the kind of change that a later revision made. The values are
// stable: JSON and the catalogues of texts use them.
type ChangeKind string

// Changes that do not affect the signed content.
const (
	ChangeSignature ChangeKind = "signature" // a further signature
	ChangeTimestamp ChangeKind = "timestamp" // a document time stamp
	ChangeDSS       ChangeKind = "dss"       // certificates and revocation values
	ChangeField     ChangeKind = "field"     // a form field was filled in
	ChangeNewField  ChangeKind = "new-field" // an empty signature field without appearance
	ChangeMetadata  ChangeKind = "metadata"  // title, author, metadata, structure for accessibility
)

// Changes that may hide or replace signed content.
const (
	ChangePages      ChangeKind = "pages"      // pages were added, removed or moved
	ChangeContent    ChangeKind = "content"    // the content of a page
	ChangeAnnotation ChangeKind = "annotation" // annotations were added, removed or changed
	ChangeAppearance ChangeKind = "appearance" // the appearance of a field or annotation
	ChangeLocked     ChangeKind = "locked"     // a change that a signature forbids
	ChangeCatalog    ChangeKind = "catalog"    // layers, actions, attachments, or other parts of the document
	ChangeUnknown    ChangeKind = "unknown"    // data that cannot be compared
)

// Change is a change that a revision after the signature made.
type Change struct {
	Kind    ChangeKind
	Allowed bool   // it does not affect the signed content
	Page    int    // its page, 0 if it has none
	Field   string // the field that changed
	Detail  string // a new value, or the part of the document
}

// maxChanges limits the changes listed for one revision.
const maxChanges = 100
