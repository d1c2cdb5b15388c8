package pdf

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"cie/card/ades/cms"
	"cie/card/ades/tsp"
	"cie/card/cardtest"
)

var signedAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func holder(t testing.TB) cms.Signer {
	t.Helper()
	key, cert, err := cardtest.HolderKey(cardtest.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	return cms.Signer{Key: key, Certificate: cert, Chain: [][]byte{cardtest.IssuingCA().Raw}}
}

// stamping returns the token of the test authority for a message.
func stamping(t testing.TB) func(message []byte) ([]byte, error) {
	a := &cardtest.Authority{}
	return func(message []byte) ([]byte, error) {
		sum := sha256.Sum256(message)
		q, err := tsp.NewRequest(sum[:])
		if err != nil {
			return nil, err
		}
		answer, err := a.Timestamp(q.Marshal())
		if err != nil {
			return nil, err
		}
		token, _, err := q.Token(answer)
		return token, err
	}
}

// document is a file in memory that Put can complete.
type document struct{ b []byte }

func (d *document) Write(p []byte) (int, error) { d.b = append(d.b, p...); return len(p), nil }

func (d *document) WriteAt(p []byte, off int64) (int, error) { return copy(d.b[off:], p), nil }

func sign(t testing.TB, in []byte, o Options, co cms.Options) []byte {
	t.Helper()
	out, err := trySign(t, in, o, co)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func trySign(t testing.TB, in []byte, o Options, co cms.Options) ([]byte, error) {
	t.Helper()
	if o.Time.IsZero() {
		o.Time = signedAt
	}
	p, err := Prepare(bytes.NewReader(in), int64(len(in)), o)
	if err != nil {
		return nil, err
	}
	var d document
	digest, err := p.Write(&d)
	if err != nil {
		return nil, err
	}
	message, err := cms.SignDigest(holder(t), digest, co)
	if err != nil {
		return nil, err
	}
	if err := p.Put(&d, message); err != nil {
		return nil, err
	}
	if int64(len(d.b)) != p.Size() {
		t.Errorf("size %d, announced %d", len(d.b), p.Size())
	}
	return d.b, nil
}

// accepted fails unless pdfsig and mutool accept all signatures of out, the last
// one covers the whole file, in is a prefix, and qpdf reports no new problem.
func accepted(t *testing.T, in, out []byte, password string, signatures int) {
	t.Helper()
	if !bytes.HasPrefix(out, in) {
		t.Error("the original is not a prefix")
	}
	noWorse(t, in, out, password)
	path := writeTemp(t, "signed.pdf", out)
	args := []string{"-nocert", path}
	if password != "" {
		args = append([]string{"-upw", password}, args...)
	}
	msg, err := exec.Command(tool(t, "pdfsig"), args...).CombinedOutput()
	if err != nil {
		t.Errorf("pdfsig: %v", err)
	}
	if n := strings.Count(string(msg), "Signature Validation: Signature is Valid."); n != signatures {
		t.Errorf("pdfsig: %d of %d signatures valid\n%s", n, signatures, msg)
	}
	if n := strings.Count(string(msg), "Total document signed"); n != 1 {
		t.Errorf("pdfsig: %d signatures cover the whole file\n%s", n, msg)
	}
	args = []string{"sign", "-v", path}
	if password != "" {
		args = []string{"sign", "-v", "-p", password, path}
	}
	msg, _ = exec.Command(tool(t, "mutool"), args...).CombinedOutput()
	if bytes.Contains(msg, []byte("cannot recognize version marker")) {
		return // mupdf cannot read a file, signed or not, that has junk before its header
	}
	verified := strings.Count(string(msg), "Verifying signature")
	if n := strings.Count(string(msg), "unchanged since signing"); verified != signatures || n < 1 || strings.Contains(string(msg), "Verification error") {
		t.Errorf("mutool: %d of %d signatures, %d of them unchanged\n%s", verified, signatures, n, msg)
	}
}

func TestSignedPeculiarFilesAreAccepted(t *testing.T) {
	files := peculiar()
	for title, b := range encrypted(t, plain(2).bytes()) {
		files["encrypted "+title] = b
	}
	files["linearized"] = qpdf(t, plain(2).bytes(), "--linearize")
	files["linearized object streams"] = qpdf(t, plain(2).bytes(), "--linearize", "--object-streams=generate")
	for title, in := range files {
		t.Run(title, func(t *testing.T) {
			password := ""
			if strings.Contains(title, "password") {
				password = "segreto"
			}
			o := Options{Password: []byte(password), Name: "Mario Rossi", Reason: "Perché sì", Location: "Roma"}
			accepted(t, in, sign(t, in, o, cms.Options{}), password, 1)
			o.Appearance = &Appearance{Place: Place{Corner: TopRight}, Lines: []string{"Mario Rossi"}, Picture: stampPNG(t)}
			accepted(t, in, sign(t, in, o, cms.Options{}), password, 1)
		})
	}
}

func TestTenSignaturesLeaveEachOtherValid(t *testing.T) {
	for _, title := range []string{"plain", "stream", "hybrid with catalog", "indirect fields"} {
		t.Run(title, func(t *testing.T) {
			if testing.Short() && title != "plain" {
				t.Skip("takes long")
			}
			doc := peculiar()[title]
			for n := 1; n <= 10; n++ {
				o := Options{}
				if n%2 == 0 {
					o.Appearance = &Appearance{Place: Place{X: 20, Y: 60 * float64(n), Width: 100, Height: 40}, Lines: []string{strconv.Itoa(n)}}
				}
				signed := sign(t, doc, o, cms.Options{})
				accepted(t, doc, signed, "", n)
				doc = signed
			}
		})
	}
}

func TestTimestampFitsItsReserve(t *testing.T) {
	in := plain(1).bytes()
	out := sign(t, in, Options{Reserve: ReserveTimestamp}, cms.Options{Timestamp: stamping(t)})
	accepted(t, in, out, "", 1)
}

func TestTooLargeMessageWritesNothing(t *testing.T) {
	in := plain(1).bytes()
	p, err := Prepare(bytes.NewReader(in), int64(len(in)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if _, err := p.Write(&d); err != nil {
		t.Fatal(err)
	}
	before := bytes.Clone(d.b)
	if err := p.Put(&d, make([]byte, Reserve+1)); !errors.Is(err, ErrDoesNotFit) {
		t.Errorf("got %v", err)
	}
	if !bytes.Equal(d.b, before) {
		t.Error("the document was changed")
	}
	if err := p.Put(&d, make([]byte, Reserve)); err != nil {
		t.Error(err)
	}
}

// withField returns a document with an empty signature field, with further entries
// of the field and of the catalog.
func withField(extra, catalog string) *builder {
	b := plain(1)
	b.objects[1] = fmt.Sprintf("<</Type /Catalog /Pages 2 0 R /AcroForm <</Fields [50 0 R 52 0 R] /SigFlags 1>> %s>>", catalog)
	b.objects[50] = "<</T (modulo) /Kids [51 0 R]>>"
	b.objects[51] = fmt.Sprintf("<</Type /Annot /Subtype /Widget /FT /Sig /T (firma) /Parent 50 0 R /Rect [100 100 300 160] /F 4 /P 10 0 R %s>>", extra)
	b.objects[52] = "<</Type /Annot /Subtype /Widget /FT /Tx /T (testo) /V (uno) /Rect [100 200 300 220] /F 4 /P 10 0 R /AP <</N 53 0 R>>>>"
	b.objects[53] = streamObject("/Type /XObject /Subtype /Form /BBox [0 0 200 20] /Resources <</Font <</F1 3 0 R>>>>", "BT /F1 12 Tf 2 5 Td (uno) Tj ET")
	b.objects[10] = strings.Replace(b.objects[10], "/Contents", "/Annots [51 0 R 52 0 R] /Contents", 1)
	return b
}

func TestExistingFieldIsSigned(t *testing.T) {
	in := withField("/Lock <</Type /SigFieldLock /Action /Include /Fields [(testo)]>>", "").bytes()
	show := &Appearance{Lines: []string{"Mario Rossi", "1 marzo 2026"}}
	out := sign(t, in, Options{Field: "modulo.firma", Appearance: show}, cms.Options{})
	accepted(t, in, out, "", 1)
	d := difference(render(t, in, "1"), render(t, out, "1"))
	if d.Empty() || d.Min.X < 100 || d.Min.Y < 100 || d.Max.X > 300 || d.Max.Y > 160 {
		t.Errorf("the mark is at %v", d)
	}
	f := open(t, out, "")
	fields, err := f.fields()
	if err != nil || len(fields) != 2 {
		t.Fatalf("%v, %v", fields, err)
	}
	v, err := f.dict(fields[0].value)
	if err != nil {
		t.Fatal(err)
	}
	if tr, err := f.transforms(v); err != nil || tr["FieldMDP"].get("Action") != name("Include") {
		t.Errorf("the lock of the field is not in the signature: %v, %v", tr, err)
	}
	// It is not empty any more.
	var missing *FieldError
	if _, err := trySign(t, out, Options{Field: "modulo.firma"}, cms.Options{}); !errors.As(err, &missing) || len(missing.Empty) != 0 {
		t.Errorf("signing twice: %v", err)
	}
	if _, err := trySign(t, in, Options{Field: "firma"}, cms.Options{}); !errors.As(err, &missing) || fmt.Sprint(missing.Empty) != "[modulo.firma]" {
		t.Errorf("unknown field: %v", err)
	}
	// A further signature is written to a new field.
	again := sign(t, out, Options{}, cms.Options{})
	accepted(t, out, again, "", 2)
}

func TestRefusesWhatASignatureWouldBreak(t *testing.T) {
	signed := func(extra string) string {
		return "<</Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /ByteRange [0 1 2 3] /Contents <00> " + extra + ">>"
	}
	transform := func(method, params string) string {
		return fmt.Sprintf("/Reference [<</Type /SigRef /TransformMethod /%s /TransformParams <<%s>>>>]", method, params)
	}
	with := func(b *builder, num int, text string) *builder { b.objects[num] = text; return b }
	tests := map[string]struct {
		in     []byte
		field  string
		reason Refusal // "" if it can be signed
	}{
		"certified, no changes":         {with(withField("", "/Perms <</DocMDP 60 0 R>>"), 60, signed(transform("DocMDP", "/P 1"))).bytes(), "", Certified},
		"certified, forms":              {with(withField("", "/Perms <</DocMDP 60 0 R>>"), 60, signed(transform("DocMDP", "/P 2"))).bytes(), "", ""},
		"certified, default":            {with(withField("", "/Perms <</DocMDP 60 0 R>>"), 60, signed(transform("DocMDP", ""))).bytes(), "", ""},
		"FieldMDP on all":               {with(withField("/V 60 0 R", ""), 60, signed(transform("FieldMDP", "/Action /All"))).bytes(), "", Locked},
		"FieldMDP on others":            {with(withField("/V 60 0 R", ""), 60, signed(transform("FieldMDP", "/Action /Include /Fields [(testo)]"))).bytes(), "", ""},
		"Lock on all":                   {with(withField("/V 60 0 R /Lock <</Action /All>>", ""), 60, signed("")).bytes(), "", Locked},
		"Lock of an empty field":        {withField("/Lock <</Action /All>>", "").bytes(), "", ""},
		"Lock with P 1":                 {with(withField("/V 60 0 R /Lock <</Action /Include /Fields [] /P 1>>", ""), 60, signed("")).bytes(), "", Locked},
		"encryption without permission": {qpdf(t, plain(1).bytes(), "--encrypt", "", "o", "256", "--modify=none", "--"), "", Forbidden},
		"encryption, forms only":        {qpdf(t, withField("", "").bytes(), "--encrypt", "", "o", "256", "--modify=form", "--"), "", Forbidden},
		"encryption, forms, own field":  {qpdf(t, withField("", "").bytes(), "--encrypt", "", "o", "256", "--modify=form", "--"), "modulo.firma", ""},
		"encryption, all":               {qpdf(t, plain(1).bytes(), "--encrypt", "", "o", "256", "--"), "", ""},
		"certificates": {func() []byte {
			b := plain(1)
			b.trailer += " /Encrypt 70 0 R"
			b.objects[70] = "<</Filter /Adobe.PubSec /V 4>>"
			return b.bytes()
		}(), "", Certificates},
		"dynamic XFA": {func() []byte {
			b := plain(1)
			b.objects[1] = "<</Type /Catalog /Pages 2 0 R /NeedsRendering true /AcroForm <</Fields [] /XFA 71 0 R>>>>"
			b.objects[71] = streamObject("", "<xdp/>")
			return b.bytes()
		}(), "", XFA},
		"static XFA, new field": {xfa(withField("", "")), "", XFA},
		"static XFA, own field": {xfa(withField("", "")), "modulo.firma", ""},
		"damaged":               {plain(1).bytes()[:700], "", Damaged},
		"seed value":            {withField("/SV <</Ff 2 /SubFilter [/adbe.pkcs7.detached]>>", "").bytes(), "modulo.firma", Locked},
		"seed value, optional":  {withField("/SV <</Ff 0 /SubFilter [/adbe.pkcs7.detached]>>", "").bytes(), "modulo.firma", ""},
		"circular form": {func() []byte {
			b := withField("", "")
			b.objects[50] = "<</T (modulo) /Kids [50 0 R]>>"
			return b.bytes()
		}(), "", Damaged},
		"key twice": {func() []byte {
			b := plain(1)
			b.objects[10] = strings.Replace(b.objects[10], "/Contents", "/Contents 3 0 R /Contents", 1)
			return b.bytes()
		}(), "", Damaged},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			_, err := Prepare(bytes.NewReader(tt.in), int64(len(tt.in)), Options{Field: tt.field})
			var refused *RefusedError
			switch {
			case tt.reason == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.reason != "" && (!errors.As(err, &refused) || refused.Reason != tt.reason):
				t.Errorf("got %v, want %v", err, tt.reason)
			}
		})
	}
	// The owner of an encrypted document has every permission.
	in := qpdf(t, plain(1).bytes(), "--encrypt", "", "o", "256", "--modify=none", "--")
	sign(t, in, Options{Password: []byte("o")}, cms.Options{})
}

func xfa(b *builder) []byte {
	b.objects[1] = strings.Replace(b.objects[1], "/SigFlags", "/XFA 71 0 R /SigFlags", 1)
	b.objects[71] = streamObject("", "<xdp/>")
	return b.bytes()
}

func TestNewFieldHasAUniqueName(t *testing.T) {
	b := withField("", "")
	b.objects[50] = "<</T (Signature1) /Kids [51 0 R]>>"
	out := sign(t, b.bytes(), Options{}, cms.Options{})
	fields, err := open(t, out, "").fields()
	if err != nil || fields[len(fields)-1].name != "Signature2" {
		t.Errorf("%v, %v", fields, err)
	}
}
