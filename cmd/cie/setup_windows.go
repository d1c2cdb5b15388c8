package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/windows/registry"

	"cie/installer/browsers"
	"cie/installer/browsers/keystore"
)

// setupCommands are for the installer of Windows; users do not type them.
func (a *app) setupCommands() []*cobra.Command {
	return []*cobra.Command{a.kspAgentCommand(), {
		Use:    "check-directory DIRECTORY",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := browsers.CheckDirectory(args[0]); err != nil {
				fmt.Fprintln(a.stderr, err)
				return &reported{code: exitFound}
			}
			return nil
		},
	}, {
		Use:    "leave",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(*cobra.Command, []string) error { return a.leave() },
	}, {
		Use:    "ksp-register",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			agent, err := os.Executable()
			if err == nil {
				err = keystore.Register(keystore.Machine{}, agent)
			}
			return a.installed(err)
		},
	}, {
		Use:    "ksp-unregister",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(*cobra.Command, []string) error { return a.installed(keystore.Unregister(keystore.Machine{})) },
	}}
}

// installed reports an error to the log of the installer.
func (a *app) installed(err error) error {
	if err != nil {
		fmt.Fprintln(a.stderr, err)
		return &reported{code: exitFound}
	}
	return nil
}

// leave removes everything of this software from the profile of this user: the
// registration, the start at the logon, the files that the programs kept. It
// runs in the session of the user, when the software is removed or at the next
// logon after that.
func (a *app) leave() error {
	env, err := a.machine("")
	if err != nil {
		return err
	}
	var failed []error
	for _, r := range browsers.PlanDisable(env.Targets(browsers.Options{User: true, Flatpak: true})).Run(nil) {
		failed = append(failed, r.Err)
	}
	failed = append(failed, env.Forget(), noAutostart())
	return a.installed(errors.Join(failed...))
}

// noAutostart removes the window from what Windows starts at the logon.
func noAutostart() error {
	k, err := registry.OpenKey(registry.CURRENT_USER, `Software\Microsoft\Windows\CurrentVersion\Run`, registry.SET_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer k.Close()
	if err := k.DeleteValue("CIE"); err != nil && !errors.Is(err, registry.ErrNotExist) {
		return err
	}
	return nil
}
