package main

import "cie/installer"

// haveHomes: the browsers of all users can be changed at once, which the
// uninstaller does.
const haveHomes = true

// homes are the users of this computer, the own one first.
func homes(module string) ([]*installer.Env, error) { return installer.Homes(module) }
