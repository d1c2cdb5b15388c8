package main

// #include "cryptoki.h"
import "C"

import (
	"runtime/debug"
	"unsafe"

	"cie/pkcs11mod/ck"
)

// shield is deferred by every function that C calls. It converts a panic, also one caused
// by unreadable memory of the caller, to a return value, so that the program continues.
func shield(rv *C.CK_RV) {
	if recover() != nil {
		*rv = C.CK_RV(ck.CKR_GENERAL_ERROR)
	}
}

// enter prepares a call: a fault at an address of the caller is a panic.
func enter() { debug.SetPanicOnFault(true) }

//export cieInitialize
func cieInitialize(args unsafe.Pointer) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	var a *ck.InitializeArgs
	if args != nil {
		f := fields{base: args}
		a = &ck.InitializeArgs{}
		for _, given := range []*bool{&a.CreateMutex, &a.DestroyMutex, &a.LockMutex, &a.UnlockMutex} {
			*given = f.pointer() != nil
		}
		a.Flags = f.ulong()
		a.Reserved = f.pointer() != nil
	}
	return C.CK_RV(module.Initialize(a))
}

//export cieFinalize
func cieFinalize(reserved unsafe.Pointer) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.Finalize(reserved != nil))
}

//export cieGetInfo
func cieGetInfo(p *C.CK_INFO) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	if p == nil {
		return C.CK_RV(module.GetInfo(nil))
	}
	var info ck.Info
	if rv := module.GetInfo(&info); rv != ck.CKR_OK {
		return C.CK_RV(rv)
	}
	f := fields{base: unsafe.Pointer(p)}
	f.version(info.CryptokiVersion)
	f.text(32, info.ManufacturerID)
	f.putULong(info.Flags)
	f.text(32, info.LibraryDescription)
	f.version(info.LibraryVersion)
	return C.CKR_OK
}

//export cieGetSlotList
func cieGetSlotList(present C.CK_BBOOL, p, n *C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	if n == nil {
		return C.CK_RV(module.GetSlotList(present != 0, nil, nil))
	}
	count := uint(*n)
	ids := list(p, count)
	r := module.GetSlotList(present != 0, ids, &count)
	if r == ck.CKR_OK && ids != nil {
		storeList(p, ids[:count])
	}
	if r == ck.CKR_OK || r == ck.CKR_BUFFER_TOO_SMALL {
		store(n, count)
	}
	return C.CK_RV(r)
}

//export cieGetSlotInfo
func cieGetSlotInfo(slot C.CK_SLOT_ID, p *C.CK_SLOT_INFO) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	if p == nil {
		return C.CK_RV(module.GetSlotInfo(uint(slot), nil))
	}
	var info ck.SlotInfo
	if rv := module.GetSlotInfo(uint(slot), &info); rv != ck.CKR_OK {
		return C.CK_RV(rv)
	}
	f := fields{base: unsafe.Pointer(p)}
	f.text(64, info.SlotDescription)
	f.text(32, info.ManufacturerID)
	f.putULong(info.Flags)
	f.version(info.HardwareVersion)
	f.version(info.FirmwareVersion)
	return C.CKR_OK
}

//export cieGetTokenInfo
func cieGetTokenInfo(slot C.CK_SLOT_ID, p *C.CK_TOKEN_INFO) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	if p == nil {
		return C.CK_RV(module.GetTokenInfo(uint(slot), nil))
	}
	var info ck.TokenInfo
	if rv := module.GetTokenInfo(uint(slot), &info); rv != ck.CKR_OK {
		return C.CK_RV(rv)
	}
	f := fields{base: unsafe.Pointer(p)}
	f.text(32, info.Label)
	f.text(32, info.ManufacturerID)
	f.text(16, info.Model)
	f.text(16, info.SerialNumber)
	for _, v := range []uint{
		info.Flags,
		info.MaxSessionCount, info.SessionCount, info.MaxRWSessionCount, info.RWSessionCount,
		info.MaxPINLen, info.MinPINLen,
		info.TotalPublicMemory, info.FreePublicMemory, info.TotalPrivateMemory, info.FreePrivateMemory,
	} {
		f.putULong(v)
	}
	f.version(info.HardwareVersion)
	f.version(info.FirmwareVersion)
	f.text(16, info.UTCTime)
	return C.CKR_OK
}

//export cieGetMechanismList
func cieGetMechanismList(slot C.CK_SLOT_ID, p, n *C.CK_ULONG) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	if n == nil {
		return C.CK_RV(module.GetMechanismList(uint(slot), nil, nil))
	}
	count := uint(*n)
	types := list(p, count)
	r := module.GetMechanismList(uint(slot), types, &count)
	if r == ck.CKR_OK && types != nil {
		storeList(p, types[:count])
	}
	if r == ck.CKR_OK || r == ck.CKR_BUFFER_TOO_SMALL {
		store(n, count)
	}
	return C.CK_RV(r)
}

//export cieGetMechanismInfo
func cieGetMechanismInfo(slot C.CK_SLOT_ID, typ C.CK_MECHANISM_TYPE, p *C.CK_MECHANISM_INFO) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	if p == nil {
		return C.CK_RV(module.GetMechanismInfo(uint(slot), uint(typ), nil))
	}
	var info ck.MechanismInfo
	if rv := module.GetMechanismInfo(uint(slot), uint(typ), &info); rv != ck.CKR_OK {
		return C.CK_RV(rv)
	}
	f := fields{base: unsafe.Pointer(p)}
	f.putULong(info.MinKeySize)
	f.putULong(info.MaxKeySize)
	f.putULong(info.Flags)
	return C.CKR_OK
}

//export cieInitToken
func cieInitToken(slot C.CK_SLOT_ID, pin *C.CK_UTF8CHAR, n C.CK_ULONG, label *C.CK_UTF8CHAR) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	return C.CK_RV(module.InitToken(uint(slot), input(pin, n), (*[32]byte)(unsafe.Pointer(label))))
}

//export cieWaitForSlotEvent
func cieWaitForSlotEvent(flags C.CK_FLAGS, p *C.CK_SLOT_ID, reserved unsafe.Pointer) (rv C.CK_RV) {
	defer shield(&rv)
	enter()
	if p == nil {
		return C.CK_RV(module.WaitForSlotEvent(uint(flags), nil, reserved != nil))
	}
	var id uint
	r := module.WaitForSlotEvent(uint(flags), &id, reserved != nil)
	if r == ck.CKR_OK {
		*p = C.CK_SLOT_ID(id)
	}
	return C.CK_RV(r)
}
