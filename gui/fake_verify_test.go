package gui

import (
	"context"
	"path/filepath"
	"sync"

	"cie/card/ades/pdf"
)

// fakeVerifying has the results of verifications by the name of the file.
type fakeVerifying struct {
	mu      sync.Mutex
	results map[string]*Verification
	errs    map[string]error
	asked   map[string]*Verification // with VerifyOptions.Ask
	opts    []VerifyOptions
	wait    chan struct{} // VerifyFile waits here if not nil
	ended   chan struct{} // gets a value for each VerifyFile that was stopped there
	saved   [][]pdf.Paragraph
	out     []int // the numbers of what was extracted
	failing error // of extracting and saving
}

func (f *fakeVerifying) VerifyFile(ctx context.Context, path string, o VerifyOptions) (*Verification, error) {
	f.mu.Lock()
	f.opts = append(f.opts, o)
	wait := f.wait
	f.mu.Unlock()
	o.Progress(50, 100)
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			if f.ended != nil {
				f.ended <- struct{}{}
			}
			return nil, ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	name := filepath.Base(path)
	if err := f.errs[name]; err != nil && o.Password != testPassword {
		return nil, err
	}
	v := f.results[name]
	if o.Ask && f.asked[name] != nil {
		v = f.asked[name]
	}
	if v == nil {
		v = &Verification{}
	}
	v.Path = path
	return v, nil
}

const testPassword = "segreta"

func (f *fakeVerifying) ExtractFile(_ context.Context, v *Verification, n int) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.out = append(f.out, n)
	return v.Path + "-out.pdf", f.failing
}

func (f *fakeVerifying) SaveVerification(v *Verification, _, _ string, report []pdf.Paragraph) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.saved = append(f.saved, report)
	return v.Path + "-report.pdf", f.failing
}
