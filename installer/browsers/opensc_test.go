package browsers

import (
	"path/filepath"
	"strings"
	"testing"
)

// FindOpenSC finds the module if p11-kit loads it into Firefox, and the proposed line
// excludes it.
func TestFindOpenSCNamesLineThatExcludesIt(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string // below the home (~) and the system
		found bool
		line  string
	}{
		"nothing":          {map[string]string{"/usr/share/p11-kit/modules/p11-kit-trust.module": "module: p11-kit-trust.so\n"}, false, ""},
		"of the package":   {map[string]string{"/usr/share/p11-kit/modules/opensc-pkcs11.module": "# x\nmodule: opensc-pkcs11.so\n"}, true, "disable-in: FIREFOX"},
		"by path":          {map[string]string{"/etc/pkcs11/modules/card.module": "module: /usr/lib/onepin-opensc-pkcs11.so\ndisable-in: chrome\n"}, true, "disable-in: chrome FIREFOX"},
		"kept out by user": {map[string]string{"/usr/share/p11-kit/modules/o.module": "module: opensc-pkcs11.so\n", "~/o.module": "disable-in: FIREFOX\n"}, false, ""},
		"kept out of one":  {map[string]string{"/usr/share/p11-kit/modules/o.module": "module: opensc-pkcs11.so\ndisable-in: firefox\n"}, true, "disable-in: firefox "},
		"for others only":  {map[string]string{"/etc/pkcs11/modules/o.module": "module: opensc-pkcs11.so\nenable-in: ssh, seahorse\n"}, false, ""},
		"for Firefox only": {map[string]string{"/etc/pkcs11/modules/o.module": "module: opensc-pkcs11.so\nenable-in: ssh FIREFOX\ndisable-in: FIREFOX\n"}, true, "enable-in: ssh"},
		"switched off":     {map[string]string{"/usr/share/p11-kit/modules/o.module": "module: opensc-pkcs11.so\n", "/etc/pkcs11/modules/o.module": "module:\n"}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			if e.UID == 0 {
				e.UID = 1 // root has no modules of its own
			}
			programs := strings.Join(e.firefoxPrograms(), " ")
			expand := func(s string) string { return strings.ReplaceAll(s, "FIREFOX", programs) }
			user := filepath.Join(e.ConfigHome, "pkcs11", "modules")
			for file, content := range tt.files {
				if rest, ok := strings.CutPrefix(file, "~/"); ok {
					file = filepath.Join(user, rest)
				} else {
					file = e.sys(file)
				}
				write(t, file, expand(content))
			}
			got, ok := e.FindOpenSC()
			if ok != tt.found || !strings.HasPrefix(got.Line, expand(tt.line)) {
				t.Fatalf("%v, %+v", ok, got)
			}
			if !ok {
				return
			}
			if got.Loaded || filepath.Dir(got.Override) != user {
				t.Errorf("%+v", got)
			}
			write(t, got.Override, got.Line+"\n")
			if again, ok := e.FindOpenSC(); ok {
				t.Errorf("with the line %q it is still found: %+v", got.Line, again)
			}
		})
	}
}

func TestFindOpenSCSeesTheProxyOfFirefox(t *testing.T) {
	e := newEnv(t)
	write(t, e.sys("/usr/share/p11-kit/modules/opensc.module"), "module: opensc-pkcs11.so\n")
	if got, ok := e.FindOpenSC(); !ok || got.Loaded {
		t.Errorf("%v, %+v", ok, got)
	}
	write(t, e.sys("/etc/crypto-policies/back-ends/nss.config"), "library=\nname=Policy\n\nname=p11-kit-proxy\nlibrary=p11-kit-proxy.so\n")
	if got, ok := e.FindOpenSC(); !ok || !got.Loaded {
		t.Errorf("%v, %+v", ok, got)
	}
}
