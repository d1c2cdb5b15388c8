// Package buildtest contains tests only. They check that builds are reproducible and
// report their version, and that the summary of tests and the bills of materials are
// correct.
package buildtest
