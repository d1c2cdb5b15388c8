package gui

import (
	"context"
	"errors"
	"image"
	"image/color"
	"path/filepath"
	"slices"
	"strings"

	"cie/card"
)

// fakeSigning is the part of the fake that signs documents. The name of a file says
// what is wrong with it.
type fakeSigning struct {
	*fake
	drawn chan struct{} // drawing waits here if not nil
	// between is called before each document; its error is that of the card.
	between func(index int) error
	jobs    []SigningJob
	signed  []string
}

func (f *fakeSigning) Examine(_ context.Context, file string, format DocumentFormat) Candidate {
	base := filepath.Base(file)
	c := Candidate{Path: file, Size: 1_234_567, PDF: strings.HasSuffix(base, ".pdf"), Format: FormatP7M}
	if c.PDF {
		c.Format, c.Pages = FormatPDF, []PageSize{{595, 842}, {595, 842}, {842, 595}, {595, 842}}
	}
	if format != "" {
		c.Format = format
	}
	if strings.HasPrefix(base, "signed") {
		c.Signed = []Signer{{Name: "LUCA BIANCHI", At: testNow}}
	}
	if reason, ok := strings.CutPrefix(strings.TrimSuffix(base, filepath.Ext(base)), "bad-"); ok && c.Format == FormatPDF {
		c.Refused = Refusal(reason)
	}
	return c
}

func (f *fakeSigning) CheckPicture(file string) (image.Image, error) {
	if !strings.HasSuffix(file, ".png") {
		return nil, errors.New("no picture")
	}
	return image.NewGray(image.Rect(0, 0, 40, 20)), nil
}

func (f *fakeSigning) CheckAuthority(address string) error {
	if !strings.HasPrefix(address, "https://") {
		return errors.New("no address")
	}
	return nil
}

func (f *fakeSigning) DrawPage(ctx context.Context, file string, page, width int) (image.Image, error) {
	if f.drawn != nil {
		select {
		case <-f.drawn:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if strings.Contains(file, "strange") {
		return nil, errors.New("the renderer cannot draw it")
	}
	img := image.NewRGBA(image.Rect(0, 0, width, width*842/595))
	for i := range img.Pix {
		img.Pix[i] = 0xFF
	}
	img.Set(page, page, color.Black)
	return img, nil
}

func (f *fakeSigning) SignDocuments(ctx context.Context, reader string, pin []byte, job SigningJob, o CodeOptions, update func(SigningUpdate)) error {
	f.mu.Lock()
	f.jobs = append(f.jobs, job)
	f.mu.Unlock()
	if _, err := f.operate(ctx, "sign", reader, card.PIN, pin, o); err != nil {
		return err
	}
	for i, d := range job.Documents {
		if job.Further.Err() != nil {
			return nil
		}
		update(SigningUpdate{Index: i, State: DocumentWorking})
		if f.between != nil {
			if err := f.between(i); err != nil {
				update(SigningUpdate{Index: i, State: DocumentWaiting})
				return err
			}
		}
		if strings.Contains(job.Authority, "silent") {
			update(SigningUpdate{Index: i, State: DocumentWaiting})
			return ErrNoStamp
		}
		if strings.Contains(d.Path, "changed") {
			update(SigningUpdate{Index: i, State: DocumentFailed, Refused: RefusedChanged})
			continue
		}
		out := d.Path + ".signed"
		f.mu.Lock()
		f.signed = append(f.signed, out)
		f.mu.Unlock()
		update(SigningUpdate{Index: i, State: DocumentSigned, Out: out, File: "file://" + out, Folder: "file://" + filepath.Dir(out)})
	}
	return nil
}

// signedFiles returns what was signed so far.
func (f *fakeSigning) signedFiles() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.signed)
}
