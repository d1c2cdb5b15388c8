// Command sbom writes a bill of materials for each given program or module, in
// CycloneDX 1.6 (JSON): DIR/NAME_SYSTEM_ARCHITECTURE.cdx.json.
//
//	go run ./installer/packaging/sbom -version 1.2.3 -out dist/sbom bin/cie bin/cie-pkcs11.so
//
// cyclonedx-gomod reads it from the program itself: the Go modules with their
// versions, checksums and licences, and the checksums of the file. This command
// makes the result reproducible and corrects what the tool cannot find out. It runs
// in the top directory of the source.
package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	version := flag.String("version", "0.0.0-dev", "version of the product")
	out := flag.String("out", "dist/sbom", "directory that is written to")
	flag.Parse()
	if err := run(*version, *out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(version, out string, programs []string) error {
	if len(programs) == 0 {
		return errors.New("no program given")
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, p := range programs {
		raw, err := generate(version, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		bom, err := finish(raw, os.Getenv("SOURCE_DATE_EPOCH"))
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		platform, err := platform(p)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, filepath.Base(p)+"_"+platform+".cdx.json"), bom, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// platform returns the platform of a program, "linux_amd64".
func platform(program string) (string, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return "", fmt.Errorf("%s: %w", program, err)
	}
	known := map[string]string{}
	for _, s := range info.Settings {
		known[s.Key] = s.Value
	}
	return known["GOOS"] + "_" + known["GOARCH"], nil
}

// generate asks the tool.
func generate(version, program string) ([]byte, error) {
	cmd := exec.Command("go", "tool", "-modfile=installer/packaging/sbom/tools.mod", "cyclonedx-gomod", "bin",
		"-json", "-output-version", "1.6", "-std", "-licenses", "-assert-licenses", "-noserial", "-notimestamp",
		"-version", version, program)
	// The tool warns that it finds no licence of this project and of Go.
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	bom, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("cyclonedx-gomod: %w\n%s", err, stderr.Bytes())
	}
	return bom, nil
}

// licences lists those that the tool does not find or misidentifies, by the path of
// the module or a prefix of it.
var licences = []struct{ path, expression string }{
	{"cie", "EUPL-1.2"},
	{"std", "BSD-3-Clause"},
	{"golang.org/x/", "BSD-3-Clause"},
	{"github.com/go-text/", "Unlicense OR BSD-3-Clause"},
	{"github.com/nfnt/resize", "ISC"},
}

// finish removes everything from a bill that depends on the build machine, and adds
// the licences, the date of the source, and a serial number derived from the rest.
func finish(raw []byte, epoch string) ([]byte, error) {
	var bom map[string]any
	if err := json.Unmarshal(raw, &bom); err != nil {
		return nil, fmt.Errorf("answer of cyclonedx-gomod: %w", err)
	}
	metadata, _ := bom["metadata"].(map[string]any)
	main, _ := metadata["component"].(map[string]any)
	if main == nil {
		return nil, errors.New("cyclonedx-gomod names no main component")
	}
	// The tool adds the sums of itself, built here.
	tools, _ := metadata["tools"].([]any)
	for _, t := range tools {
		if t, ok := t.(map[string]any); ok {
			delete(t, "hashes")
		}
	}
	if seconds, err := strconv.ParseInt(epoch, 10, 64); err == nil {
		metadata["timestamp"] = time.Unix(seconds, 0).UTC().Format(time.RFC3339)
	}
	license(main)
	components, _ := bom["components"].([]any)
	for _, c := range components {
		if c, ok := c.(map[string]any); ok {
			license(c)
		}
	}
	content, err := encode(bom)
	if err != nil {
		return nil, err
	}
	// A UUID of version 8 (RFC 9562 5.8).
	id := sha256.Sum256(content)
	id[6], id[8] = id[6]&0x0F|0x80, id[8]&0x3F|0x80
	bom["serialNumber"] = fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:16])
	return encode(bom)
}

func license(component map[string]any) {
	name, _ := component["name"].(string)
	for _, l := range licences {
		if name != l.path && !(strings.HasSuffix(l.path, "/") && strings.HasPrefix(name, l.path)) {
			continue
		}
		choice := map[string]any{"license": map[string]any{"id": l.expression}}
		if strings.Contains(l.expression, " ") {
			choice = map[string]any{"expression": l.expression}
		}
		component["licenses"] = []any{choice}
	}
}

// encode writes names in alphabetical order.
func encode(bom map[string]any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(bom)
	return b.Bytes(), err
}
