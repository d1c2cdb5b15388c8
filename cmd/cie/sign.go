package main

import (
	"cmp"
	"context"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cie/card/ades/cms"
	"cie/card/ades/pdf"
	"cie/card/identity"
	"cie/cmd/internal/documents"
	"cie/cmd/internal/online"
	"cie/cmd/internal/tty"
)

// signJSON is the answer of "cie sign --json".
type signJSON struct {
	Reader string `json:"reader"`
	NIS    string `json:"nis"`
	levelJSON
	Files []signedJSON `json:"files"`
}

// signedJSON is one signed document.
type signedJSON struct {
	File    string `json:"file"`
	Out     string `json:"out"`
	Format  string `json:"format"`
	Digest  string `json:"digest"`
	Stamped bool   `json:"stamped"`
}

// signFlags are the options of "cie sign".
type signFlags struct {
	codes          codeFlags
	format, hash   string
	out, outDir    string
	tsa            string
	detached, wrap bool
	pdf            pdfFlags
}

// signFormats are the values of --format but for raw.
var signFormats = []string{formatP7M, formatPDF}

const (
	formatP7M = string(documents.P7M)
	formatPDF = string(documents.PDF)
	formatRaw = "raw"
)

// formatFor returns the name of the format for a file: a PDF is signed as one,
// unless an option needs p7m.
func formatFor(f *signFlags, file string) string {
	switch {
	case f.format != "":
		return f.format
	case f.detached || f.wrap:
		return formatP7M
	}
	return string(documents.FormatOf(file))
}

func (a *app) signCommand() *cobra.Command {
	f := &signFlags{}
	c := &cobra.Command{
		Use:   "sign FILE...",
		Short: a.text("cmd.sign.short"),
		Long:  a.text("cmd.sign.long"),
		Example: strings.Join([]string{
			"cie sign letter.pdf",
			"cie sign *.pdf list.csv --out-dir signed",
			"cie sign letter.pdf --page last --at bottom-right --show name,date",
			"cie verify letter-signed.pdf --online",
			"cie sign letter.txt --format raw --out letter.sig",
		}, "\n"),
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.hint(c, a.usage("sign.files-missing"))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.checkSign(c, f, args); err != nil {
				return err
			}
			if f.format == formatRaw {
				return a.signRaw(c.Context(), &f.codes, args[0], f.hash, f.out)
			}
			return a.sign(c.Context(), f, args)
		},
	}
	formats := append(slices.Clone(signFormats), formatRaw)
	c.Flags().StringVar(&f.format, "format", "", a.text("flag.format"))
	c.Flags().StringVar(&f.hash, "hash", "", a.text("flag.hash"))
	c.Flags().StringVar(&f.out, "out", "", a.text("flag.sign-out"))
	c.Flags().StringVar(&f.outDir, "out-dir", "", a.text("flag.out-dir"))
	c.Flags().StringVar(&f.tsa, "tsa", "", a.text("flag.tsa"))
	c.Flags().BoolVar(&f.detached, "detached", false, a.text("flag.detached"))
	c.Flags().BoolVar(&f.wrap, "wrap", false, a.text("flag.wrap"))
	_ = c.RegisterFlagCompletionFunc("hash", cobra.FixedCompletions(slices.Sorted(maps.Keys(hashes)), cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	_ = c.MarkFlagDirname("out-dir")
	f.pdf.add(a, c)
	f.codes.addPIN(a, c)
	return c
}

// checkSign refuses options that cannot be meant.
func (a *app) checkSign(c *cobra.Command, f *signFlags, files []string) error {
	formats := append(slices.Clone(signFormats), formatRaw)
	if f.hash != "" && f.format == "" {
		f.format = formatRaw
	}
	if f.format != "" && !slices.Contains(formats, f.format) {
		return a.hint(c, a.usage("usage.choice", "format", strings.Join(formats, ", ")))
	}
	together := func(one, other string) error { return a.hint(c, a.usage("usage.not-together", one, other)) }
	if f.format == formatRaw {
		f.hash = cmp.Or(f.hash, "sha256")
		if _, ok := hashes[f.hash]; !ok {
			return a.hint(c, a.usage("usage.choice", "hash", strings.Join(slices.Sorted(maps.Keys(hashes)), ", ")))
		}
		for _, name := range append([]string{"out-dir", "tsa", "detached", "wrap"}, pdfOnly...) {
			if c.Flags().Changed(name) {
				return together("format="+formatRaw, name)
			}
		}
		if len(files) > 1 {
			return a.hint(c, a.usage("usage.one-file", "format="+formatRaw))
		}
		if f.out == "" && !a.json && tty.IsTerminal(a.stdout) {
			return a.usage("error.binary")
		}
		return nil
	}
	switch {
	case f.hash != "":
		return together("hash", "format="+f.format)
	case slices.Contains(files, "-"):
		return a.hint(c, a.usage("sign.stdin"))
	case f.out != "" && len(files) > 1:
		return a.hint(c, a.usage("usage.one-file", "out"))
	case f.out != "" && f.outDir != "":
		return together("out", "out-dir")
	case f.tsa != "" && online.CheckURL(f.tsa) != nil:
		return a.hint(c, a.usage("usage.address", f.tsa))
	}
	for _, name := range []string{"detached", "wrap"} {
		if f.format == formatPDF && c.Flags().Changed(name) {
			return together("format="+formatPDF, name)
		}
	}
	if !slices.ContainsFunc(files, func(file string) bool { return formatFor(f, file) == formatPDF }) {
		for _, name := range pdfOnly {
			if c.Flags().Changed(name) {
				return a.hint(c, a.usage("usage.only-pdf", name))
			}
		}
	}
	return f.pdf.check(a, c)
}

// signTask is one document on its way.
type signTask struct {
	file, out, format string
	document          documents.Document
}

// naming are the names of signed documents where --out gives none.
var naming = documents.Naming{Suffix: "-signed", Number: "-%d"}

// sign signs documents. The files come first: no PIN is asked for a file
// that cannot be read, or whose signed document could not be written.
func (a *app) sign(ctx context.Context, f *signFlags, files []string) error {
	defer func() { clear(f.pdf.secret) }()
	if err := a.readPassword(ctx, &f.pdf); err != nil {
		return err
	}
	var tasks []signTask
	outputs := documents.Outputs{Dir: f.outDir, Naming: naming}
	for _, file := range files {
		t := signTask{file: file, out: f.out, format: formatFor(f, file)}
		var err error
		t.document, err = documents.Prepare(ctx, file, a.signOptions(f, t))
		a.bar.clear()
		if err == nil && f.out != "" {
			err = outputs.Use(f.out)
		} else if err == nil {
			t.out, err = outputs.Choose(file, t.document)
		}
		if err != nil {
			return a.documentProblem(err, file)
		}
		tasks = append(tasks, t)
	}
	return a.withPIN(ctx, &f.codes, func(u *inUse) error { return a.signAll(ctx, u, f, tasks) })
}

// signOptions returns how a document is signed.
func (a *app) signOptions(f *signFlags, t signTask) documents.Options {
	return documents.Options{
		Format: documents.Format(t.format), Detached: f.detached, Wrap: f.wrap, Stamped: f.tsa != "", Now: a.now,
		PDF:      func(signer string, at time.Time) pdf.Options { return a.pdfOptions(&f.pdf, signer, at) },
		Progress: a.reading(t.file),
	}
}

// signAll signs the documents with the card whose PIN was verified.
func (a *app) signAll(ctx context.Context, u *inUse, f *signFlags, tasks []signTask) error {
	answer := signJSON{Reader: u.reader, NIS: u.session.NIS(), levelJSON: u.levelJSON()}
	signer, err := a.documentSigner(ctx, u)
	for i := 0; err == nil && i < len(tasks); i++ {
		var done signedJSON
		if done, err = a.signOne(ctx, f, signer, tasks[i]); err == nil {
			answer.Files = append(answer.Files, done)
			if !a.json {
				a.bar.clear()
				a.println(a.text("sign.signed", printable(tasks[i].file), printable(tasks[i].out)))
			}
		}
	}
	if err != nil {
		return a.signStopped(err, answer.Files, tasks[len(answer.Files):])
	}
	if a.json {
		return a.printJSON(answer)
	}
	return nil
}

// documentSigner reads the certificate and returns the card as a signer.
func (a *app) documentSigner(ctx context.Context, u *inUse) (cms.Signer, error) {
	var s cms.Signer
	err := a.onCard(func() error {
		certificate, err := u.session.Certificate(ctx)
		if err != nil {
			return err
		}
		key, err := u.session.Signer(ctx)
		s = documents.Signer(certificate, cardKey{a, key})
		return err
	})
	if err != nil {
		return s, err
	}
	if id, err := identity.Parse(s.Certificate); err == nil && id.ValidityAt(a.now()) >= identity.InGrace {
		a.note(a.wrapOut(a.text("sign.expired", a.date(id.NotAfter.Local())), ""))
	}
	return s, nil
}

// cardKey shows the card at work while it signs.
type cardKey struct {
	a *app
	crypto.Signer
}

// Sign implements crypto.Signer.
func (k cardKey) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) (signature []byte, err error) {
	err = k.a.onCard(func() error {
		signature, err = k.Signer.Sign(rand, digest, opts)
		return err
	})
	return signature, err
}

func (a *app) signOne(ctx context.Context, f *signFlags, s cms.Signer, t signTask) (signedJSON, error) {
	o := cms.Options{Time: a.now()}
	if f.tsa != "" {
		o.Timestamp = documents.Timestamp(ctx, f.tsa)
	}
	if err := documents.Sign(ctx, t.document, t.out, s, o); err != nil {
		return signedJSON{}, a.documentProblem(err, t.file)
	}
	return signedJSON{File: t.file, Out: t.out, Format: t.format, Digest: hex.EncodeToString(t.document.Digest()), Stamped: f.tsa != ""}, nil
}

// documentProblem puts the errors of package documents into words. Others, such as
// those of the card, it returns as they are.
func (a *app) documentProblem(err error, file string) error {
	failed := func(t string, args ...any) *problem { return a.problem("failed", exitFailed, t, args...) }
	if e, ok := errors.AsType[*documents.FileError](err); ok {
		switch {
		case e.Op == documents.OpRegular:
			return failed("error.not-a-file", e.Name)
		case e.Op == documents.OpTwice:
			return a.problem("exists", exitFailed, "sign.same-output", e.Name)
		case e.Op == documents.OpWrite && errors.Is(e, fs.ErrExist):
			return a.problem("exists", exitFailed, "error.exists", e.Name)
		case e.Op == documents.OpWrite:
			return failed("error.write", e.Name, cause(e.Err))
		}
		return failed("error.read", e.Name, cause(e.Err))
	}
	if e, ok := errors.AsType[*documents.StampError](err); ok {
		p := a.problem("time-stamp", exitFailed, "sign.no-stamp", e.URL)
		p.Detail = e.Err.Error()
		return p.do(a.text("sign.no-stamp.do"), fmt.Sprintf("  %v", e.Err))
	}
	if e, ok := errors.AsType[*documents.PDFError](err); ok {
		return a.pdfProblem(e.Err, file)
	}
	if e, ok := errors.AsType[*documents.MessageError](err); ok {
		return failed("sign.broken", file, e.Err)
	}
	switch {
	case errors.Is(err, documents.ErrDetached):
		return failed("sign.detached", file).do(a.text("sign.detached.do"))
	case errors.Is(err, documents.ErrChanged):
		return failed("sign.changed", file)
	}
	return err
}

// signStopped explains what ended the work, and names the files that are not signed.
func (a *app) signStopped(err error, done []signedJSON, rest []signTask) error {
	r := a.explain(err)
	if got := a.guard.received(); got != nil && errors.Is(err, context.Canceled) {
		r = a.explain(got)
	}
	p := &problem{r}
	p.Signed = done
	for _, t := range rest {
		p.NotSigned = append(p.NotSigned, t.file)
	}
	if n := len(done); n > 0 {
		p.do(a.count("sign.whole", n))
	}
	if n := len(rest); n > 0 {
		p.do(a.text("sign.not-signed"))
		for _, t := range rest {
			p.do("  " + printable(t.file))
		}
	}
	return p
}

// showReading shows how far a file was read.
func (a *app) showReading(file string, done, size int64) {
	if size > 0 {
		a.bar.show(int(100*done/size)+1, 100, a.text("sign.hashing", printable(filepath.Base(file))))
	}
}

// reading returns what shows how far a large file was read, about ten times a second.
func (a *app) reading(file string) func(done, size int64) {
	var shown time.Time
	return func(done, size int64) {
		if now := time.Now(); size > 1<<24 && now.Sub(shown) > 100*time.Millisecond {
			a.showReading(file, done, size)
			shown = now
		}
	}
}
