package desktop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"cie/cmd/internal/doctor"
	"cie/gui"
	"cie/installer/browsers"
)

// files are the settings, the logs and the reports of this user.
type files struct {
	config, logs, cards, preview, autostart, home string

	lock     sync.Mutex
	settings gui.Settings
}

// maxLog is the size at which a new log is started; one old log is kept.
const maxLog = 1 << 20

func newFiles() (*files, error) {
	config, err := os.UserConfigDir()
	if err != nil {
		return nil, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	f := &files{
		config:    filepath.Join(config, "cie", "gui.json"),
		autostart: filepath.Join(config, "autostart", "cie-gui.desktop"),
		logs:      filepath.Join(cache, "cie", "logs"),
		cards:     filepath.Join(cache, "cie", "cards"),
		preview:   filepath.Join(cache, "cie", "preview"),
		home:      home,
	}
	data, err := browsers.ReadRegular(f.config)
	if err == nil {
		// Damaged settings are the defaults.
		_ = json.Unmarshal(data, &f.settings)
	}
	return f, nil
}

// Settings implements gui.Service.
func (f *files) Settings() gui.Settings {
	f.lock.Lock()
	defer f.lock.Unlock()
	return f.settings
}

// SaveSettings implements gui.Service.
func (f *files) SaveSettings(s gui.Settings) error {
	f.lock.Lock()
	defer f.lock.Unlock()
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := replace(f.config, append(data, '\n'), 0o600); err != nil {
		return err
	}
	if s.Autostart != f.settings.Autostart {
		if err := f.setAutostart(s.Autostart); err != nil {
			return err
		}
	}
	f.settings = s
	return nil
}

// replace writes a file completely or not at all.
func replace(name string, data []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	t, err := os.CreateTemp(filepath.Dir(name), ".cie-*")
	if err != nil {
		return err
	}
	_, err = t.Write(data)
	err = errors.Join(err, t.Chmod(mode), t.Close())
	if err == nil {
		err = os.Rename(t.Name(), name)
	}
	if err != nil {
		_ = os.Remove(t.Name())
	}
	return err
}

// LogFolder implements gui.Service.
func (f *files) LogFolder() string {
	_ = os.MkdirAll(f.logs, 0o700)
	return fileURL(f.logs)
}

// ClearLogs implements gui.Service.
func (f *files) ClearLogs() error { return os.RemoveAll(f.logs) }

// ForgetCards implements gui.Service.
func (f *files) ForgetCards() error { return os.RemoveAll(f.cards) }

// trace writes a line to the log if the settings ask for a detailed log.
func (f *files) trace(format string, args ...any) {
	f.lock.Lock()
	defer f.lock.Unlock()
	if f.settings.LogLevel == "all" {
		f.write(fmt.Sprintf(format, args...))
	}
}

// problem writes an error to the log, without data that identify the user, the
// machine or the card. It omits what the user cancelled.
func (f *files) problem(what string, err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	f.lock.Lock()
	defer f.lock.Unlock()
	if f.settings.LogLevel == "errors" || f.settings.LogLevel == "all" {
		f.write("error: " + what + ": " + err.Error())
	}
}

// write appends a line to the log.
func (f *files) write(line string) {
	env := doctor.Env{Machine: &browsers.Env{Home: f.home}}
	line = strings.ReplaceAll(env.Clean(line), "\n", "; ")
	name := filepath.Join(f.logs, "cie-gui.log")
	if err := os.MkdirAll(f.logs, 0o700); err != nil {
		return
	}
	if info, err := os.Stat(name); err == nil && info.Size() > maxLog {
		_ = os.Rename(name, name+".old")
	}
	w, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer w.Close()
	fmt.Fprintf(w, "%s %s\n", time.Now().Format(time.RFC3339), line)
}

// SaveReport implements gui.Service. It writes the report to the home directory.
func (f *files) SaveReport(text string) (string, error) {
	base := "cie-report-" + time.Now().Format("2006-01-02")
	for i := 1; ; i++ {
		name := filepath.Join(f.home, base+".txt")
		if i > 1 {
			name = filepath.Join(f.home, base+"-"+strconv.Itoa(i)+".txt")
		}
		w, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, fs.ErrExist) && i < 1000 {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = w.WriteString(text)
		return name, errors.Join(err, w.Close())
	}
}
