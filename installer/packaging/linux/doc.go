// Package linux contains the Linux packages (nfpm configurations, maintainer scripts,
// desktop files, the tarball's scripts) and their tests. "make packages" builds them
// into dist; see README.md in the directory installer.
package linux
