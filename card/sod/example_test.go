package sod_test

import (
	"errors"
	"fmt"
	"os"

	"cie/card/sod"
)

// Example checks a file of a card against EF.SOD, as a terminal does (CIE 6.10.5).
func Example() {
	check := func(efSOD, efIntKpub []byte) error {
		list, err := sod.Parse(efSOD)
		if err != nil {
			return err
		}
		roots := sod.BuiltinRoots()
		if err := roots.AddDir("/etc/cie/csca"); err != nil && !errors.Is(err, os.ErrNotExist) {
			fmt.Println("some roots cannot be used:", err)
		}
		result, err := list.Verify(roots)
		if err != nil {
			return err
		}
		if !result.Trusted {
			fmt.Println("issuer unknown:", result.Reason)
		}
		return list.CheckFile(sod.FileIntKey, efIntKpub)
	}
	fmt.Println(check([]byte{0x77, 0x00}, nil))
	// Output:
	// malformed EF.SOD: content info
}
