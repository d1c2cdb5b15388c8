package version

import (
	"slices"
	"testing"
)

func TestPCSCLibraryIsFoundInMaps(t *testing.T) {
	const maps = `55d0c0a00000-55d0c0b00000 r-xp 00000000 fe:01 42    /usr/bin/cie
7f0000000000-7f0000001000 r--p 00000000 fe:01 43    /usr/lib/no such place/libpcsclite.so.1.0.0
7f0000001000-7f0000002000 r-xp 00001000 fe:01 43    /usr/lib/no such place/libpcsclite.so.1.0.0
7f0000003000-7f0000004000 rw-p 00000000 00:00 0 
7f0000005000-7f0000006000 r-xp 00000000 fe:01 44    /usr/lib/libc.so.6
7ffc00000000-7ffc00001000 rw-p 00000000 00:00 0     [stack]
`
	want := []SystemLibrary{{"libpcsclite.so.1.0.0", "/usr/lib/no such place/libpcsclite.so.1.0.0"}}
	if got := pcscLibraries(maps); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
