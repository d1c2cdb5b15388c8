package pdf

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"golang.org/x/image/font/gofont/goregular"
)

// The text of a visible signature is set in Go Regular by Bigelow & Holmes
// (BSD licence of the Go project, which allows embedding), which has the
// Latin, Greek and Cyrillic letters of European languages. Only the glyphs
// that are used are embedded.

// font is a TrueType font and the glyphs used of it.
type font struct {
	tables     map[string][]byte
	cmap       []byte // the format 4 subtable
	unitsPerEm int
	longLoca   bool
	metrics    int // number of hMetrics
	glyphs     int
	used       map[uint16]rune
}

var errFont = errors.New("pdf: the built-in font is malformed")

func newFont() (*font, error) { return parseFont(goregular.TTF) }

func parseFont(ttf []byte) (*font, error) {
	f := &font{tables: make(map[string][]byte), used: make(map[uint16]rune)}
	if len(ttf) < 12 {
		return nil, errFont
	}
	n := int(binary.BigEndian.Uint16(ttf[4:]))
	for i := range n {
		if len(ttf) < 12+16*(i+1) {
			return nil, errFont
		}
		rec := ttf[12+16*i:]
		off, length := int(binary.BigEndian.Uint32(rec[8:])), int(binary.BigEndian.Uint32(rec[12:]))
		if off > len(ttf) || length > len(ttf)-off {
			return nil, errFont
		}
		f.tables[string(rec[:4])] = ttf[off : off+length]
	}
	for tag, least := range map[string]int{"head": 54, "hhea": 36, "maxp": 6, "hmtx": 4, "loca": 4, "glyf": 1, "cmap": 4} {
		if len(f.tables[tag]) < least {
			return nil, errFont
		}
	}
	f.unitsPerEm = int(binary.BigEndian.Uint16(f.tables["head"][18:]))
	f.longLoca = f.tables["head"][51] == 1
	f.metrics = int(binary.BigEndian.Uint16(f.tables["hhea"][34:]))
	f.glyphs = int(binary.BigEndian.Uint16(f.tables["maxp"][4:]))
	cmap := f.tables["cmap"]
	for i := range int(binary.BigEndian.Uint16(cmap[2:])) {
		rec := cmap[4+8*i:]
		sub := cmap[binary.BigEndian.Uint32(rec[4:]):]
		if binary.BigEndian.Uint16(rec) == 3 && binary.BigEndian.Uint16(sub) == 4 {
			f.cmap = sub
		}
	}
	if f.cmap == nil || f.unitsPerEm == 0 || f.metrics == 0 {
		return nil, errFont
	}
	return f, nil
}

// glyph returns the glyph of a character, 0 if the font has none.
func (f *font) glyph(r rune) uint16 {
	if r > 0xFFFF {
		return 0
	}
	u16 := func(i int) int { return int(binary.BigEndian.Uint16(f.cmap[i:])) }
	segments := u16(6) / 2
	ends, starts := 14, 16+2*segments
	deltas, ranges := starts+2*segments, starts+4*segments
	for i := range segments {
		if int(r) > u16(ends+2*i) {
			continue
		}
		start := u16(starts + 2*i)
		if int(r) < start {
			return 0
		}
		offset := u16(ranges + 2*i)
		if offset == 0 {
			return uint16(int(r) + u16(deltas+2*i))
		}
		at := ranges + 2*i + offset + 2*(int(r)-start)
		if at+2 > len(f.cmap) || u16(at) == 0 {
			return 0
		}
		return uint16(u16(at) + u16(deltas+2*i))
	}
	return 0
}

// substitutes are characters of European names that the font has in another form.
var substitutes = map[rune]rune{
	'Ș': 'Ş', 'ș': 'ş', 'Ț': 'Ţ', 'ț': 'ţ', '\t': ' ', '\n': ' ', '\r': ' ', '\u00A0': ' ', '\u202F': ' ', '\u2011': '-',
}

// encode returns the glyphs of a text and marks them as used. A character that
// the font does not have becomes a question mark.
func (f *font) encode(text string) []uint16 {
	out := make([]uint16, 0, len(text))
	for _, r := range text {
		if s, ok := substitutes[r]; ok {
			r = s
		}
		g := f.glyph(r)
		if g == 0 {
			r = '?'
			g = f.glyph(r)
		}
		f.used[g] = r
		out = append(out, g)
	}
	return out
}

// advance returns the width of a glyph in thousandths of the font size.
func (f *font) advance(g uint16) int {
	i := min(int(g), f.metrics-1)
	hmtx := f.tables["hmtx"]
	if 4*i+2 > len(hmtx) {
		return 0
	}
	return int(binary.BigEndian.Uint16(hmtx[4*i:])) * 1000 / f.unitsPerEm
}

// width returns the width of a text at size 1.
func (f *font) width(text string) float64 {
	w := 0
	for _, g := range f.encode(text) {
		w += f.advance(g)
	}
	return float64(w) / 1000
}

func (f *font) location(g uint16) (from, to int) {
	loca := f.tables["loca"]
	if f.longLoca {
		if 4*int(g)+8 > len(loca) {
			return 0, 0
		}
		from, to = int(binary.BigEndian.Uint32(loca[4*int(g):])), int(binary.BigEndian.Uint32(loca[4*int(g)+4:]))
	} else {
		if 2*int(g)+4 > len(loca) {
			return 0, 0
		}
		from, to = 2*int(binary.BigEndian.Uint16(loca[2*int(g):])), 2*int(binary.BigEndian.Uint16(loca[2*int(g)+2:]))
	}
	if from > to || to > len(f.tables["glyf"]) {
		return 0, 0
	}
	return from, to
}

// closure returns the used glyphs, what composite glyphs are made of, and
// glyph 0, in order.
func (f *font) closure() []uint16 {
	need := map[uint16]bool{}
	var visit func(g uint16)
	visit = func(g uint16) {
		if need[g] || int(g) >= f.glyphs {
			return
		}
		need[g] = true
		from, to := f.location(g)
		data := f.tables["glyf"][from:to]
		if len(data) < 10 || int16(binary.BigEndian.Uint16(data)) >= 0 {
			return
		}
		for data = data[10:]; len(data) >= 4; {
			flags := binary.BigEndian.Uint16(data)
			visit(binary.BigEndian.Uint16(data[2:]))
			size := 6
			if flags&1 != 0 { // ARG_1_AND_2_ARE_WORDS
				size += 2
			}
			switch {
			case flags&0x08 != 0: // WE_HAVE_A_SCALE
				size += 2
			case flags&0x40 != 0: // x and y scale
				size += 4
			case flags&0x80 != 0: // two by two
				size += 8
			}
			if flags&0x20 == 0 || len(data) < size { // MORE_COMPONENTS
				return
			}
			data = data[size:]
		}
	}
	visit(0)
	for g := range f.used {
		visit(g)
	}
	var out []uint16
	for g := range need {
		out = append(out, g)
	}
	slices.Sort(out)
	return out
}

// subset returns a TrueType font with the used glyphs under their numbers.
func (f *font) subset() []byte {
	glyphs := f.closure()
	count := int(glyphs[len(glyphs)-1]) + 1
	var glyf, loca, hmtx []byte
	next := 0
	for g := range count {
		loca = binary.BigEndian.AppendUint32(loca, uint32(len(glyf)))
		width := uint16(0)
		var bearing uint16
		if next < len(glyphs) && int(glyphs[next]) == g {
			next++
			from, to := f.location(uint16(g))
			glyf = append(glyf, f.tables["glyf"][from:to]...)
			for len(glyf)%4 != 0 {
				glyf = append(glyf, 0)
			}
			width, bearing = f.metric(g)
		}
		hmtx = binary.BigEndian.AppendUint16(hmtx, width)
		hmtx = binary.BigEndian.AppendUint16(hmtx, bearing)
	}
	loca = binary.BigEndian.AppendUint32(loca, uint32(len(glyf)))
	head, hhea, maxp := bytes.Clone(f.tables["head"]), bytes.Clone(f.tables["hhea"]), bytes.Clone(f.tables["maxp"])
	clear(head[8:12])                        // checkSumAdjustment
	binary.BigEndian.PutUint16(head[50:], 1) // long loca
	binary.BigEndian.PutUint16(hhea[34:], uint16(count))
	binary.BigEndian.PutUint16(maxp[4:], uint16(count))
	tables := map[string][]byte{"head": head, "hhea": hhea, "maxp": maxp, "hmtx": hmtx, "loca": loca, "glyf": glyf}
	for _, tag := range []string{"cvt ", "fpgm", "prep"} {
		if b, ok := f.tables[tag]; ok {
			tables[tag] = b
		}
	}
	return sfnt(tables)
}

// metric returns the advance and left side bearing of a glyph in font units.
func (f *font) metric(g int) (advance, bearing uint16) {
	hmtx := f.tables["hmtx"]
	i := min(g, f.metrics-1)
	if 4*i+4 > len(hmtx) {
		return 0, 0
	}
	advance, bearing = binary.BigEndian.Uint16(hmtx[4*i:]), binary.BigEndian.Uint16(hmtx[4*i+2:])
	if at := 4*f.metrics + 2*(g-f.metrics); g >= f.metrics && at+2 <= len(hmtx) {
		bearing = binary.BigEndian.Uint16(hmtx[at:])
	}
	return advance, bearing
}

func sfnt(tables map[string][]byte) []byte {
	tags := make([]string, 0, len(tables))
	for tag := range tables {
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	n := len(tags)
	selector := 0
	for 2<<selector <= n {
		selector++
	}
	b := []byte{0, 1, 0, 0}
	for _, v := range []int{n, 16 << selector, selector, 16*n - 16<<selector} {
		b = binary.BigEndian.AppendUint16(b, uint16(v))
	}
	at := 12 + 16*n
	for _, tag := range tags {
		var sum uint32
		padded := append(bytes.Clone(tables[tag]), make([]byte, -len(tables[tag])&3)...)
		for i := 0; i < len(padded); i += 4 {
			sum += binary.BigEndian.Uint32(padded[i:])
		}
		b = append(b, tag...)
		b = binary.BigEndian.AppendUint32(b, sum)
		b = binary.BigEndian.AppendUint32(b, uint32(at))
		b = binary.BigEndian.AppendUint32(b, uint32(len(tables[tag])))
		at += len(padded)
	}
	for _, tag := range tags {
		b = append(b, tables[tag]...)
		b = append(b, make([]byte, -len(tables[tag])&3)...)
	}
	return b
}

// embed adds the font with its used glyphs to an update (9.7: a composite
// font whose codes are glyph numbers) and returns the reference to it.
func (f *font) embed(u *update) (ref, error) {
	const baseFont = name("CIEFRM+GoRegular")
	data := f.subset()
	packed, err := compress(data)
	if err != nil {
		return ref{}, err
	}
	file := u.addStream(dict{{"Filter", name("FlateDecode")}, {"Length1", int64(len(data))}}, packed)
	scale := func(table string, at int) int64 {
		return int64(int16(binary.BigEndian.Uint16(f.tables[table][at:]))) * 1000 / int64(f.unitsPerEm)
	}
	descriptor := u.add(dict{{"Type", name("FontDescriptor")}, {"FontName", baseFont}, {"Flags", int64(4)},
		{"FontBBox", array{scale("head", 36), scale("head", 38), scale("head", 40), scale("head", 42)}},
		{"ItalicAngle", int64(0)}, {"Ascent", scale("hhea", 4)}, {"Descent", scale("hhea", 6)},
		{"CapHeight", int64(700)}, {"StemV", int64(80)}, {"FontFile2", file}})
	var used []uint16
	for g := range f.used {
		used = append(used, g)
	}
	slices.Sort(used)
	var widths array
	for _, g := range used {
		widths = append(widths, int64(g), array{int64(f.advance(g))})
	}
	descendant := u.add(dict{{"Type", name("Font")}, {"Subtype", name("CIDFontType2")}, {"BaseFont", baseFont},
		{"CIDSystemInfo", dict{{"Registry", str("Adobe")}, {"Ordering", str("Identity")}, {"Supplement", int64(0)}}},
		{"FontDescriptor", descriptor}, {"W", widths}, {"CIDToGIDMap", name("Identity")}})
	cmap, err := compress([]byte(f.toUnicode(used)))
	if err != nil {
		return ref{}, err
	}
	unicode := u.addStream(dict{{"Filter", name("FlateDecode")}}, cmap)
	return u.add(dict{{"Type", name("Font")}, {"Subtype", name("Type0")}, {"BaseFont", baseFont},
		{"Encoding", name("Identity-H")}, {"DescendantFonts", array{descendant}}, {"ToUnicode", unicode}}), nil
}

// toUnicode returns the map that makes the text searchable and copyable (9.10.3).
func (f *font) toUnicode(used []uint16) string {
	var b strings.Builder
	b.WriteString("/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n" +
		"/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n" +
		"/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n" +
		"1 begincodespacerange <0000> <FFFF> endcodespacerange\n")
	for part := range slices.Chunk(used, 100) {
		fmt.Fprintf(&b, "%d beginbfchar\n", len(part))
		for _, g := range part {
			fmt.Fprintf(&b, "<%04X> <", g)
			for _, c := range utf16.Encode([]rune{f.used[g]}) {
				fmt.Fprintf(&b, "%04X", c)
			}
			b.WriteString(">\n")
		}
		b.WriteString("endbfchar\n")
	}
	b.WriteString("endcmap CMapName currentdict /CMap defineresource pop end end")
	return b.String()
}

func compress(data []byte) ([]byte, error) {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
