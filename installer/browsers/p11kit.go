package browsers

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// P11KitPrograms are the programs that load the module through p11-kit. The
// list is short on purpose: without it every program on the desktop that links
// GnuTLS would load the module. Names are those of the process' executable
// (pkcs11.conf(5), enable-in). "p11-kit-proxy" is not among them: NSS programs
// on some systems load the proxy, and would then see the card twice.
var P11KitPrograms = []string{
	"p11-kit", "p11-kit-server", "p11-kit-remote", "p11tool",
	"gnutls-cli", "certtool", "openconnect",
	"epiphany", "WebKitNetworkProcess", "evolution", "seahorse",
}

const p11KitFile = "cie-pkcs11.module"

// p11KitPackaged is the module file of distribution packages. Files of the same name
// in /etc/pkcs11/modules and in the user's configuration override it
// (pkcs11.conf(5)).
const p11KitPackaged = "/usr/share/p11-kit/modules/" + p11KitFile

// packaged returns the State of a p11-kit target that does not exist: registered, if
// a package has registered the same module.
func (c p11KitModule) packaged(e *Env) State {
	b, err := readBounded(e.sys(p11KitPackaged))
	if err != nil {
		return State{}
	}
	if s := c.inspect(b); s.Status == Registered {
		return s
	}
	return State{}
}

func (e *Env) p11KitUser() Target {
	c := p11KitModule{module: e.Module, root: e.UID == 0}
	return &fileTarget{
		env: e, kind: KindP11KitUser, scope: ScopeUser,
		path:     filepath.Join(e.ConfigHome, "pkcs11", "modules", p11KitFile),
		programs: P11KitPrograms, codec: c, fileMode: 0o644, dirMode: 0o755, ownFile: true,
		missing: func() State { return p11KitModule{module: e.Module}.packaged(e) },
	}
}

func (e *Env) p11KitSystem() Target {
	c := p11KitModule{module: e.Module}
	return &fileTarget{
		env: e, kind: KindP11KitSystem, scope: ScopeSystem,
		path:     e.sys("/etc/pkcs11/modules/" + p11KitFile),
		programs: P11KitPrograms, codec: c, fileMode: 0o644, dirMode: 0o755, ownFile: true,
		missing: func() State { return c.packaged(e) },
	}
}

// p11KitModule is the codec of a module file. The whole file is ours: no other
// program writes a file of this name.
type p11KitModule struct {
	module string
	root   bool
}

func (c p11KitModule) text() string {
	return "# Electronic identity card. Only the programs named here load the module.\n" +
		"module: " + c.module + "\n" +
		"enable-in: " + strings.Join(P11KitPrograms, " ") + "\n"
}

func (c p11KitModule) inspect(content []byte) State {
	fields, err := parseP11Kit(content)
	if err != nil {
		return damaged(ReasonSyntax, err)
	}
	s := State{Status: Registered, Module: fields["module"]}
	switch {
	case s.Module == "":
		// An empty module switches off a module of the same name.
		s.Status, s.Reason, s.Err = Damaged, ReasonNoLibrary, errors.New("the file names no module")
	case s.Module != c.module:
		s.Status = Elsewhere
	case fields["disable-in"] != "" || !enablesAll(fields["enable-in"]):
		s.Status, s.Reason = Elsewhere, ReasonLimited
	case c.root:
		s.Reason = ReasonRoot
	}
	return s
}

// enablesAll reports whether an enable-in value covers the programs meant. More
// programs are the administrator's choice; no list at all means every program.
func enablesAll(v string) bool {
	have := p11KitList(v)
	if len(have) == 0 {
		return false
	}
	for _, p := range P11KitPrograms {
		if !slices.Contains(have, p) {
			return false
		}
	}
	return true
}

func (c p11KitModule) install([]byte) ([]byte, error) { return []byte(c.text()), nil }

func (c p11KitModule) remove([]byte) ([]byte, bool, error) { return nil, true, nil }

// parseP11Kit reads a file of "name: value" lines.
func parseP11Kit(b []byte) (map[string]string, error) {
	fields := map[string]string{}
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		key = strings.TrimSpace(key)
		if !ok || key == "" || strings.ContainsAny(key, " \t\x00") {
			return nil, fmt.Errorf("line %d is not of the form name: value", n)
		}
		fields[key] = strings.TrimSpace(value)
	}
	return fields, nil
}
