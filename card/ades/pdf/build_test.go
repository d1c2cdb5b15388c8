package pdf

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// builder makes PDFs with the peculiarities that occur.
type builder struct {
	before       string // junk before the header
	fromStart    bool   // offsets count from the start of the file in spite of it
	eol          string
	objects      map[int]string // text between obj and endobj
	packed       []int          // objects that go into an object stream
	kind         string         // table, stream or hybrid
	trailer      string         // further entries
	after        string         // after %%EOF
	noSpaceInRow bool           // table rows of 19 bytes
}

func streamObject(d, data string) string {
	return fmt.Sprintf("<<%s /Length %d>>\nstream\n%s\nendstream", d, len(data), data)
}

// plain returns a document of n pages.
func plain(n int) *builder {
	b := &builder{eol: "\n", kind: "table", objects: map[int]string{}, trailer: "/ID [<0123456789ABCDEF0123456789ABCDEF> <00112233445566778899AABBCCDDEEFF>]"}
	b.objects[1] = "<</Type /Catalog /Pages 2 0 R>>"
	b.objects[3] = "<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>"
	b.objects[4] = "<</Producer (a test) /Title (Prova)>>"
	b.trailer += " /Info 4 0 R"
	var kids []string
	for i := range n {
		p := 10 + 2*i
		kids = append(kids, fmt.Sprintf("%d 0 R", p))
		b.objects[p] = fmt.Sprintf("<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources <</Font <</F1 3 0 R>>>> /Contents %d 0 R>>", p+1)
		b.objects[p+1] = streamObject("", fmt.Sprintf("BT /F1 24 Tf 72 700 Td (Page %d: pay 100 euro) Tj ET", i+1))
	}
	b.objects[2] = fmt.Sprintf("<</Type /Pages /Kids [%s] /Count %d>>", strings.Join(kids, " "), n)
	return b
}

func deflate(data []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	w.Write(data)
	w.Close()
	return out.Bytes()
}

func (b *builder) bytes() []byte {
	objects := map[int]string{}
	for num, text := range b.objects {
		objects[num] = text
	}
	base := 0
	if !b.fromStart {
		base = len(b.before)
	}
	size := slices.Max(keys(objects)) + 1
	var packedIn int
	index := map[int]int{}
	if len(b.packed) > 0 {
		packedIn = size
		size++
		var head, body string
		for i, num := range b.packed {
			index[num] = i
			head += fmt.Sprintf("%d %d ", num, len(body))
			body += objects[num] + "\n"
			delete(objects, num)
		}
		data := deflate([]byte(head + body))
		objects[packedIn] = fmt.Sprintf("<</Type /ObjStm /N %d /First %d /Filter /FlateDecode /Length %d>>\nstream\n%s\nendstream", len(b.packed), len(head), len(data), data)
	}
	var out bytes.Buffer
	out.WriteString(b.before + "%PDF-1.7" + b.eol + "%\xE2\xE3\xCF\xD3" + b.eol)
	at := map[int]int{}
	nums := keys(objects)
	for _, num := range nums {
		at[num] = out.Len() - base
		text := objects[num]
		if b.eol != "\n" && !strings.Contains(text, "ObjStm") {
			text = strings.ReplaceAll(text, "\n", b.eol)
		}
		fmt.Fprintf(&out, "%d 0 obj%s%s%sendobj%s", num, b.eol, text, b.eol, b.eol)
	}
	hidden := ""
	if b.kind != "table" {
		self := size
		size++
		start := out.Len() - base
		at[self] = start
		var rows []byte
		row := func(kind byte, v, w int) { rows = append(rows, kind, byte(v>>16), byte(v>>8), byte(v), byte(w)) }
		var idx string
		if b.kind == "stream" {
			idx = fmt.Sprintf("[0 %d]", size)
			for num := range size {
				if i, ok := index[num]; ok {
					row(2, packedIn, i)
				} else if o, ok := at[num]; ok {
					row(1, o, 0)
				} else {
					row(0, 0, 0)
				}
			}
		} else {
			for _, num := range b.packed {
				idx += fmt.Sprintf("%d 1 ", num)
				row(2, packedIn, index[num])
			}
			idx = "[" + idx + "]"
		}
		data := string(deflate(rows))
		fmt.Fprintf(&out, "%d 0 obj\n<</Type /XRef /Size %d /W [1 3 1] /Index %s /Root 1 0 R %s /Filter /FlateDecode /Length %d>>\nstream\n%s\nendstream\nendobj\n",
			self, size, idx, b.trailer, len(data), data)
		if b.kind == "stream" {
			fmt.Fprintf(&out, "startxref%s%d%s%%%%EOF%s", b.eol, start, b.eol, b.after)
			return out.Bytes()
		}
		hidden = fmt.Sprintf(" /XRefStm %d", start)
	}
	start := out.Len() - base
	fmt.Fprintf(&out, "xref%s0 %d%s", b.eol, size, b.eol)
	for num := range size {
		end := " " + b.eol
		if len(b.eol) == 2 {
			end = b.eol
		}
		if b.noSpaceInRow {
			end = b.eol
		}
		if o, ok := at[num]; ok {
			fmt.Fprintf(&out, "%010d 00000 n%s", o, end)
		} else {
			fmt.Fprintf(&out, "%010d 65535 f%s", 0, end)
		}
	}
	fmt.Fprintf(&out, "trailer%s<</Size %d /Root 1 0 R %s%s>>%sstartxref%s%d%s%%%%EOF%s",
		b.eol, size, b.trailer, hidden, b.eol, b.eol, start, b.eol, b.after)
	return out.Bytes()
}

func keys(m map[int]string) []int {
	var out []int
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// peculiar returns unusual but readable forms of files.
func peculiar() map[string][]byte {
	out := map[string][]byte{}
	add := func(name string, change func(b *builder)) {
		b := plain(2)
		change(b)
		out[name] = b.bytes()
	}
	add("plain", func(b *builder) {})
	add("stream", func(b *builder) { b.kind = "stream" })
	add("object streams with catalog", func(b *builder) { b.kind = "stream"; b.packed = []int{1, 2, 3, 10, 12} })
	add("hybrid", func(b *builder) { b.kind = "hybrid"; b.packed = []int{3, 4} })
	add("hybrid with catalog", func(b *builder) { b.kind = "hybrid"; b.packed = []int{1, 2, 3, 10, 12} })
	add("junk before header", func(b *builder) { b.before = "HTTP/1.1 200 OK\r\n\r\n" })
	add("junk before header, offsets from start", func(b *builder) { b.before = "\n\n \n"; b.fromStart = true })
	add("CR line ends", func(b *builder) { b.eol = "\r" })
	add("CR LF line ends", func(b *builder) { b.eol = "\r\n" })
	add("short rows", func(b *builder) { b.noSpaceInRow = true })
	add("no end of line at the end", func(b *builder) { b.after = "" })
	add("white space at the end", func(b *builder) { b.after = "\r\n\r\n   \r\n" })
	add("no ID", func(b *builder) { b.trailer = "" })
	add("indirect annots", func(b *builder) {
		b.objects[10] = strings.Replace(b.objects[10], "/Contents", "/Annots 30 0 R /Contents", 1)
		b.objects[30] = "[31 0 R]"
		b.objects[31] = "<</Type /Annot /Subtype /Text /Rect [10 10 30 30] /Contents (nota)>>"
	})
	add("null annots", func(b *builder) {
		b.objects[10] = strings.Replace(b.objects[10], "/Contents", "/Annots 99 0 R /Contents", 1)
	})
	add("direct annots", func(b *builder) {
		b.objects[10] = strings.Replace(b.objects[10], "/Contents", "/Annots [31 0 R] /Contents", 1)
		b.objects[31] = "<</Type /Annot /Subtype /Text /Rect [10 10 30 30] /Contents (nota)>>"
	})
	add("empty form", func(b *builder) {
		b.objects[1] = "<</Type /Catalog /Pages 2 0 R /AcroForm <</Fields []>>>>"
	})
	add("form without fields", func(b *builder) {
		b.objects[1] = "<</Type /Catalog /Pages 2 0 R /AcroForm 40 0 R>>"
		b.objects[40] = "<</DA (/Helv 0 Tf 0 g)>>"
	})
	add("indirect fields", func(b *builder) {
		b.objects[1] = "<</Type /Catalog /Pages 2 0 R /AcroForm 40 0 R>>"
		b.objects[40] = "<</Fields 41 0 R /SigFlags 3>>"
		b.objects[41] = "[]"
	})
	add("inherited", func(b *builder) {
		b.objects[2] = strings.Replace(b.objects[2], "/Kids", "/MediaBox [-20 -10 575 832] /Rotate 90 /Kids", 1)
		for _, n := range []int{10, 12} {
			b.objects[n] = strings.Replace(b.objects[n], "/MediaBox [0 0 595 842]", "", 1)
		}
	})
	add("user unit", func(b *builder) {
		b.objects[10] = strings.Replace(b.objects[10], "/MediaBox", "/UserUnit 2.0 /MediaBox", 1)
	})
	add("names that need escapes", func(b *builder) {
		b.objects[1] = "<</Type /Catalog /Pages 2 0 R /A#20B#23 (x\\)\\\\\\(y) /Odd#C3#A8 <FEFF00E8>>>"
	})
	add("strange generation", func(b *builder) {
		b.objects[10] = strings.Replace(b.objects[10], "/Contents", "/Tabs /S /LastModified (D:2020) /Contents", 1)
	})
	for name, b := range out {
		if _, ok := map[string]bool{"no end of line at the end": true, "white space at the end": true}[name]; !ok {
			out[name] = append(b, '\n')
		}
	}
	return out
}

// tool returns the path of a program, or skips the test.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed (.ci/deps test)", name)
	}
	return path
}

func writeTemp(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// qpdf runs qpdf with args on a document and returns the new one.
func qpdf(t testing.TB, in []byte, args ...string) []byte {
	t.Helper()
	path := writeTemp(t, "in.pdf", in)
	out := path + ".out"
	args = append(append([]string{}, args...), path, out)
	if msg, err := exec.Command(tool(t, "qpdf"), args...).CombinedOutput(); err != nil {
		if x, ok := err.(*exec.ExitError); !ok || x.ExitCode() != 3 {
			t.Fatalf("qpdf %v: %v\n%s", args, err, msg)
		}
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// encrypted returns the kinds of encryption that qpdf supports, with an empty user
// password unless the name says otherwise.
func encrypted(t testing.TB, in []byte) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	add := func(name string, args ...string) { out[name] = qpdf(t, in, args...) }
	add("RC4-40", "--allow-weak-crypto", "--encrypt", "", "owner", "40", "--")
	add("RC4-128", "--allow-weak-crypto", "--encrypt", "", "owner", "128", "--use-aes=n", "--")
	add("RC4-128 V4", "--allow-weak-crypto", "--encrypt", "", "owner", "128", "--use-aes=n", "--force-V4", "--")
	add("AES-128", "--allow-weak-crypto", "--encrypt", "", "owner", "128", "--use-aes=y", "--")
	add("AES-128 cleartext metadata", "--allow-weak-crypto", "--encrypt", "", "owner", "128", "--use-aes=y", "--cleartext-metadata", "--")
	add("AES-256 R5", "--allow-weak-crypto", "--encrypt", "", "owner", "256", "--force-R5", "--")
	add("AES-256 R6", "--encrypt", "", "owner", "256", "--")
	add("AES-256 object streams", "--object-streams=generate", "--encrypt", "", "owner", "256", "--")
	add("AES-256 password", "--encrypt", "segreto", "owner", "256", "--")
	add("AES-128 password", "--allow-weak-crypto", "--encrypt", "segreto", "owner", "128", "--use-aes=y", "--")
	return out
}
