// Package buildtest holds tests only: what make builds is the same wherever it
// is built, says which version it is, and its tests and bills of materials tell
// the truth.
package buildtest
