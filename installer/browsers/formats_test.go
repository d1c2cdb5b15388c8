package browsers

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const testModule = "/usr/lib/x86_64-linux-gnu/pkcs11/cie-pkcs11.so"

func ourStanza(library string) string {
	return "library=" + library + "\nname=" + ModuleName + "\n\n"
}

func TestPKCS11TxtIsEditedMinimally(t *testing.T) {
	other := "library=/usr/lib/libcie-pkcs11.so\nname=CIE\n\n"
	tests := []struct {
		name, in string
		state    State
		install  string // "" when the state forbids it
		remove   string
	}{
		{
			name: "empty", in: "", state: State{Status: Absent},
			install: ourStanza(testModule), remove: "",
		},
		{
			name: "internal only", in: internalStanza, state: State{Status: Absent},
			install: internalStanza + ourStanza(testModule), remove: internalStanza,
		},
		{
			name: "no empty line at the end", in: "library=/a.so\nname=A\n", state: State{Status: Absent},
			install: "library=/a.so\nname=A\n\n" + ourStanza(testModule), remove: "library=/a.so\nname=A\n",
		},
		{
			name: "no line break at the end", in: "library=/a.so\nname=A", state: State{Status: Absent},
			install: "library=/a.so\nname=A\n\n" + ourStanza(testModule), remove: "library=/a.so\nname=A",
		},
		{
			name: "carriage returns", in: "library=/a.so\r\nname=A\r\n\r\n", state: State{Status: Absent},
			install: "library=/a.so\r\nname=A\r\n\r\n" + ourStanza(testModule), remove: "library=/a.so\r\nname=A\r\n\r\n",
		},
		{
			name: "official software beside", in: other, state: State{Status: Absent, Others: []string{"/usr/lib/libcie-pkcs11.so"}},
			install: other + ourStanza(testModule), remove: other,
		},
		{
			name: "registered first", in: ourStanza(testModule) + internalStanza, state: State{Status: Registered, Module: testModule},
			install: ourStanza(testModule) + internalStanza, remove: internalStanza,
		},
		{
			name: "registered by hand, quoted, keys in capitals", in: "# x\nLIBRARY=\"" + testModule + "\"\nName=\"a \\\"b\\\"\"\nNSS=trustOrder=100\n",
			state:   State{Status: Registered, Module: testModule},
			install: "# x\nLIBRARY=" + testModule + "\nName=\"a \\\"b\\\"\"\nNSS=trustOrder=100\n", remove: "# x\n",
		},
		{
			name: "elsewhere", in: ourStanza("/opt/x/cie-pkcs11.so") + other,
			state:   State{Status: Elsewhere, Module: "/opt/x/cie-pkcs11.so", Others: []string{"/usr/lib/libcie-pkcs11.so"}},
			install: ourStanza(testModule) + other, remove: other,
		},
		{
			name: "twice", in: ourStanza(testModule) + other + ourStanza("/b/cie-pkcs11.so") + "library=/z\nname=Z\n",
			state:   State{Status: Damaged, Reason: ReasonDuplicate, Module: testModule, Others: []string{"/usr/lib/libcie-pkcs11.so"}},
			install: ourStanza(testModule) + other + "library=/z\nname=Z\n", remove: other + "library=/z\nname=Z\n",
		},
		{
			name: "no library", in: "name=" + ModuleName + "\n\n" + other,
			state:   State{Status: Damaged, Reason: ReasonNoLibrary, Others: []string{"/usr/lib/libcie-pkcs11.so"}},
			install: "library=" + testModule + "\nname=" + ModuleName + "\n\n" + other, remove: other,
		},
		{
			name: "empty library", in: "library=\nname=" + ModuleName + "\n\n",
			state:   State{Status: Damaged, Reason: ReasonNoLibrary},
			install: ourStanza(testModule), remove: "",
		},
		{
			name: "a comment in a stanza stays with it", in: "library=/a\n#c\nname=A\n\n" + ourStanza(testModule),
			state:   State{Status: Registered, Module: testModule},
			install: "library=/a\n#c\nname=A\n\n" + ourStanza(testModule), remove: "library=/a\n#c\nname=A\n\n",
		},
		{name: "binary", in: "library=\x00", state: State{Status: Damaged, Reason: ReasonSyntax}},
	}
	c := pkcs11Txt{testModule}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := c.inspect([]byte(tt.in))
			s.Err = nil
			if !reflect.DeepEqual(s, tt.state) {
				t.Errorf("state %+v, want %+v", s, tt.state)
			}
			out, err := c.install([]byte(tt.in))
			if tt.state.Reason == ReasonSyntax {
				if err == nil {
					t.Errorf("installed into %q", out)
				}
				return
			}
			if err != nil || string(out) != tt.install {
				t.Errorf("install: %q (%v)\nwant     %q", out, err, tt.install)
			}
			if st := c.inspect(out); st.Status != Registered || st.Module != testModule {
				t.Errorf("after install: %+v", st)
			}
			gone, _, err := c.remove([]byte(tt.in))
			if err != nil || string(gone) != tt.remove {
				t.Errorf("remove: %q (%v)\nwant    %q", gone, err, tt.remove)
			}
		})
	}
}

func TestProfilesINIListsProfiles(t *testing.T) {
	root := t.TempDir()
	for _, d := range []string{"Profiles/one", "two", "three"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	abs := t.TempDir()
	tests := []struct {
		name, profiles, installs string
		want                     []Profile
	}{
		{name: "nothing"},
		{
			name:     "old style default",
			profiles: "[General]\nStartWithLastProfile=1\n\n[Profile0]\nName=default\nIsRelative=1\nPath=Profiles/one\nDefault=1\n",
			want:     []Profile{{"default", root + "/Profiles/one", true, true}},
		},
		{
			name: "installations decide the default",
			profiles: "\xef\xbb\xbf; comment\r\n[Profile1]\r\nName=a\r\nIsRelative=1\r\nPath=two\r\nDefault=1\r\n[Profile0]\r\nName=b\r\nIsRelative=0\r\nPath=" + abs +
				"\r\n[InstallABC]\r\nDefault=three\r\nLocked=1\r\n",
			want: []Profile{{"a", root + "/two", false, true}, {"b", abs, false, true}, {"", root + "/three", true, true}},
		},
		{
			name: "installs.ini only, absolute and relative", installs: "[1]\nDefault=" + abs + "\n[2]\nDefault=two\n[3]\nDefault=\n",
			want: []Profile{{"", abs, true, true}, {"", root + "/two", true, true}},
		},
		{
			name: "gone, doubled and broken", profiles: "[Profile0]\nPath=gone\nIsRelative=1\n[Profile1\nPath=two\n[ProfileX]\nPath=three\n[Profile2]\nIsRelative=1\nPath=two\n[Profile3]\nPath=./two\nName=again\n",
			want: []Profile{{"", root + "/gone", false, false}, {"again", root + "/two", false, true}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for name, content := range map[string]string{"profiles.ini": tt.profiles, "installs.ini": tt.installs} {
				p := filepath.Join(root, name)
				os.Remove(p)
				if content != "" {
					write(t, p, content)
				}
			}
			if got := readProfiles(root); !slices.Equal(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestSecurityDevicesKeepsOtherEntries(t *testing.T) {
	entry := `"` + ModuleName + `": "` + testModule + `"`
	tests := []struct {
		name, in string
		status   Status
		reason   Reason
		install  string
		remove   string
	}{
		{
			name: "no file", in: "", status: Damaged, reason: ReasonSyntax,
			install: "{\n  \"policies\": {\n    \"SecurityDevices\": {\n      \"Add\": {\n        " + entry + "\n      }\n    }\n  }\n}\n",
		},
		{
			name: "tabs", in: "{\n\t\"policies\": {\n\t\t\"A\": [1, 2]\n\t}\n}\n", status: Absent,
			install: "{\n\t\"policies\": {\n\t\t\"A\": [1, 2],\n\t\t\"SecurityDevices\": {\n\t\t\t\"Add\": {\n\t\t\t\t" + entry + "\n\t\t\t}\n\t\t}\n\t}\n}\n",
		},
		{
			name: "one line", in: `{"policies":{"A":true}}`, status: Absent,
			install: `{"policies":{"A":true, "SecurityDevices": {"Add": {` + entry + `}}}}`,
		},
		{
			name: "others added", in: `{"policies": {"SecurityDevices": {"Add": {"X": "/x.so"}, "Delete": ["Y"]}}}`, status: Absent,
			install: `{"policies": {"SecurityDevices": {"Add": {"X": "/x.so", ` + entry + `}, "Delete": ["Y"]}}}`,
		},
		{
			name: "old form", in: `{"policies": {"SecurityDevices": {"X": "/x.so"}}}`, status: Absent,
			install: `{"policies": {"SecurityDevices": {"X": "/x.so", ` + entry + `}}}`,
		},
		{
			name: "to be deleted", in: `{"policies": {"SecurityDevices": {"Delete": ["` + ModuleName + `", "Y"]}}}`, status: Absent,
			install: `{"policies": {"SecurityDevices": {"Delete": ["Y"],` + " \"Add\": {" + entry + `}}}}`,
		},
		{
			name: "registered", in: `{"policies": {"SecurityDevices": {"Add": {` + entry + `}}}, "x": "}{"}`, status: Registered,
			install: `{"policies": {"SecurityDevices": {"Add": {` + entry + `}}}, "x": "}{"}`,
			remove:  `{"policies": {}, "x": "}{"}`,
		},
		{
			name: "elsewhere, another name", in: `{"policies": {"SecurityDevices": {"Add": {"card": "/opt/cie-pkcs11.so"}}}}`, status: Elsewhere,
			install: "{\"policies\": {\"SecurityDevices\": {\"Add\": {\n  " + entry + "\n}}}}",
			remove:  `{"policies": {}}`,
		},
		{
			name: "twice", in: `{"policies": {"SecurityDevices": {"Add": {` + entry + `, "b": "/b/cie-pkcs11.so", "c": "/c.so"}}}}`, status: Damaged, reason: ReasonDuplicate,
			install: `{"policies": {"SecurityDevices": {"Add": {"c": "/c.so", ` + entry + `}}}}`,
			remove:  `{"policies": {"SecurityDevices": {"Add": {"c": "/c.so"}}}}`,
		},
		{name: "broken", in: `{"policies": {`, status: Damaged, reason: ReasonSyntax},
		{name: "not an object", in: `[]`, status: Damaged, reason: ReasonSyntax},
		{name: "null", in: `null`, status: Damaged, reason: ReasonSyntax},
		{name: "devices not an object", in: `{"policies": {"SecurityDevices": []}}`, status: Damaged, reason: ReasonSyntax},
	}
	c := securityDevices{testModule}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := c.inspect([]byte(tt.in))
			if s.Status != tt.status || s.Reason != tt.reason {
				t.Errorf("state %+v", s)
			}
			if tt.install == "" {
				return
			}
			in := []byte(tt.in)
			if len(in) == 0 {
				in = nil
			}
			out, err := c.install(in)
			if err != nil || string(out) != tt.install {
				t.Fatalf("install %v:\n%s\nwant:\n%s", err, out, tt.install)
			}
			if s := c.inspect(out); s.Status != Registered {
				t.Errorf("after install: %+v", s)
			}
			if tt.remove != "" {
				gone, _, err := c.remove(in)
				if err != nil || string(gone) != tt.remove {
					t.Errorf("remove %v:\n%s\nwant:\n%s", err, gone, tt.remove)
				}
			}
		})
	}
}

// SecurityDevices.Delete and .Add exclude each other. After removing both the file
// is unchanged.
func TestCleanupPolicyRestoresFile(t *testing.T) {
	for _, before := range []string{"", `{"policies": {"A": 1}}`, "{\n  \"policies\": {\n    \"SecurityDevices\": {\n      \"Delete\": [\"Y\"]\n    }\n  }\n}\n"} {
		e := newEnv(t)
		path := e.sys(FirefoxPolicyPath)
		if before != "" {
			write(t, path, before)
		}
		was := tree(t, e.Root)
		add, del := e.firefoxPolicy(), e.CleanupTargets()[0]
		check := func(what string, c Change, err error, a, d Status) {
			t.Helper()
			if err != nil || !c.Changed {
				t.Fatalf("%s: %+v %v", what, c, err)
			}
			if add.State().Status != a || del.State().Status != d {
				t.Fatalf("%s: add %+v, delete %+v\n%s", what, add.State(), del.State(), read(t, path))
			}
		}
		c, err := add.Install()
		check("add", c, err, Registered, Absent)
		c, err = del.Install()
		check("delete", c, err, Absent, Registered)
		if c, err := add.Remove(); err != nil || c.Changed {
			t.Fatalf("removing what is not there: %+v %v", c, err)
		}
		c, err = add.Install()
		check("add again", c, err, Registered, Absent)
		c, err = del.Install()
		check("delete again", c, err, Absent, Registered)
		if _, err = del.Remove(); err != nil {
			t.Fatal(err)
		}
		sameTree(t, "policies.json", was, tree(t, e.Root))
	}
}

func TestChromiumPolicyContent(t *testing.T) {
	e := newEnv(t)
	rules := []AutoSelect{{"https://idp.example", `CA "x"`}, {Pattern: "https://b.example"}}
	for _, tg := range e.chromiumPolicies(rules) {
		if _, err := tg.Install(); err != nil {
			t.Fatal(err)
		}
		var p map[string][]string
		if err := json.Unmarshal([]byte(read(t, tg.Path())), &p); err != nil {
			t.Fatal(err)
		}
		got := p["AutoSelectCertificateForUrls"]
		want := []string{`{"pattern":"https://idp.example","filter":{"ISSUER":{"CN":"CA \"x\""}}}`, `{"pattern":"https://b.example","filter":{}}`}
		if !slices.Equal(got, want) {
			t.Fatalf("rules %q", got)
		}
	}
	// Chromium obeys one of two files only.
	write(t, e.sys("/etc/chromium/policies/managed/z.json"), `{"AutoSelectCertificateForUrls": []}`)
	if s := e.chromiumPolicies(rules)[0].State(); s.Status != Registered || s.Reason != ReasonOtherPolicy {
		t.Errorf("state %+v", s)
	}
	// Other rules are corrected; a broken file of this package, too.
	for _, bad := range []string{`{"AutoSelectCertificateForUrls": []}`, "{"} {
		tg := e.chromiumPolicies(rules)[1]
		write(t, tg.Path(), bad)
		if s := tg.State(); s.Status == Registered {
			t.Errorf("%q is %+v", bad, s)
		}
		if _, err := tg.Install(); err != nil {
			t.Error(err)
		}
		if s := tg.State(); s.Status != Registered {
			t.Errorf("%q is %+v after install", bad, s)
		}
	}
}

func TestP11KitModuleStatus(t *testing.T) {
	programs := strings.Join(P11KitPrograms, " ")
	tests := []struct {
		in     string
		status Status
		reason Reason
	}{
		{"module: " + testModule + "\nenable-in: " + programs + "\n", Registered, ""},
		{"module:" + testModule + "\n# c\n\n  enable-in:  " + strings.ReplaceAll(programs, " ", ", ") + ",more", Registered, ""},
		{"module: " + testModule + "\n", Elsewhere, ReasonLimited},
		{"module: " + testModule + "\nenable-in: p11tool\n", Elsewhere, ReasonLimited},
		{"module: /x/cie-pkcs11.so\nenable-in: " + programs, Elsewhere, ""},
		{"module:\n", Damaged, ReasonNoLibrary},
		{"", Damaged, ReasonNoLibrary},
		{"nonsense\n", Damaged, ReasonSyntax},
	}
	for _, tt := range tests {
		if s := (p11KitModule{module: testModule}).inspect([]byte(tt.in)); s.Status != tt.status || s.Reason != tt.reason {
			t.Errorf("%q: %+v", tt.in, s)
		}
		e := newEnv(t)
		tg := e.p11KitSystem()
		write(t, tg.Path(), strings.ReplaceAll(tt.in, testModule, e.Module))
		if _, err := tg.Install(); err != nil {
			t.Errorf("%q: %v", tt.in, err)
		}
		if s := tg.State(); s.Status != Registered {
			t.Errorf("%q after install: %+v", tt.in, s)
		}
		if _, err := tg.Remove(); err != nil || exists(tg.Path()) {
			t.Errorf("%q: still there, error %v", tt.in, err)
		}
	}
}

func FuzzPKCS11Txt(f *testing.F) {
	for _, s := range []string{"", internalStanza, ourStanza(testModule), "library=/a\nname=b", "#x\r\n\r\nLibrary=\"/a\\\"\nname=c\n\n", "a\n\n\nb=\n"} {
		f.Add([]byte(s))
	}
	c := pkcs11Txt{testModule}
	f.Fuzz(func(t *testing.T, in []byte) {
		list, err := parsePKCS11Txt(in)
		if err != nil {
			return
		}
		end := 0
		var others []stanza
		for _, s := range list {
			if s.start < end || s.end <= s.start || s.end > len(in) {
				t.Fatalf("stanza %+v after %d of %d", s, end, len(in))
			}
			end = s.end
			if !s.ours() {
				others = append(others, s)
			}
		}
		out, err := c.install(in)
		if err != nil {
			t.Fatal(err)
		}
		if s := c.inspect(out); s.Status != Registered || s.Module != testModule {
			t.Fatalf("%q installed to %q: %+v", in, out, s)
		}
		again, err := c.install(out)
		if err != nil || string(again) != string(out) {
			t.Fatalf("installing again: %q, then %q (%v)", out, again, err)
		}
		gone, _, err := c.remove(out)
		if err != nil {
			t.Fatal(err)
		}
		left, err := parsePKCS11Txt(gone)
		if err != nil || len(left) != len(others) {
			t.Fatalf("%q: %d modules of others became %d in %q (%v)", in, len(others), len(left), gone, err)
		}
		for i := range left {
			if left[i].name != others[i].name || left[i].library != others[i].library || left[i].internal != others[i].internal {
				t.Fatalf("%q: %+v became %+v", in, others[i], left[i])
			}
		}
	})
}

func FuzzProfilesINI(f *testing.F) {
	f.Add([]byte("[Profile0]\nName=a\nPath=b\nIsRelative=1\n[InstallX]\nDefault=c\n"))
	f.Add([]byte("\xef\xbb\xbf[a]\r\n=b\r\n[\n[]\nx=y=z\n;c\n#d"))
	f.Fuzz(func(t *testing.T, in []byte) {
		names := map[string]bool{}
		for _, s := range parseINI(in) {
			if names[s.name] || strings.ContainsAny(s.name, "]\n") {
				t.Fatalf("section %q", s.name)
			}
			names[s.name] = true
			for k, v := range s.keys {
				if strings.Contains(k+v, "\n") || strings.Contains(k, "=") {
					t.Fatalf("%q=%q", k, v)
				}
			}
		}
	})
}

func FuzzSecurityDevices(f *testing.F) {
	for _, s := range []string{`{}`, `{"policies":{}}`, `{"policies":{"SecurityDevices":{"Add":{"a":"b"},"Delete":["x"]}}}`, `{"a":[1,{"b":"}\""}],"policies":{"SecurityDevices":{"q":"/w"}}}`, "{ \n\t}"} {
		f.Add([]byte(s))
	}
	c := securityDevices{testModule}
	f.Fuzz(func(t *testing.T, in []byte) {
		if s := c.inspect(in); s.Status != Absent {
			return
		}
		var before, after map[string]any
		if err := json.Unmarshal(in, &before); err != nil {
			t.Fatal(err)
		}
		out, err := c.install(in)
		if err != nil {
			return // a policy of another form gives an error
		}
		if s := c.inspect(out); s.Status != Registered {
			t.Fatalf("%s installed to %s: %+v", in, out, s)
		}
		gone, _, err := c.remove(out)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(gone, &after); err != nil {
			t.Fatalf("%s removed to %s: %v", in, gone, err)
		}
		// All but the policies that may have been created or emptied is the same.
		p, _ := before["policies"].(map[string]any)
		q, _ := after["policies"].(map[string]any)
		delete(p, "SecurityDevices")
		delete(q, "SecurityDevices")
		delete(before, "policies")
		delete(after, "policies")
		if !reflect.DeepEqual(before, after) || !maps.EqualFunc(p, q, func(a, b any) bool { return reflect.DeepEqual(a, b) }) {
			t.Fatalf("%s\nbecame %s", in, gone)
		}
	})
}
