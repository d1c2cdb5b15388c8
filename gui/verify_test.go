package gui

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"cie/card/ades"
	"cie/card/ades/pdf"
	catalogue "cie/gui/text"
)

func init() { poses = append(poses, verifyPoses...) }

// signedBy returns the judgement of a signature with reasons.
func signedBy(name string, reasons ...ades.Reason) *ades.Result {
	r := &ades.Result{
		Intact: true, Trusted: true,
		Signer: ades.Person{Name: name, FiscalCode: "PRVMRA70A41Z999S", Issuer: "Issuing subCA for the Italian Electronic Identity Card - SUBCA003",
			Serial: "07A9F2", NotBefore: testNow.AddDate(-2, 0, 0), NotAfter: testNow.AddDate(8, 0, 0)},
		Purpose: ades.PurposeAuthentication, Hash: 5, Level: "B-B",
		Time: time.Date(2029, 11, 29, 10, 12, 0, 0, time.UTC), TimeKind: ades.TimeClaimed,
		Revocation: ades.Revocation{State: ades.RevocationGood, Source: "ocsp", Date: testNow},
	}
	for _, reason := range reasons {
		r.Add(reason)
		switch reason {
		case ades.NotAsked:
			r.Revocation = ades.Revocation{State: ades.RevocationNotAsked}
		case ades.UnknownIssuer:
			r.Trusted = false
		case ades.Altered, ades.WrongSignature:
			r.Intact = false
		}
	}
	r.State = ades.Judge(r.Reasons)
	return r
}

// inPDF returns a signature of a PDF.
func inPDF(number int, r *ades.Result, whole bool, later ...pdf.Change) Signature {
	p := &pdf.Signature{Field: "Signature" + strconv.Itoa(number), Page: 1, Result: r, Length: 40_000, Whole: whole, Later: later}
	return Signature{Result: r, PDF: p, Number: number}
}

func (f *fake) verified() {
	f.results = map[string]*Verification{
		"valid.pdf": {Encoding: "pdf", Asked: true, Signatures: []Signature{inPDF(1, signedBy("MARIA PROVA"), true)}},
		"filled.pdf": {Encoding: "pdf", Asked: true, Signatures: []Signature{inPDF(1, signedBy("MARIA PROVA"), false,
			pdf.Change{Kind: pdf.ChangeField, Allowed: true, Field: "city", Detail: "Roma"})}},
		"open.pdf": {Encoding: "pdf", Hosts: []string{"ocsp.example.it"}, Signatures: []Signature{inPDF(1, signedBy("MARIA PROVA", ades.NotAsked), true)}},
		"shadow.pdf": {Encoding: "pdf", Hosts: []string{"ocsp.example.it"}, Signatures: []Signature{inPDF(1, signedBy("MARIA PROVA", ades.NotAsked, ades.ContentChanged), false,
			pdf.Change{Kind: pdf.ChangeContent, Page: 1}, pdf.Change{Kind: pdf.ChangePages})}},
		"altered.pdf": {Encoding: "pdf", Signatures: []Signature{inPDF(1, signedBy("MARIA PROVA", ades.Altered), true)}},
		"revoked.p7m": {Encoding: "der", Document: true, Signatures: []Signature{{Result: signedBy("MARIA PROVA", ades.Revoked)}}},
		"three.p7m": {Encoding: "der", Document: true, Hosts: []string{"ocsp.example.it"}, Signatures: []Signature{
			{Result: signedBy("MARIA PROVA", ades.NotAsked)}, {Result: signedBy("LUCA ESEMPIO", ades.UnknownIssuer)},
			{Result: signedBy("ANNA TEST", ades.NotAsked)}, {Result: signedBy("UGO CONTRO", ades.NotAsked), Counter: true}}},
		"alone.p7s": {Encoding: "der", Signatures: []Signature{{Result: signedBy("MARIA PROVA", ades.NoContent)}}},
		"plain.csv": {},
	}
	f.asked = map[string]*Verification{
		"open.pdf": {Encoding: "pdf", Asked: true, Hosts: []string{"ocsp.example.it"}, Signatures: []Signature{inPDF(1, signedBy("MARIA PROVA"), true)}},
	}
	f.errs = map[string]error{"locked.pdf": ErrPassword, "damaged.p7m": ErrDamaged, "gone.pdf": errors.New("no such file")}
}

// verify opens files on the page and waits until they are verified.
func (d *rig) verify(names ...string) {
	d.t.Helper()
	d.fake.verified()
	var paths []string
	for _, name := range names {
		paths = append(paths, "/tmp/"+name)
	}
	d.openVerify(paths)
	d.worked()
}

// worked waits until the page Verifica has nothing to do.
func (d *rig) worked() {
	d.t.Helper()
	d.until(func() bool { s, ok := d.current.(*verifyScreen); return ok && s.cancel == nil })
}

var verifyPoses = []pose{
	{"verify", func(d *rig) { d.Go(screenVerify) }},
	{"verify-valid", func(d *rig) { d.verify("valid.pdf") }},
	{"verify-open", func(d *rig) { d.verify("open.pdf") }},
	{"verify-changed", func(d *rig) { d.verify("shadow.pdf") }},
	{"verify-none", func(d *rig) { d.verify("plain.csv") }},
	{"verify-three", func(d *rig) { d.verify("three.p7m") }},
	{"verify-several", func(d *rig) { d.verify("valid.pdf", "altered.pdf", "damaged.p7m", "plain.csv") }},
	{"verify-password", func(d *rig) { d.verify("locked.pdf") }},
	{"verify-damaged", func(d *rig) { d.verify("damaged.p7m") }},
	{"verify-details", func(d *rig) {
		d.verify("open.pdf")
		d.press(d.texts.T("signed.details.show"))
	}},
	{"verify-saved", func(d *rig) {
		d.verify("three.p7m")
		d.press(d.texts.T("signed.extract"))
		d.worked()
	}},
	{"verify-running", func(d *rig) {
		d.fake.wait = make(chan struct{})
		d.fake.verified()
		d.openVerify([]string{"/tmp/valid.pdf"})
		d.until(func() bool { s := d.current.(*verifyScreen); return s.bar != nil && s.bar.Value == 50 })
		d.t.Cleanup(func() { close(d.fake.wait) })
	}},
}

func TestVerifySaysTheAnswerFirst(t *testing.T) {
	d := newRig(t, newFake()) // without a reader
	d.Go(screenVerify)
	d.wants("Drop a signed file here", "[Choose files]", "No card is needed")
	for name, want := range map[string][]string{
		"valid.pdf":   {"Valid signature: MARIA PROVA signed this document, and it has not changed since.", "Codice fiscale PRVM••••••••999S", "by the clock of the signer's computer", "The whole document", "Advanced electronic signature", "vouched for by the Ministry"},
		"filled.pdf":  {"Afterwards only fields that the signature allows were filled in", "field filled in: city = Roma"},
		"open.pdf":    {"intact, but not everything is known", "What is not known", "Whether the card had been blocked", "[Check now]", "ocsp.example.it"},
		"shadow.pdf":  {"The document was changed after it was signed", "what a page shows was changed (page 1)", "[Show the signed version]"},
		"altered.pdf": {"The document was changed after it was signed", "Why it is not valid"},
		"revoked.p7m": {"The signature is not valid", "The certificate had been revoked"},
		"three.p7m":   {"Signature 1 of 4: MARIA PROVA", "Signature 2 of 4: LUCA ESEMPIO", "Identity not recognised", "The signature of ANNA TEST", "[Extract the document]"},
		"alone.p7s":   {"A document that is not in this file", "[Choose the document]"},
		"plain.csv":   {"No signature in this file"},
		"damaged.p7m": {"The file is damaged"},
		"gone.pdf":    {"The file cannot be read", "no such file"},
		"locked.pdf":  {"protected by a password"},
	} {
		d.verify(name)
		d.wants(want...)
		d.lacks("PRVMRA70A41Z999S") // only in the details
	}
	d.verify("open.pdf")
	d.press("Technical details")
	d.wants("PRVMRA70A41Z999S", "07A9F2", "Signature1")
}

func TestRevocationIsAskedOnlyOnRequest(t *testing.T) {
	d := newRig(t, newFake())
	d.verify("open.pdf")
	d.press("Technical details")
	if slices.ContainsFunc(d.fake.opts, func(o VerifyOptions) bool { return o.Ask }) {
		t.Fatal("asked without a request")
	}
	d.press("Check now")
	d.worked()
	if !d.fake.opts[len(d.fake.opts)-1].Ask {
		t.Error("the button asks nothing")
	}
	d.wants("Valid signature: MARIA PROVA")
	d.lacks("[Check now]")
}

func TestVerifyExtractsAndReports(t *testing.T) {
	d := newRig(t, newFake())
	d.verify("three.p7m")
	d.press("Extract the document")
	d.worked()
	d.wants("The document is saved", "/tmp/three.p7m-out.pdf", "[Show in the folder]")
	d.press("Save the report (PDF)")
	d.worked()
	d.wants("The report is saved", "/tmp/three.p7m-report.pdf")
	var words strings.Builder
	for _, p := range d.fake.fakeVerifying.saved[0] {
		words.WriteString(p.Text + "\n")
	}
	for _, want := range []string{"Verification report", "three.p7m", "Signature 4 of 4: UGO CONTRO", "What is not known", "PRVMRA70A41Z999S", "15 January 2030"} {
		if !strings.Contains(words.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, words.String())
		}
	}
	d.fake.fakeVerifying.failing = errors.New("disk full")
	d.press("Extract the document")
	d.worked()
	d.wants("The file was not saved", "disk full")
	d.lacks("three.p7m-out.pdf")
	d.fake.fakeVerifying.failing = nil
	d.verify("shadow.pdf")
	d.press("Show the signed version")
	d.worked()
	if got := d.fake.out; !slices.Equal(got, []int{0, 0, 1}) {
		t.Errorf("extracted %v", got)
	}
}

func TestVerifyAsksForAPassword(t *testing.T) {
	d := newRig(t, newFake())
	d.fake.verified()
	d.fake.results["locked.pdf"] = d.fake.results["valid.pdf"]
	d.fake.errs["locked.pdf"] = ErrPassword
	d.openVerify([]string{"/tmp/locked.pdf"})
	d.worked()
	for _, password := range []string{"wrong", testPassword} {
		e, ok := d.win.Canvas().Focused().(*textEntry)
		if !ok {
			t.Fatalf("the keyboard is in %T", d.win.Canvas().Focused())
		}
		e.SetText(password)
		e.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
		d.worked()
		if password == "wrong" {
			d.wants("The password is not right")
		}
	}
	d.wants("Valid signature: MARIA PROVA")
	d.verify("locked.pdf")
	d.win.Canvas().Focused().(*textEntry).TypedShortcut(&desktop.CustomShortcut{KeyName: fyne.Key1, Modifier: fyne.KeyModifierControl})
	if d.at != screenCard {
		t.Errorf("Ctrl+1 in the field leads to %s", d.at)
	}
}

func TestLeavingThePageEndsTheVerification(t *testing.T) {
	d := newRig(t, newFake())
	d.fake.verified()
	d.fake.wait, d.fake.ended = make(chan struct{}), make(chan struct{}, 2) // only the context ends it
	d.openVerify([]string{"/tmp/valid.pdf"})
	d.wants("Verifying the file", "[Stop]")
	d.key(fyne.KeyReturn)
	d.wants("Drop a signed file here")
	d.openVerify([]string{"/tmp/valid.pdf"})
	d.Go(screenHelp)
	for range 2 {
		<-d.fake.ended // else the test binary's timeout reports it
	}
}

func TestSeveralFilesAreListed(t *testing.T) {
	d := newRig(t, newFake())
	d.verify("valid.pdf", "altered.pdf", "damaged.p7m", "plain.csv")
	d.wants("valid.pdf", "altered.pdf", "The document was changed", "The file is damaged", "No signature", "Codice fiscale PRVM")
	var second *topic
	walk(d.win.Content(), func(o fyne.CanvasObject) {
		if x, ok := o.(*topic); ok && x.label.Text == "altered.pdf" {
			second = x
		}
	})
	second.tapped()
	d.wants("Why it is not valid")
}

// Files that are dropped or opened go to the page for them, unless the page that is
// shown takes files.
func TestFilesGoToTheirPage(t *testing.T) {
	d := newRig(t, newFake())
	for _, tt := range []struct {
		at, file, want string
	}{
		{screenCard, "/tmp/x.p7m", screenVerify}, {screenHelp, "/tmp/X.P7S", screenVerify}, {screenCard, "/tmp/list.csv", screenSign},
		{screenSign, "/tmp/x.p7m", screenSign}, {screenVerify, "/tmp/list.csv", screenVerify},
	} {
		d.Go(tt.at)
		d.take([]string{tt.file})
		d.until(func() bool { return d.at == tt.want })
	}
	d.Go(screenVerify)
	d.OpenFiles([]string{"/tmp/list.csv"}) // a file manager means the file, not the page
	d.until(func() bool { return d.at == screenSign })
}

// reasons returns all reasons that package ades declares.
func reasons(t *testing.T) []ades.Reason {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "../card/ades/result.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var list []ades.Reason
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 {
			if typ, ok := v.Type.(*ast.Ident); ok && typ.Name == "Reason" {
				s, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, ades.Reason(s))
			}
		}
		return true
	})
	if len(list) < 19 {
		t.Fatalf("%d reasons found", len(list))
	}
	return list
}

// The page is green only if package ades calls every signature valid and gives no
// reason, for every set of reasons and every other state.
func TestNeverGreenWithAReason(t *testing.T) {
	all := reasons(t)
	seen := map[Answer]bool{}
	kindOf := func(v *Verification) kind {
		a := v.Answer()
		seen[a] = true
		return answerTexts[a].kind
	}
	r := &ades.Result{Trusted: true}
	v := &Verification{Signatures: []Signature{{Result: r}}}
	for set := range 1 << len(all) {
		r.Reasons = r.Reasons[:0]
		for i, reason := range all {
			if set>>i&1 == 1 {
				r.Reasons = append(r.Reasons, reason)
			}
		}
		r.State = ades.Judge(r.Reasons)
		for _, r.Intact = range []bool{true, false} {
			k := kindOf(v)
			if want := set == 0 && r.Intact; (k == good) != want {
				t.Fatalf("%v, intact %v: %v", r.Reasons, r.Intact, k)
			}
			if r.State == ades.Invalid && k != bad {
				t.Fatalf("%v: invalid and not red", r.Reasons)
			}
		}
	}
	valid := Signature{Result: &ades.Result{State: ades.Valid, Intact: true, Trusted: true}}
	stamp := Signature{Result: valid.Result, PDF: &pdf.Signature{Stamp: &ades.Stamp{}}}
	for name, v := range map[string]*Verification{
		"nothing": {}, "the zero result": {Signatures: []Signature{{Result: &ades.Result{}}}},
		"a stamp alone":           {Signatures: []Signature{stamp}},
		"an unread PDF inside":    {Unread: true, Signatures: []Signature{valid}},
		"one of two not judged":   {Signatures: []Signature{valid, {Result: &ades.Result{Intact: true}}}},
		"valid with a reason":     {Signatures: []Signature{{Result: &ades.Result{State: ades.Valid, Intact: true, Reasons: []ades.Reason{ades.NotAsked}}}}},
		"unknown without reasons": {Signatures: []Signature{{Result: &ades.Result{State: ades.Unknown, Intact: true}}}},
		"invalid without reasons": {Signatures: []Signature{{Result: &ades.Result{State: ades.Invalid, Intact: true}}}},
	} {
		if kindOf(v) == good {
			t.Errorf("%s: green", name)
		}
	}
	kindOf(&Verification{Signatures: []Signature{inPDF(1, valid.Result, false, pdf.Change{Kind: pdf.ChangeField, Allowed: true})}})
	for a := range answerTexts {
		if !seen[a] {
			t.Errorf("answer %d is not tried", a)
		}
	}
}

func TestReasonsAndChangesHaveTexts(t *testing.T) {
	for _, l := range catalogue.Languages {
		texts := LoadTexts(l.Code)
		for _, r := range reasons(t) {
			if s := texts.reason(r); strings.Contains(s, string(r)) && strings.Contains(s, `"`) || strings.Contains(s, "--content") {
				t.Errorf("%s: reason %s becomes %q", l.Code, r, s)
			}
		}
	}
}

// Names in certificates and documents may hold any character.
func TestHostileNamesChangeNoLine(t *testing.T) {
	texts := LoadTexts("en")
	v := &Verification{Path: "x.pdf", Signatures: []Signature{inPDF(1, signedBy("MARIO\n\u202eROSSI\x00"), true)}}
	if got := texts.describe(v).signers[0].title; got != "MARIO ROSSI" {
		t.Errorf("%q", got)
	}
	if got := halved("RSSMRA70A41Z999X"); got != "RSSM••••••••999X" {
		t.Errorf("%q", got)
	}
}

func TestManyFilesAndSignersAreShownInParts(t *testing.T) {
	d := newRig(t, newFake())
	d.fake.verified()
	many := &Verification{Encoding: "der"}
	for i := range maxRows + 10 {
		many.Signatures = append(many.Signatures, Signature{Result: signedBy(fmt.Sprintf("MARIA <%d>", i))})
	}
	d.fake.results["many.p7m"] = many
	d.openVerify([]string{"/tmp/many.p7m"})
	d.worked()
	d.wants(fmt.Sprintf("Signature %d of", maxRows), "[Show more (10 left)]")
	d.lacks(fmt.Sprintf("Signature %d of", maxRows+1))
	d.press("Show more (10 left)")
	d.wants(fmt.Sprintf("Signature %d of", maxRows+10))

	var files []string
	for range 1000 {
		files = append(files, "/tmp/plain.csv")
	}
	d.openVerify(files)
	d.worked()
	d.wants("[Show more (960 left)]")
	if n := d.objects(); n > 5000 {
		t.Errorf("%d objects for 1000 files", n)
	}
}
