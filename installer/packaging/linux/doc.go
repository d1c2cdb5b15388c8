// Package linux holds the Linux packages (nfpm configurations, maintainer
// scripts, desktop files, the tarball's scripts) and their tests. "make packages"
// builds them into dist; README.md in the directory installer explains.
package linux
