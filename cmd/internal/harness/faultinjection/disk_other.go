//go:build !linux

package faultinjection

import "errors"

// Disks returns nothing: the causes need mounts of Linux.
func Disks() []Cause { return nil }

// SmallDisk returns an error.
func SmallDisk(string) error { return errors.ErrUnsupported }

// Unmount returns an error.
func Unmount(string) error { return errors.ErrUnsupported }
