package pdf

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
)

// Paragraph is one paragraph of a document that WriteSheets writes.
type Paragraph struct {
	Text   string
	Size   float64 // of the font in points, 0 for 10
	Indent float64 // from the left margin, in points
	Above  float64 // space above, in points
}

// A4 with margins, in points.
const (
	sheetWidth, sheetHeight = 595.0, 842.0
	sheetMargin             = 56.0
	sheetText               = 10.0
)

// WriteSheets writes a document of A4 pages that shows paragraphs in the built-in
// font, and has a title and a language such as "it" for screen readers. Characters
// that the font does not have become question marks.
func WriteSheets(w io.Writer, title, language string, at time.Time, paragraphs []Paragraph) error {
	f, err := newFont()
	if err != nil {
		return err
	}
	contents := f.sheets(paragraphs)
	u := newUpdate(&file{})
	u.next = 1
	catalog, tree := u.reserve(), u.reserve()
	var kids array
	resources := u.reserve()
	for i, content := range contents {
		// The number of pages is known only now.
		number := fmt.Sprintf("%d/%d", i+1, len(contents))
		f.line(content, number, 8, sheetWidth-sheetMargin-8*f.width(number), sheetMargin/2)
		data, err := compress(content.Bytes())
		if err != nil {
			return err
		}
		stream := u.addStream(dict{{"Filter", name("FlateDecode")}}, data)
		kids = append(kids, u.add(dict{{"Type", name("Page")}, {"Parent", tree}, {"Contents", stream}, {"Resources", resources}}))
	}
	id, err := f.embed(u)
	if err != nil {
		return err
	}
	u.set(resources, dict{{"Font", dict{{"F", id}}}})
	u.set(catalog, dict{{"Type", name("Catalog")}, {"Pages", tree}, {"Lang", newText(language)},
		{"ViewerPreferences", dict{{"DisplayDocTitle", true}}}})
	u.set(tree, dict{{"Type", name("Pages")}, {"Count", int64(len(kids))}, {"Kids", kids},
		{"MediaBox", array{int64(0), int64(0), points(sheetWidth), points(sheetHeight)}}})
	info := u.add(dict{{"Title", newText(title)}, {"CreationDate", str(at.Format("D:20060102150405-07'00'"))}})
	return u.writeNew(w, catalog, info)
}

// sheets breaks the paragraphs into lines and the lines into pages.
func (f *font) sheets(paragraphs []Paragraph) []*bytes.Buffer {
	var pages []*bytes.Buffer
	y := 0.0
	for _, p := range paragraphs {
		size := p.Size
		if size == 0 {
			size = sheetText
		}
		room := sheetWidth - 2*sheetMargin - p.Indent
		y -= p.Above
		for _, line := range f.wrap(f.breakWords(p.Text, room/size), room/size) {
			if y -= size * lineHeight; y < sheetMargin || len(pages) == 0 {
				pages = append(pages, &bytes.Buffer{})
				y = sheetHeight - sheetMargin - size
			}
			f.line(pages[len(pages)-1], line, size, sheetMargin+p.Indent, y)
		}
	}
	if len(pages) == 0 {
		pages = append(pages, &bytes.Buffer{})
	}
	return pages
}

// breakWords returns the lines of a text, with spaces in words that are wider than
// the page.
func (f *font) breakWords(text string, width float64) []string {
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		for i, word := range words {
			if f.width(word) <= width {
				continue
			}
			var broken strings.Builder
			part := ""
			for _, r := range word {
				if part != "" && f.width(part+string(r)) > width {
					broken.WriteString(part + " ")
					part = ""
				}
				part += string(r)
			}
			words[i] = broken.String() + part
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return lines
}

// line shows one line with its left end on the base line at x, y.
func (f *font) line(b *bytes.Buffer, text string, size, x, y float64) {
	fmt.Fprintf(b, "BT /F %s Tf %s %s Td <", points(size), points(x), points(y))
	for _, g := range f.encode(text) {
		fmt.Fprintf(b, "%04X", g)
	}
	b.WriteString("> Tj ET\n")
}

// writeNew writes the objects as a document of its own (7.5).
func (u *update) writeNew(w io.Writer, catalog, info ref) error {
	b := []byte("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")
	at := make([]int, u.next)
	var err error
	for _, o := range u.objects {
		at[o.id.num] = len(b)
		if b, err = u.appendIndirect(b, o); err != nil {
			return err
		}
	}
	start := len(b)
	b = fmt.Appendf(b, "xref\n0 %d\n0000000000 65535 f \n", u.next)
	for _, offset := range at[1:] {
		b = fmt.Appendf(b, "%010d 00000 n \n", offset)
	}
	b = append(b, "trailer\n"...)
	if b, err = appendObject(b, dict{{"Size", int64(u.next)}, {"Root", catalog}, {"Info", info}}, nil); err != nil {
		return err
	}
	b = fmt.Appendf(b, "\nstartxref\n%d\n%%%%EOF\n", start)
	_, err = w.Write(b)
	return err
}
