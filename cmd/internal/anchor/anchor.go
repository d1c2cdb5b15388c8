// Package anchor writes the country signer of the virtual cards into configuration
// directories for tests and demonstrations. Its private key is public, so it is never
// written to the configuration of a user.
package anchor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"cie/card/cardtest"
)

// Write adds the country signer to a directory that is used as $XDG_CONFIG_HOME, on
// Windows as %AppData%.
func Write(configHome string) error {
	dir := filepath.Join(configHome, "cie", "csca")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	name := filepath.Join(dir, "virtual-card.pem")
	// The existing file can be a link to a file of the user.
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(name, cardtest.CSCAPEM(), 0o600)
}

// Private makes directories for configuration, state and cache below base and
// returns the environment variables with which programs use them. The configuration
// trusts the virtual cards.
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
