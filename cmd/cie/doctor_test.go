package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"cie/cmd/internal/doctor"
	"cie/gui/text"
)

// The texts take the values that their findings have, and a report does not
// show the private ones.
func TestDoctorFillsTextsAndHidesPrivateValues(t *testing.T) {
	named := regexp.MustCompile(`\{([a-z]+)\}`)
	for _, lang := range languages() {
		a, out, _ := quiet(lang)
		texts := text.Load(lang).Prefixed("doctor.find.")
		for name, words := range texts {
			c := doctor.Check{ID: doctor.Reader, Status: doctor.Warn, Finding: doctor.Finding(name), Remedy: doctor.Reboot}
			for _, v := range named.FindAllStringSubmatch(words, -1) {
				c.Values = append(c.Values, doctor.Value{Name: v[1], Text: "<" + v[1] + ">", Private: true})
			}
			shown, report := a.findingText(c, false), a.findingText(c, true)
			for _, v := range c.Values {
				if !strings.Contains(shown, v.Text) || strings.Contains(report, v.Text) {
					t.Errorf("%s: %q, in a report %q", name, shown, report)
				}
			}
			if strings.ContainsAny(shown+report, "{}%") {
				t.Errorf("%s: %q, in a report %q", name, shown, report)
			}
			a.printCheck(c)
		}
		if n := strings.Count(out.String(), "-> "); n != len(texts) || n < 60 {
			t.Errorf("%s: %d remedies shown for %d findings", lang, n, len(texts))
		}
	}
}

// The advice for a known distribution names its commands alone.
func TestDoctorAdviceNamesTheDistributionsCommand(t *testing.T) {
	commands := map[doctor.Distribution][]string{doctor.Debian: {"apt"}, doctor.Fedora: {"dnf"}, "": {"apt", "dnf"}}
	for _, lang := range languages() {
		a, _, _ := quiet(lang)
		for _, r := range []doctor.Remedy{doctor.InstallPCSC, doctor.InstallDriver} {
			for distribution, want := range commands {
				text := a.remedyText(doctor.Check{Remedy: r, Distribution: distribution})
				for _, command := range []string{"apt", "dnf"} {
					if got := strings.Contains(text, "sudo "+command+" "); got != slices.Contains(want, command) {
						t.Errorf("%s, %s on %q: %q", lang, r, distribution, text)
					}
				}
			}
		}
	}
}
