package browsers

// Family is the engine a program is built on, which decides where its modules
// are registered.
type Family string

const (
	Gecko    Family = "gecko"    // Firefox, Thunderbird: a database per profile
	Chromium Family = "chromium" // Chromium, Chrome, Edge: a database per user
	NSSUser  Family = "nss-user" // LibreOffice, Okular, Papers: they borrow a database
)

// app describes a program.
type app struct {
	id, name string
	family   Family
	// roots of profiles: "~/" is the home, "c/" the configuration directory.
	// Newer programs of the Gecko family use the second when the first does not
	// exist (Firefox since 147).
	roots []string
	// packages of the system's package manager, in order of preference.
	packages []string
	// dirs are directories of an installation; one with application.ini (Gecko)
	// or one of exes (others) counts.
	dirs []string
	// exes are base names of the process' executable.
	exes []string
	// bins are commands in /usr/bin, for programs without a directory of their own.
	bins    []string
	snap    string
	flatpak string
	// policies is the directory of managed policies (Chromium family).
	policies string
}

var unixApps = []app{
	{
		id: "firefox", name: "Firefox", family: Gecko,
		roots:    []string{"~/.mozilla/firefox", "c/mozilla/firefox"},
		packages: []string{"firefox"},
		dirs:     []string{"/usr/lib/firefox", "/usr/lib64/firefox", "/opt/firefox", "~/firefox", "~/.local/share/firefox", "~/.local/opt/firefox"},
		exes:     []string{"firefox", "firefox-bin"},
		snap:     "firefox", flatpak: "org.mozilla.firefox",
	},
	{
		id: "firefox-esr", name: "Firefox ESR", family: Gecko,
		roots:    []string{"~/.mozilla/firefox", "c/mozilla/firefox"},
		packages: []string{"firefox-esr"},
		dirs:     []string{"/usr/lib/firefox-esr", "/usr/lib64/firefox-esr", "/opt/firefox-esr"},
		exes:     []string{"firefox-esr"},
	},
	{
		id: "librewolf", name: "LibreWolf", family: Gecko,
		roots:    []string{"~/.librewolf", "c/librewolf/librewolf"},
		packages: []string{"librewolf"},
		dirs:     []string{"/usr/share/librewolf", "/usr/lib/librewolf", "/opt/librewolf"},
		exes:     []string{"librewolf", "librewolf-bin"},
		flatpak:  "io.gitlab.librewolf-community",
	},
	{
		id: "thunderbird", name: "Thunderbird", family: Gecko,
		roots:    []string{"~/.thunderbird", "c/thunderbird"},
		packages: []string{"thunderbird"},
		dirs:     []string{"/usr/lib/thunderbird", "/usr/lib64/thunderbird", "/opt/thunderbird"},
		exes:     []string{"thunderbird", "thunderbird-bin", "thunderbird-esr"},
		snap:     "thunderbird", flatpak: "org.mozilla.Thunderbird",
	},
	{
		id: "chromium", name: "Chromium", family: Chromium,
		roots:    []string{"c/chromium"},
		packages: []string{"chromium", "chromium-browser"},
		dirs:     []string{"/usr/lib/chromium", "/usr/lib64/chromium-browser", "/usr/lib/chromium-browser"},
		exes:     []string{"chromium", "chromium-browser"},
		snap:     "chromium", flatpak: "org.chromium.Chromium",
		policies: "/etc/chromium/policies/managed",
	},
	{
		id: "google-chrome", name: "Google Chrome", family: Chromium,
		roots:    []string{"c/google-chrome", "c/google-chrome-beta", "c/google-chrome-unstable"},
		packages: []string{"google-chrome-stable", "google-chrome-beta", "google-chrome-unstable"},
		dirs:     []string{"/opt/google/chrome", "/opt/google/chrome-beta", "/opt/google/chrome-unstable"},
		exes:     []string{"chrome"},
		flatpak:  "com.google.Chrome",
		policies: "/etc/opt/chrome/policies/managed",
	},
	{
		id: "microsoft-edge", name: "Microsoft Edge", family: Chromium,
		roots:    []string{"c/microsoft-edge", "c/microsoft-edge-beta", "c/microsoft-edge-dev"},
		packages: []string{"microsoft-edge-stable", "microsoft-edge-beta", "microsoft-edge-dev"},
		dirs:     []string{"/opt/microsoft/msedge", "/opt/microsoft/msedge-beta", "/opt/microsoft/msedge-dev"},
		exes:     []string{"msedge"},
		flatpak:  "com.microsoft.Edge",
		policies: "/etc/opt/edge/policies/managed",
	},
	{
		id: "brave", name: "Brave", family: Chromium,
		roots:    []string{"c/BraveSoftware/Brave-Browser"},
		packages: []string{"brave-browser"},
		dirs:     []string{"/opt/brave.com/brave"},
		exes:     []string{"brave"},
		snap:     "brave", flatpak: "com.brave.Browser",
		policies: "/etc/brave/policies/managed",
	},
	{
		id: "vivaldi", name: "Vivaldi", family: Chromium,
		roots:    []string{"c/vivaldi", "c/vivaldi-snapshot"},
		packages: []string{"vivaldi-stable", "vivaldi-snapshot"},
		dirs:     []string{"/opt/vivaldi", "/opt/vivaldi-snapshot"},
		exes:     []string{"vivaldi-bin"},
		flatpak:  "com.vivaldi.Vivaldi",
		policies: "/etc/chromium/policies/managed",
	},
	{
		id: "opera", name: "Opera", family: Chromium,
		roots:    []string{"c/opera"},
		packages: []string{"opera-stable"},
		dirs:     []string{"/usr/lib/x86_64-linux-gnu/opera", "/usr/lib/opera"},
		exes:     []string{"opera"},
		snap:     "opera", flatpak: "com.opera.Opera",
		policies: "/etc/opt/opera/policies/managed",
	},
	{
		id: "libreoffice", name: "LibreOffice", family: NSSUser,
		packages: []string{"libreoffice-core", "libreoffice-core-nogui"},
		dirs:     []string{"/usr/lib/libreoffice/program", "/usr/lib64/libreoffice/program"},
		exes:     []string{"soffice.bin"},
		snap:     "libreoffice", flatpak: "org.libreoffice.LibreOffice",
	},
	{
		id: "okular", name: "Okular", family: NSSUser,
		packages: []string{"okular"}, bins: []string{"okular"}, exes: []string{"okular"},
		snap: "okular", flatpak: "org.kde.okular",
	},
	{
		id: "papers", name: "Papers", family: NSSUser,
		packages: []string{"papers"}, bins: []string{"papers"}, exes: []string{"papers"},
		flatpak: "org.gnome.Papers",
	},
}

// apps returns the programs that exist for this operating system.
func (e *Env) apps() []app {
	if e.Windows {
		return windowsApps
	}
	return unixApps
}

func (e *Env) appByID(id string) (app, bool) {
	for _, a := range e.apps() {
		if a.id == id {
			return a, true
		}
	}
	return app{}, false
}
