package main

// #include "cryptoki.h"
import "C"

import (
	"cie/pkcs11mod/ck"
)

// produce runs a function that returns data of variable length.
func produce(p *C.CK_BYTE, n *C.CK_ULONG, f func(ck.Output) ck.RV) C.CK_RV {
	var length uint
	r := f(output(p, n, &length))
	if r == ck.CKR_OK || r == ck.CKR_BUFFER_TOO_SMALL {
		store(n, length)
	}
	return C.CK_RV(r)
}

//export cieDigestInit
func cieDigestInit(s C.CK_SESSION_HANDLE, m *C.CK_MECHANISM) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.DigestInit(uint(s), mechanism(m)))
}

//export cieDigest
func cieDigest(s C.CK_SESSION_HANDLE, in *C.CK_BYTE, n C.CK_ULONG, out *C.CK_BYTE, outLen *C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return produce(out, outLen, func(o ck.Output) ck.RV { return module.Digest(uint(s), input(in, n), o) })
}

//export cieDigestUpdate
func cieDigestUpdate(s C.CK_SESSION_HANDLE, in *C.CK_BYTE, n C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.DigestUpdate(uint(s), input(in, n)))
}

//export cieDigestKey
func cieDigestKey(s C.CK_SESSION_HANDLE, k C.CK_OBJECT_HANDLE) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.DigestKey(uint(s), uint(k)))
}

//export cieDigestFinal
func cieDigestFinal(s C.CK_SESSION_HANDLE, out *C.CK_BYTE, outLen *C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return produce(out, outLen, func(o ck.Output) ck.RV { return module.DigestFinal(uint(s), o) })
}

//export cieSignInit
func cieSignInit(s C.CK_SESSION_HANDLE, m *C.CK_MECHANISM, k C.CK_OBJECT_HANDLE) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.SignInit(uint(s), mechanism(m), uint(k)))
}

//export cieSign
func cieSign(s C.CK_SESSION_HANDLE, in *C.CK_BYTE, n C.CK_ULONG, out *C.CK_BYTE, outLen *C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return produce(out, outLen, func(o ck.Output) ck.RV { return module.Sign(uint(s), input(in, n), o) })
}

//export cieSignUpdate
func cieSignUpdate(s C.CK_SESSION_HANDLE, in *C.CK_BYTE, n C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.SignUpdate(uint(s), input(in, n)))
}

//export cieSignFinal
func cieSignFinal(s C.CK_SESSION_HANDLE, out *C.CK_BYTE, outLen *C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return produce(out, outLen, func(o ck.Output) ck.RV { return module.SignFinal(uint(s), o) })
}

//export cieVerifyInit
func cieVerifyInit(s C.CK_SESSION_HANDLE, m *C.CK_MECHANISM, k C.CK_OBJECT_HANDLE) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.VerifyInit(uint(s), mechanism(m), uint(k)))
}

//export cieVerify
func cieVerify(s C.CK_SESSION_HANDLE, in *C.CK_BYTE, n C.CK_ULONG, sig *C.CK_BYTE, sigLen C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.Verify(uint(s), input(in, n), input(sig, sigLen)))
}

//export cieVerifyUpdate
func cieVerifyUpdate(s C.CK_SESSION_HANDLE, in *C.CK_BYTE, n C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.VerifyUpdate(uint(s), input(in, n)))
}

//export cieVerifyFinal
func cieVerifyFinal(s C.CK_SESSION_HANDLE, sig *C.CK_BYTE, sigLen C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.VerifyFinal(uint(s), input(sig, sigLen)))
}

//export cieSeedRandom
func cieSeedRandom(s C.CK_SESSION_HANDLE, in *C.CK_BYTE, n C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.Random(uint(s), input(in, n)))
}

//export cieGenerateRandom
func cieGenerateRandom(s C.CK_SESSION_HANDLE, out *C.CK_BYTE, n C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.Random(uint(s), input(out, n)))
}
