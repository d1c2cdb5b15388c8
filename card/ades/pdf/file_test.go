package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

func open(t testing.TB, b []byte, password string) *file {
	t.Helper()
	f, err := openFile(bytes.NewReader(b), int64(len(b)), []byte(password))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestReadsPeculiarFiles(t *testing.T) {
	for title, b := range peculiar() {
		t.Run(title, func(t *testing.T) {
			f := open(t, b, "")
			p, err := f.page(1)
			if err != nil {
				t.Fatal(err)
			}
			if p.mediaBox.width() != 595 || p.mediaBox.height() != 842 {
				t.Errorf("media box %v", p.mediaBox)
			}
			last, err := f.page(-1)
			if err != nil || last.id.num != 12 {
				t.Errorf("last page: %v, %v", last, err)
			}
			var none *PageError
			if _, err := f.page(3); !errors.As(err, &none) || none.Pages != 2 {
				t.Errorf("page 3: %v", err)
			}
			if info, err := f.dict(f.trailer.get("Info")); title != "no ID" && (err != nil || info.get("Title") != str("Prova")) {
				t.Errorf("title: %v, %v", info, err)
			}
		})
	}
}

func TestReadsEncryptedFiles(t *testing.T) {
	for title, b := range encrypted(t, plain(2).bytes()) {
		t.Run(title, func(t *testing.T) {
			user := ""
			if strings.Contains(title, "password") {
				user = "segreto"
				if _, err := openFile(bytes.NewReader(b), int64(len(b)), nil); !errors.Is(err, ErrPassword) {
					t.Errorf("without the password: %v", err)
				}
				if _, err := openFile(bytes.NewReader(b), int64(len(b)), []byte("wrong")); !errors.Is(err, ErrPassword) {
					t.Errorf("with a wrong password: %v", err)
				}
			}
			for _, password := range []string{user, "owner"} {
				f := open(t, b, password)
				info, err := f.dict(f.trailer.get("Info"))
				if err != nil || info.get("Title") != str("Prova") {
					t.Errorf("title with %q: %v, %v", password, info, err)
				}
				if f.crypt.owner != (password == "owner") {
					t.Errorf("owner with %q: %v", password, f.crypt.owner)
				}
			}
		})
	}
}

func TestReadsLinearizedFiles(t *testing.T) {
	for _, streams := range []string{"disable", "generate"} {
		f := open(t, qpdf(t, plain(3).bytes(), "--linearize", "--object-streams="+streams), "")
		if _, err := f.page(3); err != nil {
			t.Error(err)
		}
	}
}

func TestRefusesDamagedFiles(t *testing.T) {
	tests := map[string]func() []byte{
		"no header": func() []byte { return []byte("hello") },
		"empty":     func() []byte { return nil },
		"cut off":   func() []byte { b := plain(2).bytes(); return b[:len(b)/2] },
		"wrong startxref": func() []byte {
			return bytes.Replace(plain(1).bytes(), []byte("startxref\n"), []byte("startxref\n1"), 1)
		},
		"moved objects": func() []byte {
			return bytes.Replace(plain(1).bytes(), []byte("1 0 obj"), []byte(" 1 0 objx"), 1)
		},
		"prev circle": func() []byte {
			b := plain(1)
			start := bytes.LastIndex(b.bytes(), []byte("xref\n0"))
			b.trailer += fmt.Sprintf(" /Prev %d", start)
			return b.bytes()
		},
		"page tree circle": func() []byte {
			b := plain(1)
			b.objects[2] = "<</Type /Pages /Kids [2 0 R] /Count 1>>"
			return b.bytes()
		},
		"length of itself": func() []byte {
			b := plain(1)
			b.objects[10] = "<</Length 10 0 R>>\nstream\n\nendstream"
			return b.bytes()
		},
		"deep nesting": func() []byte {
			b := plain(1)
			b.objects[1] = "<</Pages 2 0 R /A " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + ">>"
			return b.bytes()
		},
		"catalog is a number": func() []byte { b := plain(1); b.objects[1] = "7"; return b.bytes() },
		"reference circle": func() []byte {
			b := plain(1)
			b.objects[1] = "5 0 R"
			b.objects[5] = "1 0 R"
			return b.bytes()
		},
	}
	for title, make := range tests {
		t.Run(title, func(t *testing.T) {
			b := make()
			f, err := openFile(bytes.NewReader(b), int64(len(b)), nil)
			if err == nil {
				_, err = f.page(1)
			}
			if !isDamaged(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// An update keeps every byte, and other programs see the change.
func TestUpdateChangesOnlyItsObjects(t *testing.T) {
	files := peculiar()
	for title, b := range encrypted(t, plain(2).bytes()) {
		files["encrypted "+title] = b
	}
	files["linearized"] = qpdf(t, plain(2).bytes(), "--linearize")
	for title, b := range files {
		t.Run(title, func(t *testing.T) {
			password := ""
			if strings.Contains(title, "password") {
				password = "segreto"
			}
			f := open(t, b, password)
			u := newUpdate(f)
			p, err := f.page(1)
			if err != nil {
				t.Fatal(err)
			}
			note := u.add(dict{{"Type", name("Annot")}, {"Contents", str("perché no")}})
			u.set(p.id, p.dict.with("Test", note))
			more, _, err := u.bytes()
			if err != nil {
				t.Fatal(err)
			}
			out := append(bytes.Clone(b), more...)
			g := open(t, out, password)
			if g.streamed != f.streamed {
				t.Error("the cross-reference is of another kind")
			}
			if q, err := g.page(1); err != nil || q.dict.get("Test") != note {
				t.Errorf("page: %v, %v", q, err)
			}
			if d, err := g.dict(note); err != nil || d.get("Contents") != str("perché no") {
				t.Errorf("new object: %v, %v", d, err)
			}
			noWorse(t, b, out, password)
		})
	}
}

// noWorse fails when qpdf --check complains about out and not about in.
func noWorse(t *testing.T, in, out []byte, password string) {
	t.Helper()
	check := func(b []byte) (int, string) {
		msg, err := exec.Command(tool(t, "qpdf"), "--password="+password, "--check", writeTemp(t, "x.pdf", b)).CombinedOutput()
		if x, ok := err.(*exec.ExitError); ok {
			return x.ExitCode(), string(msg)
		}
		return 0, string(msg)
	}
	before, old := check(in)
	after, msg := check(out)
	// 2 is errors, 3 warnings.
	worse := after == 2 && before != 2 || after == 3 && before == 0
	if worse || strings.Count(msg, "WARNING") > strings.Count(old, "WARNING") {
		t.Errorf("qpdf --check: exit %d before, %d after\n%s", before, after, msg)
	}
}
