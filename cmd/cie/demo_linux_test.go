package main

import "cie/apdu/pcsc/pcscd"

// Why no private service can run.
var missing, denied = pcscd.ErrNotInstalled, pcscd.ErrNotPermitted
