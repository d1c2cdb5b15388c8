package gui

import (
	"context"
	"errors"
	"slices"

	"cie/card/ades"
	"cie/card/ades/pdf"
)

// Verifying is what the page Verifica asks for. Nothing is fetched but by VerifyFile
// with Ask.
type Verifying interface {
	// VerifyFile judges the signatures of a file. A file without a signature is no
	// error. Errors match ErrPassword, ErrDamaged or are those of reading.
	VerifyFile(ctx context.Context, path string, o VerifyOptions) (*Verification, error)
	// ExtractFile writes what was signed to a new file and returns its path: the
	// document of an envelope, or the revision that the n-th signature of a PDF
	// covers, counted from 1. The file is beside the signed one, or in the home
	// directory if that folder cannot be written. It replaces nothing.
	ExtractFile(ctx context.Context, v *Verification, n int) (string, error)
	// SaveVerification writes a report as a PDF beside the file or in the home
	// directory, and returns its path.
	SaveVerification(v *Verification, title, language string, report []pdf.Paragraph) (string, error)
}

// Errors of Verifying.
var (
	// ErrPassword: the PDF is encrypted, and the password is missing or wrong.
	ErrPassword = errors.New("the document needs a password")
	// ErrDamaged: the file cannot be read as what its name or its beginning says.
	ErrDamaged = errors.New("the file is damaged")
)

// VerifyOptions are the options of VerifyFile.
type VerifyOptions struct {
	// Password opens an encrypted PDF.
	Password string
	// Content is the path of the document of a detached signature; "": the file of
	// the same name without the extension.
	Content string
	// Ask asks the authorities whether certificates were revoked.
	Ask bool
	// Progress is called while the file is read; it returns at once.
	Progress func(done, size int64)
}

// Verification is what was found in one file.
type Verification struct {
	Path     string
	Password string // that opened it
	// Encoding is that of a message, "pdf" for a PDF.
	Encoding string
	// Document reports that the file is an envelope with the document inside.
	Document bool
	// Content is the path of the document of a detached signature, "" if it was not
	// found or is inside.
	Content string
	// Unread reports that the document inside is a PDF that cannot be read, so that
	// it may have signatures of its own.
	Unread bool
	// Signatures are in the order of the file, each followed by its
	// counter-signatures.
	Signatures []Signature
	// Asked reports that the authorities were asked about revocation. Hosts are the
	// names of the computers that are asked.
	Asked bool
	Hosts []string
}

// Signature is one signature, or a document time stamp of a PDF.
type Signature struct {
	*ades.Result
	// Layer is 0 for the file itself, 1 for the document in the envelope, and so on.
	Layer int
	// Counter is set for a signature of the signature before it.
	Counter bool
	// PDF is what a signature in a PDF has besides; nil in a message. Number counts
	// the signatures of that PDF from 1.
	PDF    *pdf.Signature
	Number int
}

// stamp reports whether this is a document time stamp.
func (s Signature) stamp() bool { return s.PDF != nil && s.PDF.Stamp != nil }

// Answer is what a verification says first.
type Answer int

// The answers. AnswerUnsure is the zero value, so that nothing is valid by omission.
const (
	AnswerUnsure  Answer = iota
	AnswerNone           // no signature
	AnswerValid          // every signature is valid
	AnswerFilled         // valid; fields were filled in afterwards
	AnswerOpen           // every signature belongs to its document; something else is not known
	AnswerChanged        // the document was changed after a signature
	AnswerInvalid        // a signature is not valid for another reason
)

// Answer returns the answer for all signatures together. It chooses among the
// judgements of package ades, and makes none.
func (v *Verification) Answer() Answer {
	if len(v.Signatures) == 0 {
		return AnswerNone
	}
	intact, changed, open, signed, filled := true, false, v.Unread, false, false
	state := ades.Valid
	for _, s := range v.Signatures {
		intact = intact && s.Intact
		changed = changed || has(s.Result, ades.Altered) || has(s.Result, ades.ContentChanged)
		open = open || len(s.Reasons) > 0
		signed = signed || !s.stamp()
		filled = filled || s.filled()
		switch {
		case s.State == ades.Invalid || state == ades.Invalid:
			state = ades.Invalid
		case s.State != ades.Valid:
			state = ades.Unknown
		}
	}
	switch {
	case changed:
		return AnswerChanged
	case state == ades.Invalid:
		return AnswerInvalid
	case state == ades.Valid && intact && signed && !open && filled:
		return AnswerFilled
	case state == ades.Valid && intact && signed && !open:
		return AnswerValid
	case intact:
		return AnswerOpen
	}
	return AnswerUnsure
}

func has(r *ades.Result, reason ades.Reason) bool {
	return slices.Contains(r.Reasons, reason)
}

// filled reports whether the signature allows what was filled in after it.
func (s Signature) filled() bool {
	if s.PDF == nil {
		return false
	}
	for _, c := range s.PDF.Later {
		switch c.Kind {
		case pdf.ChangeSignature, pdf.ChangeTimestamp, pdf.ChangeDSS:
		default:
			return true
		}
	}
	return false
}
