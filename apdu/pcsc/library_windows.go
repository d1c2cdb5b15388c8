package pcsc

import (
	"fmt"
	"sync"

	"golang.org/x/sys/windows"

	"cie/apdu"
)

// library loads winscard.dll from the directory of the system. The scard package
// loads it by name only, for which Windows searches the directory of the program
// first. If a library of that name is loaded already, it gets that one (Microsoft,
// Dynamic-link library search order).
var library = sync.OnceValue(func() error {
	if _, err := windows.LoadLibraryEx("winscard.dll", 0, windows.LOAD_LIBRARY_SEARCH_SYSTEM32); err != nil {
		return fmt.Errorf("pcsc: winscard.dll: %w: %w", apdu.ErrNoService, err)
	}
	return nil
})
