package pdf

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cie/card/ades"
	"cie/card/ades/cms"
	"cie/card/cardtest"
)

// verifier trusts the virtual cards' issuer and asks its authority.
func verifier(t testing.TB) *ades.Verifier {
	t.Helper()
	a := &ades.Anchors{}
	if err := a.Add(cardtest.IssuingCAPEM()); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	return &ades.Verifier{Anchors: a, Now: now, Fetcher: &cardtest.Authority{Now: func() time.Time { return now }}}
}

func verify(t testing.TB, b []byte, password string) *Report {
	t.Helper()
	r, err := Verify(context.Background(), bytes.NewReader(b), int64(len(b)), []byte(password), verifier(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// revise appends an update to a document, as a program without support for
// signatures does. The texts are objects by number.
func revise(t testing.TB, in []byte, objects map[int]string) []byte {
	t.Helper()
	f := open(t, in, "")
	u := newUpdate(f)
	for _, num := range keys(objects) {
		text := objects[num]
		id := ref{num: uint32(num)}
		u.set(id, raw(text))
		u.next = max(u.next, uint32(num)+1)
	}
	more, _, err := u.bytes()
	if err != nil {
		t.Fatal(err)
	}
	return append(bytes.Clone(in), more...)
}

// text returns the encoding of an object of a document.
func text(t testing.TB, doc []byte, num int) string {
	t.Helper()
	o, err := open(t, doc, "").load(ref{num: uint32(num)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := appendObject(nil, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// edit changes the text of one object.
func edit(t testing.TB, doc []byte, num int, old, new string) []byte {
	t.Helper()
	before := text(t, doc, num)
	after := strings.Replace(before, old, new, 1)
	if after == before {
		t.Fatalf("object %d has no %q: %s", num, old, before)
	}
	return revise(t, doc, map[int]string{num: after})
}

// formDocument returns a document with a form and layers.
func formDocument(extra string) *builder {
	b := withField(extra, "/OCProperties 70 0 R /Names 71 0 R")
	b.objects[1] = strings.Replace(b.objects[1], "52 0 R]", "52 0 R 54 0 R]", 1)
	b.objects[54] = "<</Type /Annot /Subtype /Widget /FT /Btn /T (casella) /V /Off /AS /Off /Rect [100 240 120 260] /F 4 /P 10 0 R /AP <</N <</Si 55 0 R /Off 56 0 R>>>>>>"
	b.objects[55] = streamObject("/Type /XObject /Subtype /Form /BBox [0 0 20 20]", "0 0 20 20 re f")
	b.objects[56] = streamObject("/Type /XObject /Subtype /Form /BBox [0 0 20 20]", "0 0 20 20 re S")
	b.objects[57] = "<</Type /Annot /Subtype /FreeText /Rect [300 300 400 320] /Contents (nota) /DA (/F1 10 Tf)>>"
	b.objects[70] = "<</OCGs [72 0 R] /D <</OFF [72 0 R]>>>>"
	b.objects[71] = "<</Dests 999 0 R>>" // this number does not exist
	b.objects[72] = "<</Type /OCG /Name (strato)>>"
	b.objects[10] = strings.Replace(b.objects[10], "52 0 R]", "52 0 R 54 0 R 57 0 R]", 1)
	b.objects[10] = strings.Replace(b.objects[10], "/Resources", "/Resources 73 0 R /X", 1)
	b.objects[73] = "<</Font <</F1 3 0 R>> /Properties <</L 72 0 R>>>>"
	b.objects[11] = streamObject("", "BT /F1 24 Tf 72 700 Td (pay 100 euro) Tj ET /OC /L BDC BT /F1 24 Tf 72 600 Td (hidden) Tj ET EMC")
	return b
}

func kinds(changes []Change) (allowed, not []ChangeKind) {
	for _, c := range changes {
		if c.Allowed && !slices.Contains(allowed, c.Kind) {
			allowed = append(allowed, c.Kind)
		}
		if !c.Allowed && !slices.Contains(not, c.Kind) {
			not = append(not, c.Kind)
		}
	}
	return allowed, not
}

func TestSignedDocumentIsValid(t *testing.T) {
	files := peculiar()
	for title, b := range encrypted(t, plain(2).bytes()) {
		files["encrypted "+title] = b
	}
	for title, in := range files {
		t.Run(title, func(t *testing.T) {
			password := ""
			if strings.Contains(title, "password") {
				password = "segreto"
			}
			show := &Appearance{Lines: []string{"x"}, Page: 2}
			out := sign(t, in, Options{Password: []byte(password), Reason: "Perché", Name: "Mario", Location: "Roma", Appearance: show}, cms.Options{})
			r := verify(t, out, password)
			if len(r.Signatures) != 1 {
				t.Fatalf("%d signatures", len(r.Signatures))
			}
			s := r.Signatures[0]
			if s.State() != ades.Valid || !s.Whole || s.Page != 2 || s.Reason != "Perché" || !s.Time.Equal(signedAt) || s.Result.Level != "B-B" {
				t.Errorf("%v %v whole=%v page=%d reason=%q time=%v level=%q", s.State(), s.Result.Reasons, s.Whole, s.Page, s.Reason, s.Time, s.Result.Level)
			}
			// Each byte of the original is covered.
			bad := bytes.Clone(out)
			bad[len(in)/2] ^= 1
			if r, err := Verify(context.Background(), bytes.NewReader(bad), int64(len(bad)), []byte(password), verifier(t)); err == nil && r.State() == ades.Valid {
				t.Error("valid with a changed byte")
			}
		})
	}
}

func TestAllowedChangesAreNamed(t *testing.T) {
	signed := sign(t, formDocument("").bytes(), Options{}, cms.Options{})
	show := &Appearance{Lines: []string{"Luigi Verdi"}}
	tests := map[string]struct {
		doc  []byte
		kind ChangeKind
	}{
		"signature":           {sign(t, signed, Options{}, cms.Options{}), ChangeSignature},
		"visible signature":   {sign(t, signed, Options{Appearance: show}, cms.Options{}), ChangeSignature},
		"in existing field":   {sign(t, signed, Options{Field: "modulo.firma", Appearance: show}, cms.Options{}), ChangeSignature},
		"document time stamp": {timestamped(t, signed), ChangeTimestamp},
		"DSS": {revise(t, signed, map[int]string{
			1: strings.Replace(text(t, signed, 1), "/Pages", "/DSS 200 0 R /Pages", 1), 200: "<</Certs []>>"}), ChangeDSS},
		"text filled in": {revise(t, signed, map[int]string{
			52:  strings.Replace(strings.Replace(text(t, signed, 52), "(uno)", "(due)", 1), "53 0 R", "201 0 R", 1),
			201: "<</Type /XObject /Subtype /Form /BBox [0 0 200 20] /Length 0>>\nstream\n\nendstream"}), ChangeField},
		"text filled in, appearance in place": {revise(t, signed, map[int]string{
			52: strings.Replace(text(t, signed, 52), "(uno)", "(due)", 1),
			53: "<</Type /XObject /Subtype /Form /BBox [0 0 200 20] /Length 0>>\nstream\n\nendstream"}), ChangeField},
		"box ticked": {revise(t, signed, map[int]string{
			54: strings.Replace(strings.Replace(text(t, signed, 54), "/V /Off", "/V /Si", 1), "/AS /Off", "/AS /Si", 1)}), ChangeField},
		"title":             {edit(t, signed, 4, "Prova", "Altro"), ChangeMetadata},
		"written unchanged": {revise(t, signed, map[int]string{10: text(t, signed, 10), 70: text(t, signed, 70), 3: text(t, signed, 3)}), ""},
		"white space":       {append(bytes.Clone(signed), "\r\n\n "...), ""},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			s := verify(t, tt.doc, "").Signatures[0]
			allowed, not := kinds(s.Later)
			if len(not) > 0 || s.State() != ades.Valid || s.Whole {
				t.Errorf("%v: %+v", s.State(), s.Later)
			}
			if tt.kind != "" && !slices.Contains(allowed, tt.kind) || tt.kind == "" && len(allowed) > 0 {
				t.Errorf("named %v, want %v", allowed, tt.kind)
			}
		})
	}
}

// timestamped appends a document time stamp.
func timestamped(t testing.TB, in []byte) []byte {
	t.Helper()
	p, err := Prepare(bytes.NewReader(in), int64(len(in)), Options{Time: signedAt})
	if err != nil {
		t.Fatal(err)
	}
	p.update = bytes.Replace(p.update, []byte("/SubFilter /ETSI.CAdES.detached"), []byte("/SubFilter /ETSI.RFC3161       "), 1)
	var d document
	if _, err := p.Write(&d); err != nil {
		t.Fatal(err)
	}
	var covered bytes.Buffer
	covered.Write(d.b[:len(in)+p.contents])
	covered.Write(d.b[len(in)+p.contents+2*p.reserve+2:])
	token, err := stamping(t)(covered.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Put(&d, token); err != nil {
		t.Fatal(err)
	}
	return d.b
}

func TestChangesOfWhatIsSeenAreFound(t *testing.T) {
	signed := sign(t, formDocument("").bytes(), Options{Appearance: &Appearance{Lines: []string{"Mario Rossi"}}}, cms.Options{})
	fields, err := open(t, signed, "").fields()
	if err != nil {
		t.Fatal(err)
	}
	own := int(fields[len(fields)-1].id.num)
	page := "<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources 73 0 R /Contents 11 0 R>>"
	content := func(s string) string { return streamObject("", s) }
	tests := map[string]struct {
		doc  []byte
		kind ChangeKind
	}{
		"content replaced in place": {revise(t, signed, map[int]string{11: content("BT /F1 24 Tf 72 700 Td (pay 900 euro) Tj ET")}), ChangeContent},
		"content replaced by another": {revise(t, signed, map[int]string{
			10: strings.Replace(text(t, signed, 10), "/Contents 11 0 R", "/Contents 200 0 R", 1), 200: content("(x) Tj")}), ChangeContent},
		"content covered": {revise(t, signed, map[int]string{
			10: strings.Replace(text(t, signed, 10), "/Contents 11 0 R", "/Contents [11 0 R 200 0 R]", 1), 200: content("0 0 600 800 re f")}), ChangeContent},
		"font replaced":     {edit(t, signed, 3, "Helvetica", "Symbol"), ChangeContent},
		"resources changed": {edit(t, signed, 73, "3 0 R", "72 0 R"), ChangeContent},
		"layer shown":       {edit(t, signed, 70, "/OFF", "/ON"), ChangeCatalog},
		"page cropped":      {edit(t, signed, 10, "/Contents", "/CropBox [0 0 100 100] /Contents"), ChangeContent},
		"page turned":       {edit(t, signed, 2, "/Kids", "/Rotate 180 /Kids"), ChangePages},
		"page under another node": {revise(t, signed, map[int]string{
			10:  strings.Replace(text(t, signed, 10), "/Parent 2 0 R", "/Parent 200 0 R", 1),
			200: "<</Type /Pages /Kids [10 0 R] /Count 1 /Rotate 180>>"}), ChangePages},
		"page added":                  {revise(t, signed, map[int]string{2: "<</Type /Pages /Kids [10 0 R 200 0 R] /Count 2>>", 200: page}), ChangePages},
		"page put before":             {revise(t, signed, map[int]string{2: "<</Type /Pages /Kids [200 0 R 10 0 R] /Count 2>>", 200: page}), ChangePages},
		"page replaced":               {revise(t, signed, map[int]string{2: "<</Type /Pages /Kids [200 0 R] /Count 1>>", 200: page}), ChangePages},
		"appearance changed in place": {revise(t, signed, map[int]string{53: content("BT /F1 12 Tf (mille) Tj ET")}), ChangeAppearance},
		"appearance changed":          {revise(t, signed, map[int]string{52: strings.Replace(text(t, signed, 52), "53 0 R", "55 0 R", 1)}), ChangeAppearance},
		"field moved":                 {edit(t, signed, 52, "[100 200 300 220]", "[50 650 500 750]"), ChangeAppearance},
		"box shown as ticked":         {edit(t, signed, 54, "/AS /Off", "/AS /Si"), ChangeAppearance},
		"look of a ticked box": {revise(t, signed, map[int]string{
			54: strings.Replace(strings.Replace(text(t, signed, 54), "/V /Off", "/V /Si", 1), "/AS /Off", "/AS /Si", 1), 55: content("0 0 500 500 re f")}), ChangeAppearance},
		"own mark changed":  {edit(t, signed, own, "/AP", "/MK <<>> /AP"), ChangeAppearance},
		"signature removed": {edit(t, signed, own, "/V ", "/W "), ChangeAppearance},
		"annotation added": {revise(t, signed, map[int]string{
			10: strings.Replace(text(t, signed, 10), "57 0 R", "57 0 R 200 0 R", 1), 200: "<</Type /Annot /Subtype /FreeText /Rect [70 690 500 730] /AP <</N 55 0 R>>>>"}), ChangeAnnotation},
		"annotation removed": {edit(t, signed, 10, "57 0 R", ""), ChangeAnnotation},
		"annotation changed": {edit(t, signed, 57, "nota", "altro"), ChangeAnnotation},
		"field added": {revise(t, signed, map[int]string{
			1:   strings.Replace(text(t, signed, 1), "54 0 R", "54 0 R 200 0 R", 1),
			10:  strings.Replace(text(t, signed, 10), "57 0 R", "57 0 R 200 0 R", 1),
			200: "<</Type /Annot /Subtype /Widget /FT /Tx /T (falso) /Rect [70 690 500 730] /AP <</N 55 0 R>>>>"}), ChangeAnnotation},
		"false signature over text": {revise(t, signed, map[int]string{
			1:   strings.Replace(text(t, signed, 1), "54 0 R", "54 0 R 200 0 R", 1),
			10:  strings.Replace(text(t, signed, 10), "57 0 R", "57 0 R 200 0 R", 1),
			200: "<</Type /Annot /Subtype /Widget /FT /Sig /T (falso) /V 201 0 R /Rect [70 690 500 730] /AP <</N 55 0 R>>>>",
			201: "<</Type /Sig /SubFilter /ETSI.CAdES.detached /ByteRange [0 10 20 30] /Contents <3000>>>"}), ChangeAnnotation},
		"empty field over text": {revise(t, signed, map[int]string{
			1:   strings.Replace(text(t, signed, 1), "54 0 R", "54 0 R 200 0 R", 1),
			10:  strings.Replace(text(t, signed, 10), "57 0 R", "57 0 R 200 0 R", 1),
			200: "<</Type /Annot /Subtype /Widget /FT /Sig /T (falso) /Rect [70 690 500 730] /AP <</N 55 0 R>>>>"}), ChangeAnnotation},
		"missing object appears": {revise(t, signed, map[int]string{999: "<</Names []>>"}), ChangeCatalog},
		"action added":           {edit(t, signed, 1, "/Pages", "/OpenAction [10 0 R /Fit] /Pages"), ChangeCatalog},
		"key twice":              {edit(t, signed, 10, "/Contents", "/Contents 55 0 R /Contents"), ChangeContent},
		"other catalog":          {otherCatalog(t, signed), ChangeCatalog},
		"data without an update": {append(bytes.Clone(signed), "11 0 obj\n<</Length 0>>\nstream\n\nendstream\nendobj\n"...), ChangeUnknown},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			r := verify(t, tt.doc, "")
			i := slices.IndexFunc(r.Signatures, func(s *Signature) bool { return s.Result != nil && s.Result.Intact })
			if title == "signature removed" {
				if r.State() == ades.Valid {
					t.Error("valid")
				}
				return
			}
			s := r.Signatures[i]
			_, not := kinds(s.Later)
			if !slices.Contains(not, tt.kind) {
				t.Errorf("found %v, want %v (%+v)", not, tt.kind, s.Later)
			}
			if s.State() != ades.Unknown || !slices.Contains(s.Result.Reasons, ades.ContentChanged) {
				t.Errorf("%v %v", s.State(), s.Result.Reasons)
			}
			// The revision that was signed is still there.
			if got := s.Revision(bytes.NewReader(tt.doc)); got.Size() != int64(len(signed)) || !bytes.HasPrefix(tt.doc, signed) {
				t.Errorf("revision of %d bytes, want %d", got.Size(), len(signed))
			}
			// A further signature does not cure it.
			if title == "key twice" || title == "data without an update" {
				return // refused; not a part of the document once something follows
			}
			if again := verify(t, sign(t, tt.doc, Options{}, cms.Options{}), ""); again.Signatures[0].State() == ades.Valid {
				t.Error("valid after a further signature")
			}
		})
	}
}

// otherCatalog appends an update whose trailer names another catalog.
func otherCatalog(t *testing.T, in []byte) []byte {
	t.Helper()
	out := revise(t, in, map[int]string{200: text(t, in, 1)})
	i := bytes.LastIndex(out, []byte("/Root 1 0 R"))
	return slices.Concat(out[:i], []byte("/Root 200 0 R"), out[i+len("/Root 1 0 R"):])
}

// A further signature may not bring actions with it.
func TestSignatureWithActionIsFound(t *testing.T) {
	signed := sign(t, formDocument("").bytes(), Options{}, cms.Options{})
	p, err := Prepare(bytes.NewReader(signed), int64(len(signed)), Options{Time: signedAt})
	if err != nil {
		t.Fatal(err)
	}
	// As long as the entry that it replaces.
	p.update = bytes.Replace(p.update, []byte("/Type /Annot"), []byte("/AA 1 /A 2  "), 1)
	var d document
	digest, err := p.Write(&d)
	if err != nil {
		t.Fatal(err)
	}
	message, err := cms.SignDigest(holder(t), digest, cms.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Put(&d, message); err != nil {
		t.Fatal(err)
	}
	if s := verify(t, d.b, "").Signatures[0]; !s.Changed() {
		t.Errorf("%+v", s.Later)
	}
}

func TestLocksAreHonoured(t *testing.T) {
	fill := func(doc []byte) []byte {
		return revise(t, doc, map[int]string{52: strings.Replace(text(t, doc, 52), "(uno)", "(due)", 1)})
	}
	for action, locked := range map[string]bool{
		"/Action /All": true, "/Action /Include /Fields [(testo)]": true, "/Action /Exclude /Fields [(casella)]": true,
		"/Action /Exclude /Fields [(testo)]": false, "/Action /Include /Fields [(casella)]": false,
	} {
		signed := sign(t, formDocument("/Lock <</Type /SigFieldLock "+action+">>").bytes(), Options{Field: "modulo.firma"}, cms.Options{})
		s := verify(t, fill(signed), "").Signatures[0]
		if _, not := kinds(s.Later); (len(not) == 1 && not[0] == ChangeLocked) != locked || s.Changed() != locked {
			t.Errorf("%s: %+v", action, s.Later)
		}
	}
}

// certified returns a document whose first signature certifies it with this level.
func certified(t *testing.T, level int) []byte {
	t.Helper()
	reference := fmt.Sprintf("/Reference [<</TransformMethod /DocMDP /TransformParams <</P %d>>>>]", level)
	reason := strings.Repeat("x", len(reference)-len("/Reason ()"))
	in := formDocument("").bytes()
	p, err := Prepare(bytes.NewReader(in), int64(len(in)), Options{Time: signedAt, Reason: reason})
	if err != nil {
		t.Fatal(err)
	}
	p.update = bytes.Replace(p.update, []byte("/Reason ("+reason+")"), []byte(reference), 1)
	var d document
	digest, err := p.Write(&d)
	if err != nil {
		t.Fatal(err)
	}
	message, err := cms.SignDigest(holder(t), digest, cms.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Put(&d, message); err != nil {
		t.Fatal(err)
	}
	return d.b
}

func TestCertificationsAreHonoured(t *testing.T) {
	fill := func(doc []byte) []byte {
		return revise(t, doc, map[int]string{52: strings.Replace(text(t, doc, 52), "(uno)", "(due)", 1)})
	}
	for level := 1; level <= 3; level++ {
		doc := certified(t, level)
		if s := verify(t, fill(doc), "").Signatures[0]; s.Changed() != (level == 1) {
			t.Errorf("level %d, filled in: %+v", level, s.Later)
		}
		_, err := trySign(t, doc, Options{}, cms.Options{})
		var refused *RefusedError
		if level == 1 != (errors.As(err, &refused) && refused.Reason == Certified) {
			t.Errorf("level %d, signed: %v", level, err)
		}
	}
}

// resigned signs a document whose /ByteRange is made by change from the right one.
func resigned(t *testing.T, in []byte, change func(before, after, rest int64) [4]int64) []byte {
	t.Helper()
	p, err := Prepare(bytes.NewReader(in), int64(len(in)), Options{Time: signedAt})
	if err != nil {
		t.Fatal(err)
	}
	before := p.size + int64(p.contents)
	after := before + int64(2*p.reserve+2)
	v := change(before, after, p.Size()-after)
	i := bytes.Index(p.update, []byte("/ByteRange[")) + len("/ByteRange")
	j := i + bytes.IndexByte(p.update[i:], ']') + 1
	copy(p.update[i:], fmt.Sprintf("%-*s", j-i, fmt.Sprintf("[%d %d %d %d]", v[0], v[1], v[2], v[3]))[:j-i])
	var d document
	if _, err := p.Write(&d); err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	h.Write(d.b[v[0] : v[0]+v[1]])
	h.Write(d.b[v[2] : v[2]+v[3]])
	message, err := cms.SignDigest(holder(t), h.Sum(nil), cms.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Put(&d, message); err != nil {
		t.Fatal(err)
	}
	return d.b
}

func TestByteRangeMustCoverEverything(t *testing.T) {
	in := plain(1).bytes()
	tests := map[string]func(before, after, rest int64) [4]int64{
		"gap after":        func(b, a, r int64) [4]int64 { return [4]int64{0, b, a + 10, r - 10} },
		"gap before":       func(b, a, r int64) [4]int64 { return [4]int64{0, b - 5, a, r} },
		"not from start":   func(b, a, r int64) [4]int64 { return [4]int64{5, b - 5, a, r} },
		"not to the end":   func(b, a, r int64) [4]int64 { return [4]int64{0, b, a, r - 20} },
		"original only":    func(b, a, r int64) [4]int64 { return [4]int64{0, int64(len(in)), int64(len(in)), 0} },
		"without brackets": func(b, a, r int64) [4]int64 { return [4]int64{0, b + 1, a - 1, r + 1} },
	}
	for title, change := range tests {
		t.Run(title, func(t *testing.T) {
			r := verify(t, resigned(t, in, change), "")
			s := r.Signatures[0]
			if s.State() != ades.Invalid || !slices.Contains(s.Result.Reasons, ades.NotCovered) || s.Length != 0 {
				t.Errorf("%v %v", s.State(), s.Result.Reasons)
			}
		})
	}
	same := resigned(t, in, func(b, a, r int64) [4]int64 { return [4]int64{0, b, a, r} })
	if s := verify(t, same, "").State(); s != ades.Valid {
		t.Errorf("the right range: %v", s)
	}
}

func TestTenSignaturesStayValid(t *testing.T) {
	doc := formDocument("").bytes()
	for range 10 {
		doc = sign(t, doc, Options{Appearance: &Appearance{Lines: []string{"x"}}}, cms.Options{})
	}
	r := verify(t, doc, "")
	if len(r.Signatures) != 10 || r.State() != ades.Valid {
		t.Errorf("%d signatures, %v", len(r.Signatures), r.State())
	}
	for i, s := range r.Signatures {
		if len(s.Later) != 9-i || s.Changed() {
			t.Errorf("signature %d: later changes %+v, want %d; %v", i, s.Later, 9-i, s.Result.Reasons)
		}
	}
}

func TestDocumentTimestampProvesTheTime(t *testing.T) {
	doc := timestamped(t, sign(t, plain(1).bytes(), Options{}, cms.Options{}))
	r := verify(t, doc, "")
	if len(r.Signatures) != 2 || r.Signatures[1].Stamp == nil || !r.Signatures[1].Stamp.Intact {
		t.Fatalf("%d signatures", len(r.Signatures))
	}
	if s := r.Signatures[0].Result; len(s.Stamps) != 1 || s.Level != "B-T" {
		t.Errorf("%+v", s)
	}
	// A stamp in the signature itself.
	r = verify(t, sign(t, plain(1).bytes(), Options{Reserve: ReserveTimestamp}, cms.Options{Timestamp: stamping(t)}), "")
	if s := r.Signatures[0].Result; s.Level != "B-T" {
		t.Errorf("%+v", s)
	}
}

func TestUnsignedDocumentIsNotValid(t *testing.T) {
	if r := verify(t, plain(1).bytes(), ""); r.State() != ades.Unknown || len(r.Signatures) != 0 {
		t.Errorf("%v", r.State())
	}
}
