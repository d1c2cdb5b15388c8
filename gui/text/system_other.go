//go:build !windows

package text

const systemUnicode = false

// systemLocale returns nothing: the environment is all there is.
func systemLocale() string { return "" }
