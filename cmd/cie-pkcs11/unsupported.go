package main

// #include "cryptoki.h"
import "C"

//export cieUnsupported
func cieUnsupported() (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.Unsupported())
}

//export cieNoMechanism
func cieNoMechanism(s C.CK_SESSION_HANDLE, m *C.CK_MECHANISM) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.NoMechanism(uint(s), mechanism(m)))
}

//export cieNeverInitialized
func cieNeverInitialized(s C.CK_SESSION_HANDLE) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.NeverInitialized(uint(s)))
}
