// Package archtest holds tests only: which package may import which, and what
// may never stand in the tree.
package archtest
