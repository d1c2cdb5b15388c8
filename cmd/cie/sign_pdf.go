package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"cie/card/ades/pdf"
	"cie/cmd/internal/tty"
)

// pdfFlags are the options of "cie sign" that are about PDF documents.
type pdfFlags struct {
	field, page, at, picture, show, reason, place string
	password                                      fdFlag

	// The options, after checkPDF.
	number  int // of the page
	where   pdf.Place
	shown   []string
	image   []byte
	secret  []byte
	visible bool
}

// pdfOnly are the names of the options.
var pdfOnly = []string{"field", "page", "at", "picture", "show", "reason", "place", "password-fd"}

// What --show can name, in the order in which it is shown.
var showable = []string{"name", "date", "reason", "place"}

var corners = map[string]pdf.Corner{
	"bottom-left": pdf.BottomLeft, "bottom-right": pdf.BottomRight, "top-left": pdf.TopLeft, "top-right": pdf.TopRight,
}

func (f *pdfFlags) add(a *app, c *cobra.Command) {
	c.Flags().StringVar(&f.field, "field", "", a.text("flag.field"))
	c.Flags().StringVar(&f.page, "page", "", a.text("flag.page"))
	c.Flags().StringVar(&f.at, "at", "", a.text("flag.at"))
	c.Flags().StringVar(&f.picture, "picture", "", a.text("flag.picture"))
	c.Flags().StringVar(&f.show, "show", "", a.text("flag.show"))
	c.Flags().StringVar(&f.reason, "reason", "", a.text("flag.reason"))
	c.Flags().StringVar(&f.place, "place", "", a.text("flag.place"))
	f.addPassword(a, c)
	_ = c.RegisterFlagCompletionFunc("show", cobra.FixedCompletions(showable, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("at", cobra.FixedCompletions(cornerNames(), cobra.ShellCompDirectiveNoFileComp))
}

func (f *pdfFlags) addPassword(a *app, c *cobra.Command) {
	f.password.name = "password-fd"
	c.Flags().Var(&f.password, f.password.name, a.text("flag.password-fd"))
}

func cornerNames() []string { return []string{"bottom-left", "bottom-right", "top-left", "top-right"} }

// check reads the options. visible: the signature is to be seen.
func (f *pdfFlags) check(a *app, c *cobra.Command) error {
	f.visible = f.page != "" || f.at != "" || f.picture != "" || f.show != ""
	if f.field != "" && (f.page != "" || f.at != "") {
		return a.hint(c, a.usage("usage.not-together", "field", cmp.Or(cond(f.page != "", "page"), "at")))
	}
	f.number = 1
	if f.page != "" {
		n, err := strconv.Atoi(f.page)
		if f.page == "last" {
			n, err = -1, nil
		}
		if err != nil || n == 0 || n < -1 {
			return a.usage("usage.page", f.page)
		}
		f.number = n
	}
	if f.at == "" {
		f.where.Corner = pdf.BottomRight
	} else if corner, ok := corners[f.at]; ok {
		f.where.Corner = corner
	} else if !f.rectangle() {
		return a.usage("usage.place", f.at, strings.Join(cornerNames(), ", "))
	}
	if f.show == "" && f.visible && f.picture == "" {
		f.show = "name,date"
	}
	if f.show != "" {
		f.shown = strings.Split(f.show, ",")
		for _, s := range f.shown {
			if !slices.Contains(showable, s) {
				return a.hint(c, a.usage("usage.choice", "show", strings.Join(showable, ", ")))
			}
		}
	}
	for name, s := range map[string]string{"reason": f.reason, "place": f.place} {
		if len(s) > maxClaim {
			return a.usage("usage.too-long", name, maxClaim)
		}
	}
	if f.picture == "" {
		return nil
	}
	image, err := readLimited(f.picture, maxPicture)
	if err != nil {
		return a.problem("failed", exitFailed, "error.read", f.picture, cause(err))
	}
	f.image = image
	return nil
}

const (
	maxClaim    = 400 // bytes of a reason or place
	maxPicture  = 16 << 20
	maxPassword = 512
)

func cond(yes bool, s string) string {
	if yes {
		return s
	}
	return ""
}

// rectangle reads --at X,Y,W,H.
func (f *pdfFlags) rectangle() bool {
	parts := strings.Split(f.at, ",")
	if len(parts) != 4 {
		return false
	}
	for i, to := range []*float64{&f.where.X, &f.where.Y, &f.where.Width, &f.where.Height} {
		v, err := strconv.ParseFloat(strings.TrimSpace(parts[i]), 64)
		if err != nil || !(v >= 0 && v < 1e6) {
			return false
		}
		*to = v
	}
	return f.where.Width > 0 && f.where.Height > 0
}

func readLimited(name string, limit int64) ([]byte, error) {
	in, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	b, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = io.ErrShortBuffer
	}
	return b, err
}

// readPassword reads the password of --password-fd once, or asks for it when that
// is a terminal. The caller wipes it.
func (a *app) readPassword(ctx context.Context, f *pdfFlags) error {
	if !f.password.set {
		return nil
	}
	tty.NoCore()
	if term.IsTerminal(f.password.fd) {
		t, err := a.terminal()
		if err != nil {
			return err
		}
		a.guard.onExit(t.Restore)
		defer t.Close()
		f.secret, err = t.ReadSecret(ctx, a.text("ask.password"), maxPassword)
		return err
	}
	if !tty.OpenFD(f.password.fd) {
		return a.usage("error.fd.closed", f.password.name, f.password.fd)
	}
	secret, err := tty.ReadFD(ctx, f.password.fd, maxPassword)
	switch {
	case errors.Is(err, io.EOF):
		return a.problem("no-code", exitBadCode, "error.fd.empty", f.password.name, f.password.fd)
	case errors.Is(err, tty.ErrTooLong):
		return a.problem("bad-format", exitBadCode, "error.fd.long", f.password.name, f.password.fd)
	}
	f.secret = secret
	return err
}

// pdfOptions returns the signature that the options of the command line ask for.
func (a *app) pdfOptions(f *pdfFlags, name string, now time.Time) pdf.Options {
	o := pdf.Options{Password: f.secret, Field: f.field, Name: name, Reason: f.reason, Location: f.place, Time: now}
	if !f.visible && f.field == "" {
		return o
	}
	o.Appearance = &pdf.Appearance{Page: f.number, Place: f.where, Picture: f.image}
	shown := f.shown
	if f.field != "" && !f.visible {
		shown = []string{"name", "date"}
	}
	for _, line := range []struct {
		key   string
		text  string
		value string
	}{
		{"name", "mark.signed-by", name}, {"date", "mark.date", a.date(now) + now.Format(" 15:04:05 -07:00")},
		{"reason", "mark.reason", f.reason}, {"place", "mark.place", f.place},
	} {
		if slices.Contains(shown, line.key) && line.value != "" {
			o.Appearance.Lines = append(o.Appearance.Lines, a.text(line.text, line.value))
		}
	}
	return o
}

// pdfProblem explains why a PDF cannot be signed or read.
func (a *app) pdfProblem(err error, file string) error {
	var refused *pdf.RefusedError
	var field *pdf.FieldError
	var page *pdf.PageError
	var place *pdf.PlaceError
	failed := func(t string, args ...any) *problem { return a.problem("failed", exitFailed, t, args...) }
	switch {
	case errors.As(err, &refused):
		texts := map[pdf.Refusal]string{
			pdf.Certified: "pdf.certified", pdf.Locked: "pdf.locked", pdf.Forbidden: "pdf.forbidden",
			pdf.Certificates: "pdf.certificates", pdf.XFA: "pdf.xfa", pdf.Damaged: "pdf.damaged",
		}
		p := a.problem("pdf-refused", exitFailed, texts[refused.Reason], file)
		if refused.Err != nil {
			p.Detail = refused.Err.Error()
		} else {
			p.Detail = string(refused.Reason)
		}
		p.do(a.text("pdf.try-p7m"))
		if refused.Err != nil {
			p.do("  " + printable(refused.Err.Error()))
		}
		return p
	case errors.Is(err, pdf.ErrPassword):
		return failed("pdf.password", file).do(a.text("pdf.password.do"))
	case errors.As(err, &field):
		p := failed("pdf.no-field", file, field.Name)
		if len(field.Empty) == 0 {
			return p.do(a.text("pdf.no-fields"))
		}
		p.do(a.text("pdf.fields"))
		for _, name := range field.Empty {
			p.do("  " + printable(name))
		}
		return p
	case errors.As(err, &page):
		return failed("pdf.no-page", file, page.Number, page.Pages)
	case errors.As(err, &place):
		return failed("pdf.no-room", file, place.Width, place.Height)
	case errors.Is(err, pdf.ErrPicture):
		return failed("pdf.picture", err)
	case isPDFError(err):
		return failed("pdf.unreadable", file, err)
	case errors.Is(err, context.Canceled):
		return err
	}
	return failed("error.read", file, cause(err))
}

func isPDFError(err error) bool {
	var damaged *pdf.DamagedError
	var unsupported *pdf.UnsupportedError
	return errors.As(err, &damaged) || errors.As(err, &unsupported) || errors.Is(err, pdf.ErrTooComplex) || errors.Is(err, pdf.ErrNotPDF)
}
