package i18n

import "golang.org/x/sys/windows"

const systemUnicode = true

// systemLocale is the language that the user chose for windows and menus, "it-IT".
func systemLocale() string {
	names, err := windows.GetUserPreferredUILanguages(windows.MUI_LANGUAGE_NAME)
	if err != nil || len(names) == 0 {
		return ""
	}
	return names[0]
}
