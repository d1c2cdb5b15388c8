//go:build unix

package buildtest

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"cie/cmd/internal/harness/buildtest/built"
	"cie/cmd/internal/harness/rotation"
)

const (
	sbomProgram = "./installer/packaging/sbom"
	sbomTools   = "-modfile=installer/packaging/sbom/tools.mod"
)

// bill makes the bill of materials of a program.
func bill(t *testing.T, program string, env ...string) []byte {
	t.Helper()
	out := t.TempDir()
	env = append(env, "SOURCE_DATE_EPOCH=1774088430")
	run(t, root(t), env, "go", "run", sbomProgram, "-version", "1.2.3", "-out", out, program)
	made, err := os.ReadFile(filepath.Join(out, "cie_"+runtime.GOOS+"_"+runtime.GOARCH+".cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// TestSBOMIsReproducible: the bill comes out the same in another zone and with another build.
func TestSBOMIsReproducible(t *testing.T) {
	if !rotation.All() {
		t.Skip("makes it twice: make slow")
	}
	builds(t)
	program := built.File(t, built.CLI)
	one, other := bill(t, program), bill(t, program, "TZ=Asia/Tokyo", "GOFLAGS=-trimpath")
	if !bytes.Equal(one, other) {
		t.Errorf("made twice it differs at byte %d", differ(one, other))
	}
}

// The bill of materials is one by the schema of CycloneDX, and names every Go
// module in the program with its licence.
func TestSBOMNamesEveryModule(t *testing.T) {
	builds(t)
	program := built.File(t, built.CLI)
	one := bill(t, program)
	if bytes.Contains(one, []byte(os.TempDir())) || bytes.Contains(one, []byte(root(t))) {
		t.Error("it names directories of this machine")
	}
	schema := cycloneDX(t)
	valid := func(bom []byte) error {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(bom))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(doc)
	}
	if err := valid(one); err != nil {
		t.Errorf("not a CycloneDX bill: %v", err)
	}
	// The schema is only worth something if it refuses what is none.
	if valid(bytes.Replace(one, []byte(`"BSD-3-Clause"`), []byte(`"BSD-33-Clause"`), 1)) == nil {
		t.Error("the schema takes a licence that does not exist")
	}
	compare(t, one, program)
}

// compare compares a bill with what the program itself reports, and the licences
// against the list in the About box, which users have read and checked.
func compare(t *testing.T, content []byte, program string) {
	t.Helper()
	type component struct {
		Name, Version string
		Licenses      []struct {
			Expression string
			License    struct{ ID string }
		}
	}
	var bom struct {
		SerialNumber string
		Metadata     struct {
			Timestamp string
			Component component
		}
		Components []component
	}
	if err := json.Unmarshal(content, &bom); err != nil {
		t.Fatal(err)
	}
	licence := func(c component) string {
		if len(c.Licenses) != 1 {
			return ""
		}
		return c.Licenses[0].License.ID + c.Licenses[0].Expression
	}
	m := bom.Metadata.Component
	if m.Name != "cie" || m.Version != "1.2.3" || licence(m) != "EUPL-1.2" || bom.Metadata.Timestamp != "2026-03-21T10:20:30Z" || bom.SerialNumber == "" {
		t.Errorf("%+v", bom.Metadata)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	checked := aboutLicences(t)
	checked["std"] = "BSD-3-Clause"
	var names, want []string
	for _, c := range bom.Components {
		names = append(names, c.Name+" "+c.Version)
		expected, ok := checked[c.Name]
		switch got := licence(c); {
		case got == "":
			t.Errorf("%s: no licence", c.Name)
		case ok && got != expected:
			t.Errorf("%s: licence %s, but the About box says %s", c.Name, got, expected)
		}
	}
	for _, d := range info.Deps {
		want = append(want, d.Path+" "+d.Version)
	}
	want = append(want, "std "+info.GoVersion)
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("it lists\n%q\nthe program has\n%q", names, want)
	}
}

// aboutLicences reads the list in the source of the window.
func aboutLicences(t *testing.T) map[string]string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root(t), "cmd", "cie-gui", "about.go"))
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\t"([^"]+)":\s+"([^"]+)",$`).FindAllSubmatch(source, -1) {
		list[string(m[1])] = string(m[2])
	}
	if len(list) < 20 {
		t.Fatalf("only %d licences in the About box", len(list))
	}
	return list
}

// cycloneDX returns the schema, which comes with the library of the tool.
func cycloneDX(t *testing.T) *jsonschema.Schema {
	t.Helper()
	var module struct{ Dir string }
	text := run(t, root(t), nil, "go", "mod", "download", "-json", sbomTools, "github.com/CycloneDX/cyclonedx-go")
	if err := json.Unmarshal([]byte(text), &module); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	c := jsonschema.NewCompiler()
	const base = "http://cyclonedx.org/schema/"
	for url, file := range map[string]string{
		"bom-1.6.schema.json":  "bom-1.6.schema.json",
		"spdx.schema.json":     "spdx.schema.json",
		"jsf-0.82.schema.json": "jsf-0.82.schemax.json",
	} {
		f, err := os.Open(filepath.Join(module.Dir, "schema", file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		doc, err := jsonschema.UnmarshalJSON(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource(base+url, doc); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := c.Compile(base + "bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}
