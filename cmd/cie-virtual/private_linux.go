package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"cie/apdu/pcsc/pcscd"
	"cie/card/cardtest/stack"
	"cie/card/cardtest/vpcd"
	"cie/cmd/internal/anchor"
)

// private is a pcscd of this program's own.
type private struct {
	*stack.Stack
	config string // a directory that is removed with it
	env    []string
	done   <-chan struct{}
}

// startService starts a private pcscd with enough readers, and makes this process
// and its children clients of it. It must be the first use of PC/SC in the
// process, because the library reads the address of the service once.
func (a *app) startService(ctx context.Context, readers int) (*stack.Stack, error) {
	s, err := stack.Start(ctx, stack.Options{Slots: readers})
	if err == nil {
		if err = s.Setenv(); err == nil {
			return s, nil
		}
		s.Stop()
	}
	return nil, a.noService(err)
}

// noService explains why no private service runs.
func (a *app) noService(err error) *failure {
	message := "virtual.private-failed"
	switch {
	case errors.Is(err, pcscd.ErrNotInstalled):
		message = "virtual.not-installed"
	case errors.Is(err, pcscd.ErrNotPermitted):
		message = "virtual.not-permitted"
	}
	f := a.fail(message, err)
	f.Detail = err.Error()
	if stack.Unavailable(err) {
		f.Code = "no-service"
	}
	return f
}

// startPrivate starts a service whose clients trust the virtual cards.
func (a *app) startPrivate(ctx context.Context, readers int) (*private, error) {
	s, err := a.startService(ctx, readers)
	if err != nil {
		return nil, err
	}
	config, err := privateConfig()
	if err == nil {
		err = os.Setenv(configVariable, config)
	}
	if err != nil {
		s.Stop()
		_ = os.RemoveAll(config)
		return nil, a.fail("virtual.private-failed", err)
	}
	a.note("virtual.trusted", config)
	return &private{Stack: s, config: config, env: append(s.Env(), configVariable+"="+config), done: s.Done()}, nil
}

// configVariable leads programs to their configuration (XDG Base Directory
// Specification).
const configVariable = "XDG_CONFIG_HOME"

// privateConfig makes a directory with the configuration of the user, by links,
// to which the country signer of the virtual cards is added: the user's own is
// never made to trust them.
func privateConfig() (string, error) {
	dir, err := os.MkdirTemp("", "cie-virtual-config-")
	if err != nil {
		return "", err
	}
	// Without a configuration there is nothing to link to.
	if own, err := os.UserConfigDir(); err == nil {
		err = linkAll(own, dir, filepath.Join("cie", "csca"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return dir, err
		}
	}
	return dir, anchor.Write(dir)
}

// linkAll fills to with links to what from has. Of the directories on the way
// to own, a relative path, only the content is linked.
func linkAll(from, to, own string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	first, rest, _ := strings.Cut(own, string(filepath.Separator))
	for _, e := range entries {
		source, target := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		if e.Name() != first || first == "" {
			if err := os.Symlink(source, target); err != nil {
				return err
			}
			continue
		}
		if err := os.Mkdir(target, 0o700); err != nil {
			return err
		}
		if err := linkAll(source, target, rest); err != nil {
			return err
		}
	}
	return nil
}

// attach gives each card the reader of its number.
func (p *private) attach(slots []*slot) {
	for i, s := range slots {
		s.addr = p.Reader(i)
		s.in = &vpcd.Slot{Dial: func(context.Context) (net.Conn, error) { return p.Dial(i) }}
	}
}

func (p *private) stop() {
	p.Stop()
	_ = os.RemoveAll(p.config)
}
