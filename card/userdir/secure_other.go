//go:build unix && !linux

package userdir

func secureMode() bool { return false }
