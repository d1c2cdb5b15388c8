package browsers

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// FirefoxPolicyPath is the file of the system-wide policies that every Firefox
// of the system reads, Debian's ESR included. Thunderbird and LibreWolf have
// files of their own.
const FirefoxPolicyPath = "/etc/firefox/policies/policies.json"

// firefoxes are the programs that read it.
var firefoxes = []string{"firefox", "firefox-esr"}

// firefoxPolicy registers the module through the enterprise policy
// SecurityDevices.Add, which each profile applies when it starts.
func (e *Env) firefoxPolicy() Target {
	return &fileTarget{
		env: e, kind: KindFirefoxPolicy, scope: ScopeSystem, path: e.sys(FirefoxPolicyPath),
		programs: firefoxes, codec: securityDevices{e.Module},
		fileMode: 0o644, dirMode: 0o755, missing: e.hidesPolicy,
	}
}

// hidesPolicy reports policies of an installation of Firefox, which count only as long
// as there is no file for the system (EnterprisePoliciesParent, JSONPoliciesProvider).
func (e *Env) hidesPolicy() State {
	for _, id := range firefoxes {
		a, _ := e.appByID(id)
		for _, d := range a.dirs {
			p := filepath.Join(e.expand(d), "distribution", "policies.json")
			if !strings.HasPrefix(d, "~/") && exists(p) {
				return State{Status: Unavailable, Reason: ReasonHidesPolicy, Err: fmt.Errorf("it would hide %s", p)}
			}
		}
	}
	return State{}
}

// firefoxCleanup unregisters the module in every profile, by the policy
// SecurityDevices.Delete. Firefox writes the effect of SecurityDevices.Add into each
// profile, where it remains after the policy is removed. An administrator who removes
// the software therefore installs this target for some time.
func (e *Env) firefoxCleanup() Target {
	return &fileTarget{
		env: e, kind: KindFirefoxCleanup, scope: ScopeSystem, path: e.sys(FirefoxPolicyPath),
		programs: firefoxes, codec: devicesDelete{},
		fileMode: 0o644, dirMode: 0o755, moduleless: true, missing: e.hidesPolicy,
	}
}

// securityDevices is the codec of the member SecurityDevices in policies.json. Before
// Firefox 114 it was an object of names and paths. Since then it has two members, Add
// and Delete. Firefox interprets an object without these two as the old form, so a
// file in the old form gets an entry in the old form.
type securityDevices struct{ module string }

const policiesKey, devicesKey, addKey, deleteKey = "policies", "SecurityDevices", "Add", "Delete"

// devicesPath returns the path of the entries, of the old or the new form.
func devicesPath(b []byte) []string {
	if v, ok := jsonFind(b, policiesKey, devicesKey); ok && v.object(b) {
		members := jsonMembers(b, v)
		isNew := func(m jsonMember) bool { return m.key == addKey || m.key == deleteKey }
		if len(members) > 0 && !slices.ContainsFunc(members, isNew) {
			return []string{policiesKey, devicesKey}
		}
	}
	return []string{policiesKey, devicesKey, addKey}
}

func (c securityDevices) inspect(b []byte) State {
	if err := checkJSONObject(b); err != nil {
		return damaged(ReasonSyntax, err)
	}
	s := State{Status: Absent}
	path := devicesPath(b)
	for i := 1; i <= len(path); i++ {
		if v, ok := jsonFind(b, path[:i]...); ok && !v.object(b) {
			return damaged(ReasonSyntax, fmt.Errorf("%s: %w", strings.Join(path[:i], "."), errNotObject))
		}
	}
	v, _ := jsonFind(b, path...)
	seen := 0
	for _, m := range jsonMembers(b, v) {
		library := m.value.text(b)
		switch {
		case deviceOurs(b, m):
			if seen++; seen > 1 {
				s.Status, s.Reason, s.Err = Damaged, ReasonDuplicate, fmt.Errorf("registered %d times", seen)
				continue
			}
			s.Module = library
			switch library {
			case "":
				s.Status, s.Reason, s.Err = Damaged, ReasonNoLibrary, errors.New("the entry has no path")
			case c.module:
				s.Status = Registered
			default:
				s.Status = Elsewhere
			}
		case otherCIE(library):
			s.Others = append(s.Others, library)
		}
	}
	return s
}

func deviceOurs(b []byte, m jsonMember) bool {
	return m.key == ModuleName || filepath.Base(m.value.text(b)) == ModuleFile
}

func (c securityDevices) install(b []byte) ([]byte, error) {
	if b == nil {
		b = []byte("{}\n")
	}
	if c.inspect(b).Status == Registered {
		return b, nil
	}
	// An entry with another path is deleted and added under our name, because a profile
	// that has a module of that name keeps its path. An entry in Delete would contradict
	// this one.
	b, _, err := devicesDelete{}.remove(c.cut(b))
	if err != nil {
		return nil, err
	}
	value, err := json.Marshal(c.module)
	if err != nil {
		return nil, err
	}
	return jsonSet(b, string(value), append(devicesPath(b), ModuleName)...)
}

// cut removes all our entries.
func (c securityDevices) cut(b []byte) []byte {
	v, ok := jsonFind(b, devicesPath(b)...)
	if !ok {
		return b
	}
	return jsonCut(b, v, func(m jsonMember) bool { return deviceOurs(b, m) })
}

func (c securityDevices) remove(b []byte) ([]byte, bool, error) {
	before := len(b)
	b = c.cut(b)
	if len(b) == before {
		return b, emptyPolicies(b), nil
	}
	return pruneDevices(b), emptyPolicies(pruneDevices(b)), nil
}

// pruneDevices removes objects that became empty. An empty object has no effect, so
// this changes no policy.
func pruneDevices(b []byte) []byte {
	for _, path := range [][]string{{policiesKey, devicesKey, addKey}, {policiesKey, devicesKey, deleteKey}, {policiesKey, devicesKey}} {
		if v, ok := jsonFind(b, path...); ok && (v.object(b) || v.array(b)) && len(jsonMembers(b, v)) == 0 {
			b = jsonDelete(b, path...)
		}
	}
	return b
}

func emptyPolicies(b []byte) bool {
	root := jsonMembers(b, jsonRoot(b))
	if len(root) == 0 {
		return true
	}
	v, ok := jsonFind(b, policiesKey)
	return ok && len(root) == 1 && v.object(b) && len(jsonMembers(b, v)) == 0
}

// devicesDelete is the codec of SecurityDevices.Delete.
type devicesDelete struct{}

func (devicesDelete) inspect(b []byte) State {
	if err := checkJSONObject(b); err != nil {
		return damaged(ReasonSyntax, err)
	}
	v, ok := jsonFind(b, policiesKey, devicesKey, deleteKey)
	if ok && !v.array(b) {
		return damaged(ReasonSyntax, errors.New("SecurityDevices.Delete is not a list"))
	}
	for _, m := range jsonMembers(b, v) {
		if ok && m.value.text(b) == ModuleName {
			return State{Status: Registered}
		}
	}
	return State{Status: Absent}
}

func (devicesDelete) install(b []byte) ([]byte, error) {
	if b == nil {
		b = []byte("{}\n")
	}
	name, err := json.Marshal(ModuleName)
	if err != nil {
		return nil, err
	}
	b = pruneDevices(securityDevices{}.cut(b))
	v, ok := jsonFind(b, policiesKey, devicesKey, deleteKey)
	if !ok {
		return jsonSet(b, "["+string(name)+"]", policiesKey, devicesKey, deleteKey)
	}
	return jsonInsert(b, v, jsonMembers(b, v), string(name), "", "", false), nil
}

func (devicesDelete) remove(b []byte) ([]byte, bool, error) {
	v, ok := jsonFind(b, policiesKey, devicesKey, deleteKey)
	if !ok {
		return b, emptyPolicies(b), nil
	}
	out := jsonCut(b, v, func(m jsonMember) bool { return m.value.text(b) == ModuleName })
	if len(out) != len(b) {
		out = pruneDevices(out)
	}
	return out, emptyPolicies(out), nil
}

// AutoSelect is one rule of the Chromium policy AutoSelectCertificateForUrls: on pages
// that match Pattern the browser sends a certificate issued by IssuerCN without a
// choice. The PIN is still required.
type AutoSelect struct {
	Pattern  string // URL pattern, "https://host"
	IssuerCN string // common name of the issuing CA; empty: any the server accepts
}

// DefaultAutoSelect is the identity provider of "Entra con CIE".
var DefaultAutoSelect = []AutoSelect{{Pattern: "https://idserver.servizicie.interno.gov.it"}}

const autoSelectKey = "AutoSelectCertificateForUrls"

// chromiumPolicies returns one target for each program of the Chromium family
// that has its own directory of managed policies.
func (e *Env) chromiumPolicies(rules []AutoSelect) []Target {
	var list []Target
	var dirs []string
	for _, a := range e.apps() {
		if a.policies == "" || slices.Contains(dirs, a.policies) {
			continue
		}
		dirs = append(dirs, a.policies)
		var programs []string
		for _, b := range e.apps() {
			if b.policies == a.policies {
				programs = append(programs, b.id)
			}
		}
		dir := e.sys(a.policies)
		list = append(list, &fileTarget{
			env: e, kind: KindChromiumPolicy, scope: ScopeSystem,
			path: filepath.Join(dir, "cie-certificate.json"), programs: programs,
			codec: autoSelect{rules, dir}, fileMode: 0o644, dirMode: 0o755,
			ownFile: true, moduleless: true,
		})
	}
	return list
}

// autoSelect is the codec of a policy file that contains only this policy.
type autoSelect struct {
	rules []AutoSelect
	dir   string
}

func (c autoSelect) text() ([]byte, error) {
	var rules []string
	for _, r := range c.rules {
		filter := map[string]any{}
		if r.IssuerCN != "" {
			filter["ISSUER"] = map[string]string{"CN": r.IssuerCN}
		}
		b, err := json.Marshal(struct {
			Pattern string         `json:"pattern"`
			Filter  map[string]any `json:"filter"`
		}{r.Pattern, filter})
		if err != nil {
			return nil, err
		}
		rules = append(rules, string(b))
	}
	b, err := json.MarshalIndent(map[string][]string{autoSelectKey: rules}, "", "  ")
	return append(b, '\n'), err
}

func (c autoSelect) inspect(b []byte) State {
	var policy map[string][]string
	if err := json.Unmarshal(b, &policy); err != nil {
		return damaged(ReasonSyntax, err)
	}
	want, err := c.text()
	if err != nil {
		return damaged(ReasonSyntax, err)
	}
	var wanted map[string][]string
	_ = json.Unmarshal(want, &wanted)
	if !slices.Equal(policy[autoSelectKey], wanted[autoSelectKey]) {
		return State{Status: Elsewhere}
	}
	s := State{Status: Registered}
	// Chromium uses the value of one file only, depending on the names of the files.
	others, _ := filepath.Glob(filepath.Join(globEscape(c.dir), "*.json"))
	for _, p := range others {
		if filepath.Base(p) == "cie-certificate.json" {
			continue
		}
		o, err := readBounded(p)
		if err == nil && json.Valid(o) {
			if _, ok := jsonFind(o, autoSelectKey); ok {
				s.Reason = ReasonOtherPolicy
			}
		}
	}
	return s
}

func (c autoSelect) install([]byte) ([]byte, error) { return c.text() }

func (c autoSelect) remove([]byte) ([]byte, bool, error) { return nil, true, nil }
