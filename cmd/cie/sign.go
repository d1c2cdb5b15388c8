package main

import (
	"cmp"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cie/card/ades"
	"cie/card/ades/cms"
	"cie/card/ades/tsp"
	"cie/card/identity"
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

// signFormat makes signed documents of one kind.
type signFormat interface {
	// prepare reads a document before the card is touched. What must be refused
	// is refused here.
	prepare(ctx context.Context, a *app, file string, f *signFlags) (unsigned, error)
}

// unsigned is a document that lacks nothing but the signature.
type unsigned interface {
	// suggest returns names for the signed document, the best first, without a directory.
	suggest() func(n int) string
	digest() []byte
	// sign signs and writes the signed document to w.
	sign(a *app, s cms.Signer, o cms.Options, w io.Writer) error
}

// signFormats are the values of --format but for raw.
var signFormats = map[string]signFormat{"p7m": p7mFormat{}, formatPDF: pdfFormat{}}

// formatFor returns the name of the format for a file: a PDF is signed as one,
// unless an option asks for what only p7m has.
func formatFor(f *signFlags, file string) string {
	switch {
	case f.format != "":
		return f.format
	case !f.detached && !f.wrap && isPDFFile(file):
		return formatPDF
	}
	return "p7m"
}

const formatRaw = "raw"

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
	formats := append(slices.Sorted(maps.Keys(signFormats)), formatRaw)
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
	formats := append(slices.Sorted(maps.Keys(signFormats)), formatRaw)
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
	document          unsigned
}

// sign signs documents. The files come first: no PIN is asked for a file
// that cannot be read, or whose signed document could not be written.
func (a *app) sign(ctx context.Context, f *signFlags, files []string) error {
	defer func() { clear(f.pdf.secret) }()
	if err := a.readPassword(ctx, &f.pdf); err != nil {
		return err
	}
	var tasks []signTask
	taken := make(map[string]bool)
	for _, file := range files {
		format := formatFor(f, file)
		document, err := signFormats[format].prepare(ctx, a, file, f)
		a.bar.clear()
		if err != nil {
			return err
		}
		out, err := a.signedName(f, file, document, taken)
		if err != nil {
			return err
		}
		tasks = append(tasks, signTask{file, out, format, document})
	}
	return a.withPIN(ctx, &f.codes, func(u *inUse) error { return a.signAll(ctx, u, f, tasks) })
}

// maxNames bounds the names that are tried for one signed document.
const maxNames = 1000

// signedName chooses where a signed document goes, and checks that it can be
// written there.
func (a *app) signedName(f *signFlags, file string, d unsigned, taken map[string]bool) (string, error) {
	free := func(name string) (bool, error) {
		if taken[filepath.Clean(name)] {
			return false, a.problem("exists", exitFailed, "sign.same-output", name)
		}
		return true, a.canCreate(name)
	}
	if f.out != "" {
		_, err := free(f.out)
		return f.out, err
	}
	dir := cmp.Or(f.outDir, filepath.Dir(file))
	next := d.suggest()
	var first error
	for n := range maxNames {
		base := next(n)
		if base == "" {
			return "", first
		}
		name := filepath.Join(dir, base)
		ok, err := free(name)
		if ok && err == nil {
			taken[filepath.Clean(name)] = true
			return name, nil
		}
		first = cmp.Or(first, err)
		if !errors.Is(err, errExists) {
			return "", err
		}
	}
	return "", first
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
		var err error
		if s.Certificate, err = u.session.Certificate(ctx); err != nil {
			return err
		}
		key, err := u.session.Signer(ctx)
		s.Key = cardKey{a, key}
		return err
	})
	if err != nil {
		return s, err
	}
	s.Chain = ades.BuiltinAnchors().Chain(s.Certificate)
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
	if err := ctx.Err(); err != nil {
		return signedJSON{}, context.Cause(ctx)
	}
	o := cms.Options{Time: a.now()}
	if f.tsa != "" {
		o.Timestamp = a.timestamp(ctx, f.tsa)
	}
	file, err := a.createNew(t.out)
	if err != nil {
		return signedJSON{}, err
	}
	defer file.discard()
	switch err := t.document.sign(a, s, o, file); {
	case errors.Is(err, cms.ErrContentChanged):
		return signedJSON{}, a.problem("failed", exitFailed, "sign.changed", t.file)
	case err != nil:
		return signedJSON{}, err
	}
	if err := file.commit(); err != nil {
		return signedJSON{}, err
	}
	return signedJSON{File: t.file, Out: t.out, Format: t.format, Digest: hex.EncodeToString(t.document.digest()), Stamped: f.tsa != ""}, nil
}

// timestamp asks an authority for the time of a signature.
func (a *app) timestamp(ctx context.Context, url string) func([]byte) ([]byte, error) {
	return func(signature []byte) ([]byte, error) {
		sum := sha256.Sum256(signature)
		q, err := tsp.NewRequest(sum[:])
		if err != nil {
			return nil, err
		}
		var token []byte
		answer, err := (&online.Client{}).Fetch(ctx, url, tsp.RequestType, q.Marshal(), tsp.MaxResponse)
		if err == nil {
			token, _, err = q.Token(answer)
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			p := a.problem("time-stamp", exitFailed, "sign.no-stamp", url)
			p.Detail = err.Error()
			return nil, p.do(a.text("sign.no-stamp.do"), fmt.Sprintf("  %v", err))
		}
		return token, nil
	}
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

// metered reports how far a file was read, and stops at the end of the context.
type metered struct {
	ctx        context.Context
	a          *app
	file       string
	r          io.Reader
	done, size int64
	shown      time.Time
}

func (m *metered) Read(p []byte) (int, error) {
	if m.ctx.Err() != nil {
		return 0, context.Cause(m.ctx)
	}
	n, err := m.r.Read(p)
	m.report(m.done + int64(n))
	return n, err
}

// report shows that the file was read up to done.
func (m *metered) report(done int64) {
	m.done = done
	if now := time.Now(); now.Sub(m.shown) > 100*time.Millisecond && m.size > 1<<24 {
		m.a.showReading(m.file, m.done, m.size)
		m.shown = now
	}
}
