package gui

import (
	"context"
	"image"
	"time"
)

// Signing is what the page Firma asks of a Service.
type Signing interface {
	// Examine looks at a file before it is signed in a format, or in the one that suits
	// it for "". What is wrong with the file is in Candidate.Refused.
	Examine(ctx context.Context, file string, format DocumentFormat) Candidate
	// CheckPicture reports whether a file is a picture that a visible signature can show.
	CheckPicture(file string) (image.Image, error)
	// DrawPage draws a page of a PDF, counted from 1, in pixels of this width. It fails
	// for what it cannot draw.
	DrawPage(ctx context.Context, file string, page, width int) (image.Image, error)
	// CheckAuthority reports why an address cannot be that of a time stamp service; nil:
	// it can. Nothing is sent.
	CheckAuthority(address string) error
	// SignDocuments verifies the PIN and signs documents, one after the other. It calls
	// update for every step of a document. Documents that cannot be signed are refused
	// before the PIN is sent; the others are signed without them. The error is about the
	// card or the PIN, or matches ErrNoStamp; the documents that were not signed then keep
	// DocumentWaiting.
	SignDocuments(ctx context.Context, reader string, pin []byte, job SigningJob, o CodeOptions, update func(SigningUpdate)) error
}

// DocumentFormat is the format of a signed document.
type DocumentFormat string

// The formats.
const (
	FormatPDF DocumentFormat = "pdf" // a PDF with the signature inside
	FormatP7M DocumentFormat = "p7m" // an envelope for any kind of file
)

// Refusal is why a document cannot be signed. The windows have a text for each.
type Refusal string

// The refusals.
const (
	RefusedPassword   Refusal = "password"   // the PDF needs its password
	RefusedCertified  Refusal = "certified"  // its author allows no changes
	RefusedLocked     Refusal = "locked"     // an earlier signature locks it
	RefusedForbidden  Refusal = "forbidden"  // its encryption does not permit changes
	RefusedXFA        Refusal = "xfa"        // its form would hide the signature
	RefusedDamaged    Refusal = "damaged"    // it is damaged or cannot be read as what it is
	RefusedDetached   Refusal = "detached"   // signatures without their document
	RefusedPlace      Refusal = "place"      // the mark does not fit on the page
	RefusedPicture    Refusal = "picture"    // the picture of the mark cannot be used
	RefusedUnreadable Refusal = "unreadable" // the file cannot be read
	RefusedFolder     Refusal = "folder"     // the signed document cannot be written
	RefusedChanged    Refusal = "changed"    // the file was changed meanwhile
	RefusedTaken      Refusal = "taken"      // the name of the signed document was taken meanwhile
	RefusedStopped    Refusal = "stopped"    // the person ended the signing before it
)

// Candidate is a file that the person wants to sign.
type Candidate struct {
	Path string
	Size int64
	// PDF: the file is a PDF, whatever its format will be.
	PDF    bool
	Format DocumentFormat
	// Pages are the sizes of the pages of a PDF as displayed, in points of 1/72 inch.
	Pages []PageSize
	// Signed are the signatures that it has. Nothing of them was verified.
	Signed []Signer
	// Refused is why it cannot be signed in Format; "": it can.
	Refused Refusal
	Detail  string // technical, for Refused
}

// PageSize is the size of a page in points.
type PageSize struct{ Width, Height float64 }

// Signer is what a signature says about the person who made it.
type Signer struct {
	Name string    // "": it has no name
	At   time.Time // zero: it has no time
}

// SigningJob are the documents that are signed with one PIN.
type SigningJob struct {
	Documents []SigningDocument
	// Dir is the folder of the signed documents; "": beside the originals.
	Dir string
	// Suffix is added to the name of a signed PDF.
	Suffix string
	// Authority is the address of the service that stamps the signatures with the time;
	// "": none does. The service receives a digest only.
	Authority string
	// Further: when it ends, no further document is begun.
	Further context.Context
}

// SigningDocument is one document of a job.
type SigningDocument struct {
	Path   string
	Format DocumentFormat
	// Mark is visible on a page of a PDF; nil: none.
	Mark *Mark
}

// Mark is a visible signature.
type Mark struct {
	Page int // from 1
	// X and Y are the lower left corner, in points from that of the page as displayed.
	X, Y, Width, Height float64
	// Picture is the file of a picture; "": none.
	Picture string
	// Text returns the text in the mark.
	Text func(name string, at time.Time) string
}

// DocumentState is how far the signature of a document is.
type DocumentState int

// The states of a document.
const (
	DocumentWaiting DocumentState = iota
	DocumentWorking
	DocumentSigned
	DocumentFailed
)

// SigningUpdate is a step of one document.
type SigningUpdate struct {
	Index int // in the job
	State DocumentState
	// Out is the signed document. File and Folder are the addresses of it and of its
	// folder, for other programs.
	Out, File, Folder string
	// Refused and Detail are the reasons of DocumentFailed.
	Refused Refusal
	Detail  string
}
