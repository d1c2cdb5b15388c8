package main

// #include "cryptoki.h"
import "C"

import (
	"unsafe"

	"cie/pkcs11mod/ck"
)

// The module never calls the notification callback: C_WaitForSlotEvent reports all events.
//
//export cieOpenSession
func cieOpenSession(slot C.CK_SLOT_ID, flags C.CK_FLAGS, application unsafe.Pointer, notify C.CK_NOTIFY, p *C.CK_SESSION_HANDLE) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	if p == nil {
		return C.CK_RV(module.OpenSession(uint(slot), uint(flags), nil))
	}
	var h uint
	r := module.OpenSession(uint(slot), uint(flags), &h)
	if r == ck.CKR_OK {
		*p = C.CK_SESSION_HANDLE(h)
	}
	return C.CK_RV(r)
}

//export cieCloseSession
func cieCloseSession(s C.CK_SESSION_HANDLE) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.CloseSession(uint(s)))
}

//export cieCloseAllSessions
func cieCloseAllSessions(slot C.CK_SLOT_ID) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.CloseAllSessions(uint(slot)))
}

//export cieGetSessionInfo
func cieGetSessionInfo(s C.CK_SESSION_HANDLE, p *C.CK_SESSION_INFO) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	if p == nil {
		return C.CK_RV(module.GetSessionInfo(uint(s), nil))
	}
	var info ck.SessionInfo
	if rv := module.GetSessionInfo(uint(s), &info); rv != ck.CKR_OK {
		return C.CK_RV(rv)
	}
	f := fields{base: unsafe.Pointer(p)}
	for _, v := range []uint{info.SlotID, info.State, info.Flags, info.DeviceError} {
		f.putULong(v)
	}
	return C.CKR_OK
}

//export cieLogin
func cieLogin(s C.CK_SESSION_HANDLE, user C.CK_USER_TYPE, pin *C.CK_UTF8CHAR, n C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.Login(uint(s), uint(user), input(pin, n)))
}

//export cieLoginUser
func cieLoginUser(s C.CK_SESSION_HANDLE, user C.CK_USER_TYPE, pin *C.CK_UTF8CHAR, n C.CK_ULONG, name *C.CK_UTF8CHAR, nameLen C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.LoginUser(uint(s), uint(user), input(pin, n), input(name, nameLen)))
}

//export cieLogout
func cieLogout(s C.CK_SESSION_HANDLE) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.Logout(uint(s)))
}

//export cieInitPIN
func cieInitPIN(s C.CK_SESSION_HANDLE, pin *C.CK_UTF8CHAR, n C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.InitPIN(uint(s), input(pin, n)))
}

//export cieSetPIN
func cieSetPIN(s C.CK_SESSION_HANDLE, old *C.CK_UTF8CHAR, oldLen C.CK_ULONG, pin *C.CK_UTF8CHAR, n C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.SetPIN(uint(s), input(old, oldLen), input(pin, n)))
}

//export cieSessionCancel
func cieSessionCancel(s C.CK_SESSION_HANDLE, flags C.CK_FLAGS) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.SessionCancel(uint(s), uint(flags)))
}

//export cieGetFunctionStatus
func cieGetFunctionStatus(s C.CK_SESSION_HANDLE) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.NotParallel(uint(s)))
}

//export cieCancelFunction
func cieCancelFunction(s C.CK_SESSION_HANDLE) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.NotParallel(uint(s)))
}
