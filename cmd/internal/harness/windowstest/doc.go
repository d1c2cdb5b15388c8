// Package windowstest contains tests of the programs for Windows: they are built with
// mingw-w64, and what wine can run is run in it. Wine has no smart card readers
// here, so what needs one is tested on Linux only.
package windowstest
