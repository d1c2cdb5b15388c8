// Package archtest contains tests only: the permitted imports of each package, and text
// that must not occur in the tree.
package archtest
