package session

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"cie/cmd/internal/harness/sessionbus"
)

// startBus starts a session bus for this test and returns what stops it.
func startBus(t *testing.T) (stop func()) {
	t.Helper()
	bus := sessionbus.Start(t)
	t.Setenv(sessionbus.Variable, bus.Address)
	return bus.Stop
}

// testFiles are passed by every start.
var testFiles = []string{"/tmp/a b.p7m", "/tmp/è.pdf"}

// claim claims the session and checks what it gets.
func claim(t *testing.T, hidden, wantSole, wantUnanswered bool) *Once {
	t.Helper()
	o, unanswered := Claim(t.Context(), hidden, testFiles)
	if (o != nil) != wantSole || unanswered != wantUnanswered {
		t.Fatalf("claim: sole %v, unanswered %v, want %v and %v", o != nil, unanswered, wantSole, wantUnanswered)
	}
	return o
}

func TestFurtherStartOpensTheWindow(t *testing.T) {
	startBus(t)
	first := claim(t, false, true, false)
	opened := make(chan []string, 1)
	go first.Serve(func(files []string) { opened <- files })
	claim(t, false, false, false)
	select {
	case files := <-opened:
		if !slices.Equal(files, testFiles) {
			t.Errorf("the window gets the files %q", files)
		}
	default:
		t.Error("the window is not open when the further start ends")
	}
	claim(t, true, false, false)
	if len(opened) != 0 {
		t.Error("a further start for the tray opens the window")
	}
	first.Close()
	claim(t, false, true, false).Close()
}

func TestFurtherStartGoesOnBesideAStuckWindow(t *testing.T) {
	startBus(t)
	first := claim(t, false, true, false)
	defer first.Close()
	claim(t, false, true, true).Close() // not served yet
	stuck := make(chan struct{})
	defer close(stuck)
	first.Serve(func([]string) { <-stuck })
	claim(t, false, true, true).Close()
	claim(t, true, false, false)
}

func TestWithoutSessionBusEachStartGoesOn(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(t.TempDir(), "none"))
	claim(t, false, true, false).Close()
	claim(t, false, true, false).Close()
}

func TestWatchTrayFollowsTheDesktop(t *testing.T) {
	stop := startBus(t)
	ctx, cancel := context.WithCancel(t.Context())
	reports, ended := make(chan bool, 8), make(chan struct{})
	go func() {
		defer close(ended)
		WatchTray(ctx, func(on bool) { reports <- on })
	}()
	defer func() {
		cancel()
		<-ended
	}()
	want := func(when string, want bool) {
		t.Helper()
		select {
		case got := <-reports:
			if got != want {
				t.Errorf("%s: a tray is reported: %v", when, got)
			}
		case <-time.After(trayGrace + 10*time.Second):
			t.Fatalf("%s: no report", when)
		}
	}
	want("without a panel", false)
	panel, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	defer panel.Close()
	if _, err := panel.RequestName(TrayHost, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	want("with a panel", true)
	// A panel that starts again at once is no change.
	if _, err := panel.ReleaseName(TrayHost); err != nil {
		t.Fatal(err)
	}
	if _, err := panel.RequestName(TrayHost, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	want("after the panel started again", true)
	if _, err := panel.ReleaseName(TrayHost); err != nil {
		t.Fatal(err)
	}
	want("after the panel ended", false)
	stop()
	want("after the bus ended", false)
}
