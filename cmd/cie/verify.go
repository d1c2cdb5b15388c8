package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cie/card/ades"
	"cie/cmd/internal/documents"
	"cie/cmd/internal/online"
)

// verifyFlags are the options of "cie verify".
type verifyFlags struct {
	at, extract, content string
	online               bool
	trust                []string
	signature            int
	pdf                  pdfFlags // the password
}

// verifyJSON is the answer of "cie verify --json".
type verifyJSON struct {
	State string          `json:"state"`
	Files []*verifiedJSON `json:"files"`
}

func (a *app) verifyCommand() *cobra.Command {
	f := &verifyFlags{}
	c := &cobra.Command{
		Use:   "verify FILE...",
		Short: a.text("cmd.verify.short"),
		Long:  a.text("cmd.verify.long"),
		Example: strings.Join([]string{
			"cie verify letter-signed.pdf list.csv.p7m --online",
			"cie verify letter.pdf.p7m --extract letter.pdf",
			"cie verify letter.pdf.p7s --content letter.pdf",
		}, "\n"),
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return a.hint(c, a.usage("sign.files-missing"))
			case len(args) > 1 && f.extract != "":
				return a.hint(c, a.usage("usage.one-file", "extract"))
			case len(args) > 1 && f.content != "":
				return a.hint(c, a.usage("usage.one-file", "content"))
			case f.signature != 0 && f.extract == "":
				return a.hint(c, a.usage("usage.needs-option", "signature", "extract"))
			case f.signature < 0:
				return a.hint(c, a.usage("verify.no-signature", f.signature))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.verify(c.Context(), f, args) },
	}
	c.Flags().StringVar(&f.at, "at", "", a.text("flag.at-time"))
	c.Flags().BoolVar(&f.online, "online", false, a.text("flag.online"))
	c.Flags().StringArrayVar(&f.trust, "trust", nil, a.text("flag.trust"))
	c.Flags().StringVar(&f.extract, "extract", "", a.text("flag.extract"))
	c.Flags().StringVar(&f.content, "content", "", a.text("flag.content"))
	c.Flags().IntVar(&f.signature, "signature", 0, a.text("flag.signature"))
	f.pdf.addPassword(a, c)
	return c
}

// verifier returns the judge that the options ask for.
func (a *app) verifier(f *verifyFlags) (*ades.Verifier, error) {
	v := &ades.Verifier{Anchors: ades.BuiltinAnchors(), Now: a.now()}
	for _, name := range f.trust {
		if err := v.Anchors.AddPath(name); err != nil {
			return nil, a.usage("error.anchor", name, cause(err))
		}
	}
	if f.at != "" {
		at, err := time.Parse(time.RFC3339, f.at)
		if err != nil {
			at, err = time.ParseInLocation(time.DateOnly, f.at, time.Local)
		}
		if err != nil {
			return nil, a.usage("usage.date", f.at)
		}
		v.At = at
	}
	if f.online {
		v.Fetcher = &online.Client{}
	}
	return v, nil
}

func (a *app) verify(ctx context.Context, f *verifyFlags, files []string) error {
	v, err := a.verifier(f)
	if err != nil {
		return err
	}
	if f.extract != "" {
		if err := documents.CanCreate(f.extract); err != nil {
			return a.documentProblem(err, f.extract)
		}
	}
	defer func() { clear(f.pdf.secret) }()
	if err := a.readPassword(ctx, &f.pdf); err != nil {
		return err
	}
	answer := verifyJSON{}
	states := map[string]bool{}
	for _, file := range files {
		one, err := a.verifyFile(ctx, v, f, file)
		a.bar.clear()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			if len(files) == 1 {
				return err
			}
			r := a.explain(err)
			one = &verifiedJSON{File: file, Error: &r}
			if !a.json {
				a.printReport(r)
			}
		} else if !a.json {
			a.printVerified(one)
		}
		states[one.state()] = true
		answer.Files = append(answer.Files, one)
	}
	code := exitOK
	answer.State = ades.Valid.String()
	switch {
	case states[ades.Invalid.String()]:
		code, answer.State = exitInvalid, ades.Invalid.String()
	case states[stateError]:
		code, answer.State = exitFailed, ades.Unknown.String()
	case states[ades.Unknown.String()]:
		code, answer.State = exitUnsaid, ades.Unknown.String()
	}
	if a.json {
		if err := a.printJSON(answer); err != nil {
			return err
		}
	}
	if code != exitOK {
		return &reported{code}
	}
	return nil
}

// verifyFile verifies one file.
func (a *app) verifyFile(ctx context.Context, v *ades.Verifier, f *verifyFlags, file string) (*verifiedJSON, error) {
	found, err := documents.Verify(ctx, file, documents.VerifyOptions{
		Verifier: v, Password: f.pdf.secret, Content: f.content,
		Progress: func(name string, done, size int64) { a.reading(name)(done, size) },
	})
	if err != nil {
		return nil, a.documentProblem(err, file)
	}
	defer found.Close()
	var one *verifiedJSON
	if found.PDF != nil {
		one, err = a.verifiedPDF(f, file, found.PDF)
	} else {
		one = describeReport(found.Message)
		one.State = found.State().String()
		one.Content = found.Content
		if found.Inside != nil && len(found.Inside.Signatures) > 0 {
			one.innermost().Inner = describePDFReport(found.Inside)
		}
	}
	if err != nil {
		return nil, err
	}
	one.File = file
	if f.extract != "" {
		if err := a.extract(ctx, found, f, one); err != nil {
			return nil, err
		}
	}
	return one, nil
}

// extract writes what was signed to a new file.
func (a *app) extract(ctx context.Context, found *documents.Verified, f *verifyFlags, one *verifiedJSON) error {
	n := 0
	if found.PDF != nil {
		if n = cmp.Or(f.signature, len(found.PDF.Signatures)); n > len(found.PDF.Signatures) {
			return a.usage("verify.no-signature", n)
		}
	}
	err := found.Extract(ctx, n, f.extract)
	switch {
	case errors.Is(err, documents.ErrNothing) && n > 0:
		return a.problem("failed", exitFailed, "pdf.no-revision", found.File, n)
	case errors.Is(err, documents.ErrNothing):
		return a.problem("failed", exitFailed, "verify.no-document", found.File)
	case err != nil:
		return a.documentProblem(err, found.File)
	}
	one.Extracted, one.Revision = f.extract, n
	return nil
}

const stateError = "error"

// verifiedJSON is what was found in one file.
type verifiedJSON struct {
	File       string           `json:"file,omitempty"`
	State      string           `json:"state,omitempty"`
	Encoding   string           `json:"encoding,omitempty"`
	Detached   bool             `json:"detached,omitempty"`
	Content    string           `json:"content,omitempty"`
	Extracted  string           `json:"extracted,omitempty"`
	Signatures []*signatureJSON `json:"signatures,omitempty"`
	Inner      *verifiedJSON    `json:"inner,omitempty"`
	Revision   int              `json:"revision,omitempty"` // of a PDF: the signature whose revision was extracted
	Error      *report          `json:"error,omitempty"`
}

func (v *verifiedJSON) state() string {
	if v.Error != nil {
		return stateError
	}
	return v.State
}

// innermost returns the message in the last envelope.
func (v *verifiedJSON) innermost() *verifiedJSON {
	for v.Inner != nil {
		v = v.Inner
	}
	return v
}

type signatureJSON struct {
	State        string           `json:"state"`
	Reasons      []ades.Reason    `json:"reasons"`
	Intact       bool             `json:"intact"`
	Trusted      bool             `json:"trusted"`
	Name         string           `json:"name,omitempty"`
	FiscalCode   string           `json:"fiscal_code,omitempty"`
	Organization string           `json:"organization,omitempty"`
	Issuer       string           `json:"issuer,omitempty"`
	Serial       string           `json:"serial,omitempty"`
	NotBefore    string           `json:"not_before,omitempty"`
	NotAfter     string           `json:"not_after,omitempty"`
	Purpose      ades.Purpose     `json:"purpose,omitempty"`
	Hash         string           `json:"hash,omitempty"`
	Time         string           `json:"time"`
	TimeKind     ades.TimeKind    `json:"time_kind"`
	Claimed      string           `json:"claimed,omitempty"`
	Stamps       []stampJSON      `json:"stamps,omitempty"`
	Level        string           `json:"level,omitempty"`
	Revocation   revocationJSON   `json:"revocation"`
	Counter      []*signatureJSON `json:"counter_signatures,omitempty"`

	*inPDF
}

type stampJSON struct {
	Time      string `json:"time,omitempty"`
	Intact    bool   `json:"intact"`
	Trusted   bool   `json:"trusted"`
	Authority string `json:"authority,omitempty"`
}

type revocationJSON struct {
	State  ades.RevocationState `json:"state"`
	Source string               `json:"source,omitempty"`
	Inside bool                 `json:"inside,omitempty"`
	Date   string               `json:"date,omitempty"`
	At     string               `json:"at,omitempty"`
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func describeReport(r *ades.Report) *verifiedJSON {
	v := &verifiedJSON{State: r.State().String(), Encoding: string(r.Message.Encoding), Detached: r.Detached}
	for _, x := range r.Results {
		v.Signatures = append(v.Signatures, describeResult(x))
	}
	if r.Inner != nil {
		v.Inner = describeReport(r.Inner)
	}
	return v
}

func describeResult(r *ades.Result) *signatureJSON {
	s := &signatureJSON{
		State: r.State.String(), Reasons: r.Reasons, Intact: r.Intact, Trusted: r.Trusted,
		Name: r.Signer.Name, FiscalCode: r.Signer.FiscalCode, Organization: r.Signer.Organization,
		Issuer: r.Signer.Issuer, Serial: r.Signer.Serial,
		NotBefore: stamp(r.Signer.NotBefore), NotAfter: stamp(r.Signer.NotAfter), Purpose: r.Purpose,
		Time: stamp(r.Time), TimeKind: r.TimeKind, Claimed: stamp(r.Claimed), Level: r.Level,
		Revocation: revocationJSON{State: cmp.Or(r.Revocation.State, ades.RevocationNotAsked), Source: r.Revocation.Source, Inside: r.Revocation.Inside,
			Date: stamp(r.Revocation.Date), At: stamp(r.Revocation.At)},
	}
	if s.Reasons == nil {
		s.Reasons = []ades.Reason{}
	}
	if r.Hash != 0 {
		s.Hash = strings.ToLower(strings.ReplaceAll(fmt.Sprint(r.Hash), "-", ""))
	}
	for _, t := range r.Stamps {
		s.Stamps = append(s.Stamps, stampJSON{stamp(t.Time), t.Intact, t.Trusted, t.Authority})
	}
	for _, c := range r.Counter {
		s.Counter = append(s.Counter, describeResult(c))
	}
	return s
}
