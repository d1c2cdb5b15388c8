package pdf

import (
	"errors"
	"fmt"
)

// DamagedError reports why a file is unreadable. Damaged files are not repaired,
// because a repair may show other content than was signed.
type DamagedError struct {
	Reason string
	Offset int64 // from the start of the file, or of a decompressed stream
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("damaged PDF: %s (at byte %d)", e.Reason, e.Offset)
}

var (
	// ErrNotPDF reports that the file has no PDF header.
	ErrNotPDF = errors.New("not a PDF")
	// ErrPassword reports that the file is encrypted and neither the given nor an
	// empty password opens it.
	ErrPassword = errors.New("the PDF is encrypted and needs its password")
	// ErrTooComplex reports that the document exceeds a limit of this package.
	ErrTooComplex = errors.New("the PDF exceeds the limits of what is read")
)

// UnsupportedError reports a feature without which the file cannot be read.
type UnsupportedError struct{ Feature string }

func (e *UnsupportedError) Error() string { return "unsupported in a PDF: " + e.Feature }

func damaged(offset int64, format string, args ...any) error {
	return &DamagedError{Reason: fmt.Sprintf(format, args...), Offset: offset}
}
