package pcsc

import (
	"fmt"
	"sync"

	"golang.org/x/sys/windows"

	"cie/apdu"
)

// library loads winscard.dll from the directory of the system. The scard
// package asks for it by name alone, which looks beside the program first; a
// library of that name that is loaded already is what it gets then
// (Microsoft, Dynamic-link library search order).
var library = sync.OnceValue(func() error {
	if _, err := windows.LoadLibraryEx("winscard.dll", 0, windows.LOAD_LIBRARY_SEARCH_SYSTEM32); err != nil {
		return fmt.Errorf("pcsc: winscard.dll: %w: %w", apdu.ErrNoService, err)
	}
	return nil
})
