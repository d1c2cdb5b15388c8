// Package anchor puts the country signer of the virtual cards where programs
// find it: in a configuration directory made for tests and demonstrations.
// Everybody can sign cards with its key, so it is never written to the
// configuration of a user.
package anchor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"cie/card/cardtest"
)

// Write adds the country signer to a directory that stands for
// $XDG_CONFIG_HOME, on Windows %AppData%.
func Write(configHome string) error {
	dir := filepath.Join(configHome, "cie", "csca")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	name := filepath.Join(dir, "virtual-card.pem")
	// What is there can be a link to a file of the user.
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(name, cardtest.CSCAPEM(), 0o600)
}

// Private makes directories for configuration, state and cache below base and
// returns the environment variables that lead programs there. The
// configuration trusts the virtual cards.
func Private(base string) (env []string, err error) {
	for name, dir := range map[string]string{
		"XDG_CONFIG_HOME": "config", "XDG_STATE_HOME": "state", "XDG_CACHE_HOME": "cache",
	} {
		path := filepath.Join(base, dir)
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, err
		}
		env = append(env, name+"="+path)
	}
	return env, Write(filepath.Join(base, "config"))
}
