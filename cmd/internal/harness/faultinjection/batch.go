package faultinjection

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"cie/card"
	"cie/card/ades"
	"cie/card/ades/cms"
	"cie/card/ades/pdf"
	"cie/cmd/internal/documents"
)

// batch returns the documents that are signed with one PIN, by name.
var batch = sync.OnceValue(func() map[string][]byte {
	var sheet bytes.Buffer
	if err := pdf.WriteSheets(&sheet, "letter", "en", time.Unix(0, 0), []pdf.Paragraph{{Text: "letter"}}); err != nil {
		panic(err) // a constant
	}
	return map[string][]byte{"a.txt": []byte("first"), "letter.pdf": sheet.Bytes(), "z.txt": []byte("last")}
})

// documentBatch is the operation that writes files.
const documentBatch = "document batch"

// naming of the signed documents.
var naming = documents.Naming{Suffix: "-signed", Number: "-%d"}

// signDocuments signs the documents of a folder, as the command line and the window do.
func signDocuments(ctx context.Context, u *use, m memory) error {
	outputs := documents.Outputs{Naming: naming}
	type task struct {
		document documents.Document
		out      string
	}
	var tasks []task
	for _, name := range slices.Sorted(maps.Keys(batch())) {
		file := filepath.Join(u.folder, name)
		d, err := documents.Prepare(ctx, file, documents.Options{Format: documents.FormatOf(file)})
		if err != nil {
			return err
		}
		out, err := outputs.Choose(file, d)
		if err != nil {
			return err
		}
		tasks = append(tasks, task{d, out})
	}
	return verified(func(ctx context.Context, s *card.Session) error {
		certificate, err := s.Certificate(ctx)
		if err != nil {
			return err
		}
		key, err := s.Signer(ctx)
		if err != nil {
			return err
		}
		for _, t := range tasks {
			if err := documents.Sign(ctx, t.document, t.out, documents.Signer(certificate, key), cms.Options{Time: time.Now()}); err != nil {
				return err
			}
		}
		return nil
	})(ctx, u, m)
}

// writeBatch puts the documents into a new folder.
func writeBatch(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for name, content := range batch() {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// judgeBatch checks that a folder has the documents, signed documents that are whole,
// all of them if complete, and nothing else.
func judgeBatch(ctx context.Context, folder string, complete bool) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	signed := 0
	for _, e := range entries {
		if _, ok := batch()[e.Name()]; ok {
			continue
		}
		signed++
		if err := judgeSigned(ctx, filepath.Join(folder, e.Name())); err != nil {
			return err
		}
	}
	if complete && signed != len(batch()) {
		return fmt.Errorf("%d of %d documents signed", signed, len(batch()))
	}
	return nil
}

func judgeSigned(ctx context.Context, file string) error {
	v, err := documents.Verify(ctx, file, documents.VerifyOptions{Verifier: &ades.Verifier{}})
	if err != nil {
		return fmt.Errorf("a file is left that is no signed document: %w", err)
	}
	defer v.Close()
	if v.PDF != nil && len(v.PDF.Signatures) != 1 || v.Message != nil && len(v.Message.Results) != 1 {
		return errors.New("not one signature in " + file)
	}
	if v.State() == ades.Invalid {
		return errors.New("an invalid signature in " + file)
	}
	return nil
}
