//go:build linux

package windowstest

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cie/cmd/internal/harness/rotation"
)

// exports reads the names in the export directory of a DLL (PE format, "The
// .edata Section").
func exports(t *testing.T, path string) []string {
	t.Helper()
	f, err := pe.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	header, ok := f.OptionalHeader.(*pe.OptionalHeader64)
	if !ok || f.Machine != pe.IMAGE_FILE_MACHINE_AMD64 {
		t.Fatalf("%s is not for x86-64", path)
	}
	at := func(rva uint32) []byte {
		for _, s := range f.Sections {
			if rva >= s.VirtualAddress && rva < s.VirtualAddress+s.Size {
				data, err := s.Data()
				if err != nil {
					t.Fatal(err)
				}
				return data[rva-s.VirtualAddress:]
			}
		}
		t.Fatalf("no section holds %#x", rva)
		return nil
	}
	directory := at(header.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_EXPORT].VirtualAddress)
	count, table := binary.LittleEndian.Uint32(directory[24:]), at(binary.LittleEndian.Uint32(directory[32:]))
	if functions := binary.LittleEndian.Uint32(directory[20:]); functions != count {
		t.Errorf("%d functions, %d names", functions, count)
	}
	var names []string
	for i := range int(count) {
		name, _, _ := bytes.Cut(at(binary.LittleEndian.Uint32(table[4*i:])), []byte{0})
		names = append(names, string(name))
	}
	const hardened = pe.IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE | pe.IMAGE_DLLCHARACTERISTICS_NX_COMPAT | pe.IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA
	if header.DllCharacteristics&hardened != hardened {
		t.Errorf("characteristics %#x", header.DllCharacteristics)
	}
	return names
}

// TestExports: the DLL exports the functions that the library for Linux does,
// and nothing of cgo.
func TestExports(t *testing.T) {
	got := exports(t, filepath.Join(programs(t), "cie-pkcs11.dll"))
	header, err := os.ReadFile("../../../cie-pkcs11/cryptoki.h")
	if err != nil {
		t.Fatal(err)
	}
	lists, _, _ := strings.Cut(string(header), "#define CRYPTOKI_30(")
	want := []string{"C_GetFunctionList", "C_GetInterface", "C_GetInterfaceList"}
	for _, m := range regexp.MustCompile(`\t[FINU]\((\w+), \(`).FindAllStringSubmatch(lists, -1) {
		want = append(want, "C_"+m[1])
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) || len(want) != 70 {
		t.Errorf("exported %d: %v\nwant %d: %v", len(got), got, len(want), want)
	}
}

// TestSameBytes: a second build, in another directory and with other names of
// temporary files, gives the same programs and the same installer.
func TestSameBytes(t *testing.T) {
	if !rotation.All() {
		t.Skip("builds everything again: make slow")
	}
	t.Parallel()
	need(t, "makensis")
	first, again := programs(t), filepath.Join(t.TempDir(), "again")
	if err := buildInto(again); err != nil {
		t.Fatal(err)
	}
	list := names(t, first)
	if !slices.Contains(list, "cie-pkcs11.dll") || len(list) < 5 || !slices.Equal(list, names(t, again)) {
		t.Errorf("built %v, then %v", list, names(t, again))
	}
	for _, name := range list {
		a, err := os.ReadFile(filepath.Join(first, name))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(again, name)); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s is not the same: %v", name, err)
		}
	}
}

// TestImports: the programs need nothing that is not part of Windows.
func TestImports(t *testing.T) {
	system := []string{"kernel32.dll", "msvcrt.dll"}
	for _, name := range []string{"cie.exe", "cie-virtual.exe", "cie-pkcs11.dll"} {
		f, err := pe.Open(filepath.Join(programs(t), name))
		if err != nil {
			t.Fatal(err)
		}
		libraries, err := f.ImportedSymbols()
		f.Close()
		if err != nil || len(libraries) == 0 {
			t.Fatalf("%s: %v, %v", name, libraries, err)
		}
		for _, l := range libraries {
			if _, dll, _ := strings.Cut(l, ":"); !slices.Contains(system, strings.ToLower(dll)) {
				t.Errorf("%s needs %s", name, l)
			}
		}
	}
}

// TestModule uses the DLL from C.
func TestModule(t *testing.T) {
	exe, dll := compile(t, "module"), windowsPath(filepath.Join(programs(t), "cie-pkcs11.dll"))
	for _, how := range []string{"finished", "unfinished"} {
		r := want(t, 0, "", exe, dll, how, "CIE")
		if r.stdout != "0 failures\r\n" {
			t.Errorf("%s: %q\n%s", how, r.stdout, r.stderr)
		}
	}
}
