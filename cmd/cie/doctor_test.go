package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"cie/cmd/internal/doctor"
	"cie/cmd/internal/i18n"
)

// Everything that the doctor can find, and every remedy, has words.
func TestDoctorHasWords(t *testing.T) {
	source, err := os.ReadFile("../internal/doctor/findings.go")
	if err != nil {
		t.Fatal(err)
	}
	steps, err := os.ReadFile("../internal/doctor/doc.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, m := range regexp.MustCompile(`(?:Finding|: ) *= "([a-z0-9-]+)"|Browser[A-Za-z]+: +"([a-z-]+)"`).FindAllStringSubmatch(string(source), -1) {
		name := doctor.Finding(m[1] + m[2])
		seen++
		if _, ok := findings[name]; !ok {
			t.Errorf("the finding %s has no words", name)
		}
	}
	if seen != len(findings) {
		t.Errorf("%d findings in the source, %d with words", seen, len(findings))
	}
	seen = 0
	for _, m := range regexp.MustCompile(`Remedy = "([a-z0-9-]+)"`).FindAllStringSubmatch(string(source), -1) {
		seen++
		if _, ok := remedies[doctor.Remedy(m[1])]; !ok {
			t.Errorf("the remedy %s has no words", m[1])
		}
	}
	if seen != len(remedies) || seen < 25 {
		t.Errorf("%d remedies in the source, %d with words", seen, len(remedies))
	}
	seen = 0
	for _, m := range regexp.MustCompile(`ID = "([a-z0-9-]+)"`).FindAllStringSubmatch(string(steps), -1) {
		seen++
		if _, ok := doctorSteps[doctor.ID(m[1])]; !ok {
			t.Errorf("the step %s has no name", m[1])
		}
	}
	if seen != len(doctorSteps) {
		t.Errorf("%d steps in the source, %d with names", seen, len(doctorSteps))
	}
}

// The texts take the values that their findings have, and a report does not
// show the private ones.
func TestDoctorTexts(t *testing.T) {
	for _, lang := range i18n.Languages {
		a, out, _ := quiet(lang)
		for name, f := range findings {
			c := doctor.Check{ID: doctor.Reader, Status: doctor.Warn, Finding: name, Remedy: doctor.Reboot}
			for _, v := range f.values {
				c.Values = append(c.Values, doctor.Value{Name: v, Text: "<" + v + ">", Private: true})
			}
			text, report := a.findingText(c, false), a.findingText(c, true)
			for _, v := range f.values {
				if !strings.Contains(text, "<"+v+">") || strings.Contains(report, "<"+v+">") {
					t.Errorf("%s: %q, in a report %q", name, text, report)
				}
			}
			if strings.Contains(text, "%!") || strings.Contains(report, "%!") {
				t.Errorf("%s: %q, in a report %q", name, text, report)
			}
			a.printCheck(c)
		}
		if n := strings.Count(out.String(), "-> "); n != len(findings) {
			t.Errorf("%s: %d remedies shown for %d findings", lang, n, len(findings))
		}
	}
}
