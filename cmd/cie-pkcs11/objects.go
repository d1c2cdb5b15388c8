package main

// #include "cryptoki.h"
import "C"

import (
	"cie/pkcs11mod/ck"
)

// number returns a variable for a number that a function returns, nil if the caller passed
// NULL_PTR.
func number(p *C.CK_ULONG) *uint {
	if p == nil {
		return nil
	}
	return new(uint)
}

// badTemplate returns the code for a template of impossible size, after checking that the
// library is initialised and the session exists.
func badTemplate(s C.CK_SESSION_HANDLE) C.CK_RV {
	var info ck.SessionInfo
	if rv := module.GetSessionInfo(uint(s), &info); rv != ck.CKR_OK {
		return C.CK_RV(rv)
	}
	return C.CK_RV(ck.CKR_ARGUMENTS_BAD)
}

//export cieCreateObject
func cieCreateObject(s C.CK_SESSION_HANDLE, t *C.CK_ATTRIBUTE, n C.CK_ULONG, o *C.CK_OBJECT_HANDLE) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	attrs, ok := template(t, n)
	if !ok {
		return badTemplate(s)
	}
	return C.CK_RV(module.CreateObject(uint(s), attrs, number(o)))
}

//export cieCopyObject
func cieCopyObject(s C.CK_SESSION_HANDLE, o C.CK_OBJECT_HANDLE, t *C.CK_ATTRIBUTE, n C.CK_ULONG, copied *C.CK_OBJECT_HANDLE) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	attrs, ok := template(t, n)
	if !ok || t == nil && n > 0 {
		return badTemplate(s)
	}
	return C.CK_RV(module.CopyObject(uint(s), uint(o), attrs, number(copied)))
}

//export cieDestroyObject
func cieDestroyObject(s C.CK_SESSION_HANDLE, o C.CK_OBJECT_HANDLE) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.DestroyObject(uint(s), uint(o)))
}

//export cieGetObjectSize
func cieGetObjectSize(s C.CK_SESSION_HANDLE, o C.CK_OBJECT_HANDLE, size *C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	n := number(size)
	r := module.GetObjectSize(uint(s), uint(o), n)
	if r == ck.CKR_OK {
		store(size, *n)
	}
	return C.CK_RV(r)
}

// maxAsked limits the attributes that one call asks for.
const maxAsked = 1 << 20

// The template is processed in parts, so that its memory does not depend on a number of the
// caller. Every attribute is processed, even after one that is not available (5.7).
//
//export cieGetAttributeValue
func cieGetAttributeValue(s C.CK_SESSION_HANDLE, o C.CK_OBJECT_HANDLE, t *C.CK_ATTRIBUTE, n C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	if n > maxAsked {
		return badTemplate(s)
	}
	for {
		part := min(n, maxTemplate)
		attrs, _ := template(t, part)
		r := module.GetAttributeValue(uint(s), uint(o), attrs)
		switch r {
		case ck.CKR_OK, ck.CKR_BUFFER_TOO_SMALL, ck.CKR_ATTRIBUTE_SENSITIVE, ck.CKR_ATTRIBUTE_TYPE_INVALID:
			storeLengths(t, attrs)
		default:
			return C.CK_RV(r)
		}
		if r != ck.CKR_OK {
			rv = C.CK_RV(r)
		}
		if n -= part; n == 0 {
			return rv
		}
		t = (*C.CK_ATTRIBUTE)(attribute(t, int(part)).base)
	}
}

//export cieSetAttributeValue
func cieSetAttributeValue(s C.CK_SESSION_HANDLE, o C.CK_OBJECT_HANDLE, t *C.CK_ATTRIBUTE, n C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	attrs, ok := template(t, n)
	if !ok {
		return badTemplate(s)
	}
	return C.CK_RV(module.SetAttributeValue(uint(s), uint(o), attrs))
}

//export cieFindObjectsInit
func cieFindObjectsInit(s C.CK_SESSION_HANDLE, t *C.CK_ATTRIBUTE, n C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	attrs, ok := template(t, n)
	if !ok {
		return badTemplate(s)
	}
	return C.CK_RV(module.FindObjectsInit(uint(s), attrs, uint(n)))
}

//export cieFindObjects
func cieFindObjects(s C.CK_SESSION_HANDLE, p *C.CK_OBJECT_HANDLE, most C.CK_ULONG, n *C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	handles, count := list(p, uint(most)), number(n)
	r := module.FindObjects(uint(s), handles, count)
	if r == ck.CKR_OK {
		storeList(p, handles[:*count])
		store(n, *count)
	}
	return C.CK_RV(r)
}

//export cieFindObjectsFinal
func cieFindObjectsFinal(s C.CK_SESSION_HANDLE) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.FindObjectsFinal(uint(s)))
}

//export cieGenerateKey
func cieGenerateKey(s C.CK_SESSION_HANDLE, m *C.CK_MECHANISM, t *C.CK_ATTRIBUTE, n C.CK_ULONG, k *C.CK_OBJECT_HANDLE) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	attrs, ok := template(t, n)
	if !ok || t == nil && n > 0 {
		return badTemplate(s)
	}
	return C.CK_RV(module.GenerateKey(uint(s), mechanism(m), attrs, number(k)))
}

//export cieGenerateKeyPair
func cieGenerateKeyPair(s C.CK_SESSION_HANDLE, m *C.CK_MECHANISM, pub *C.CK_ATTRIBUTE, pubLen C.CK_ULONG, priv *C.CK_ATTRIBUTE, privLen C.CK_ULONG, pubKey, privKey *C.CK_OBJECT_HANDLE) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	public, ok1 := template(pub, pubLen)
	private, ok2 := template(priv, privLen)
	if !ok1 || !ok2 || pub == nil && pubLen > 0 || priv == nil && privLen > 0 {
		return badTemplate(s)
	}
	return C.CK_RV(module.GenerateKeyPair(uint(s), mechanism(m), public, private, number(pubKey), number(privKey)))
}
