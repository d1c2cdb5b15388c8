package browsers

import (
	"strings"
	"testing"
)

// The registration of a package is not written a second time, and a file of the
// administrator overrides it.
func TestP11KitFileOfPackageIsNotRepeated(t *testing.T) {
	e := newEnv(t)
	for _, tg := range []Target{e.p11KitSystem(), e.p11KitUser()} {
		if s := tg.State(); s.Status != Absent {
			t.Fatalf("%s: %+v without a package", tg.ID(), s)
		}
	}
	text := p11KitModule{module: e.Module}.text()
	write(t, e.sys(p11KitPackaged), text)
	for _, tg := range []Target{e.p11KitSystem(), e.p11KitUser()} {
		if s := tg.State(); s.Status != Registered || s.Module != e.Module {
			t.Errorf("%s: %+v", tg.ID(), s)
		}
		for what, do := range map[string]func() (Change, error){"install": tg.Install, "remove": tg.Remove} {
			if c, err := do(); err != nil || c.Changed || exists(tg.Path()) {
				t.Errorf("%s: %s: %+v, %v", tg.ID(), what, c, err)
			}
		}
	}
	// Another module in the package's file does not count.
	write(t, e.sys(p11KitPackaged), strings.Replace(text, e.Module, "/usr/lib/other/"+ModuleFile, 1))
	if s := e.p11KitSystem().State(); s.Status != Absent {
		t.Errorf("another path in the package: %+v", s)
	}
	write(t, e.sys(p11KitPackaged), text)
	system := e.p11KitSystem()
	write(t, system.Path(), "module:\n")
	if s := system.State(); s.Status != Damaged {
		t.Errorf("switched off by the administrator: %+v", s)
	}
}
