//go:build !windows

package i18n

const systemUnicode = false

// systemLocale is not known beside the environment.
func systemLocale() string { return "" }
