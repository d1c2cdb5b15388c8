package faultinjection

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Disks returns what happens to the file system of a program.
func Disks() []Cause {
	return []Cause{
		{Name: "disk-full", Column: "full", Disk: true, Begin: func(t *Trial, _ int) (func() error, error) { return fill(t.Folder) }},
		{Name: "read-only", Column: "r/o", Disk: true, Begin: func(t *Trial, _ int) (func() error, error) { return readOnly(t.Folder) }},
	}
}

// SmallDisk mounts a disk of 256 kB.
func SmallDisk(dir string) error { return unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k") }

// Unmount removes a mount, also one in use.
func Unmount(dir string) error { return unix.Unmount(dir, unix.MNT_DETACH) }

// fill writes a file until its disk is full.
func fill(dir string) (end func() error, err error) {
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		return nil, err
	}
	for err == nil {
		_, err = f.Write(make([]byte, os.Getpagesize()))
	}
	if !errors.Is(err, unix.ENOSPC) {
		return nil, errors.Join(err, f.Close())
	}
	return func() error { return os.Remove(f.Name()) }, f.Close()
}

// readOnly makes a folder read-only for files that are opened from now on.
func readOnly(dir string) (end func() error, err error) {
	if err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
		return nil, err
	}
	return func() error { return Unmount(dir) }, unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
}
