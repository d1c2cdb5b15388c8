package keystore

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// AgentKey is the registry key, below HKEY_LOCAL_MACHINE, in which the installer records the
// program that the provider starts, also in cmd/cie-ksp/ksp.h; AgentValue is its value.
const (
	AgentKey   = `SOFTWARE\CIE\KeyStorageProvider`
	AgentValue = "Agent"
)

// Agent returns the program that is recorded, "" if the provider is not registered.
func Agent() string {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, AgentKey, registry.QUERY_VALUE|registry.WOW64_64KEY)
	if err != nil {
		return ""
	}
	defer k.Close()
	path, _, err := k.GetStringValue(AgentValue)
	if err != nil {
		return ""
	}
	return path
}

// Machine is the Registry of this machine. It needs the rights of an administrator.
type Machine struct{}

// SetAgent implements Registry.
func (Machine) SetAgent(path string) error {
	k, _, err := registry.CreateKey(registry.LOCAL_MACHINE, AgentKey, registry.SET_VALUE|registry.WOW64_64KEY)
	if err != nil {
		return err
	}
	defer k.Close()
	return k.SetStringValue(AgentValue, path)
}

// DeleteAgent implements Registry.
func (Machine) DeleteAgent() error {
	if err := registry.DeleteKey(registry.LOCAL_MACHINE, AgentKey); err != nil && !errors.Is(err, registry.ErrNotExist) {
		return err
	}
	// The key above has nothing else, or it stays.
	_ = registry.DeleteKey(registry.LOCAL_MACHINE, `SOFTWARE\CIE`)
	return nil
}

var (
	bcrypt             = windows.NewLazySystemDLL("bcrypt.dll")
	registerProvider   = bcrypt.NewProc("BCryptRegisterProvider")
	unregisterProvider = bcrypt.NewProc("BCryptUnregisterProvider")
	addFunction        = bcrypt.NewProc("BCryptAddContextFunctionProvider")
	removeFunction     = bcrypt.NewProc("BCryptRemoveContextFunctionProvider")
)

// Constants of bcrypt.h and ncrypt.h.
const (
	cryptOverwrite       = 1
	cryptLocal           = 1
	cryptPriorityBottom  = 0xFFFFFFFF
	keyStorageInterface  = 0x00010001
	keyStorage           = "KEY_STORAGE"
	statusNotFound       = 0xC0000225
	statusNameNotFound   = 0xC0000034
	statusNotImplemented = 0xC0000002
)

// cryptInterface, cryptImage and cryptProvider are CRYPT_INTERFACE_REG, CRYPT_IMAGE_REG and
// CRYPT_PROVIDER_REG.
type cryptInterface struct {
	id, flags, count uint32
	functions        **uint16
}

type cryptImage struct {
	name       *uint16
	count      uint32
	interfaces **cryptInterface
}

type cryptProvider struct {
	aliasCount   uint32
	aliases      **uint16
	user, kernel *cryptImage
}

func wide(s string) *uint16 {
	p, err := windows.UTF16PtrFromString(s)
	if err != nil {
		panic(err) // a constant of this file
	}
	return p
}

// call calls a function that returns an NTSTATUS.
func call(f *windows.LazyProc, args ...uintptr) error {
	if err := f.Find(); err != nil {
		return err
	}
	if status, _, _ := f.Call(args...); uint32(status) != 0 {
		return fmt.Errorf("%s: %w", f.Name, windows.NTStatus(status))
	}
	return nil
}

// RegisterProvider implements Registry.
func (Machine) RegisterProvider() error {
	function := wide(keyStorage)
	i := &cryptInterface{id: keyStorageInterface, flags: cryptLocal, count: 1, functions: &function}
	p := &cryptProvider{user: &cryptImage{name: wide(Image), count: 1, interfaces: &i}}
	return call(registerProvider, uintptr(unsafe.Pointer(wide(Provider))), cryptOverwrite, uintptr(unsafe.Pointer(p)))
}

// UnregisterProvider implements Registry.
func (Machine) UnregisterProvider() error {
	return unlessNotFound(call(unregisterProvider, uintptr(unsafe.Pointer(wide(Provider)))))
}

// AddFunction implements Registry.
func (Machine) AddFunction() error {
	return call(addFunction, cryptLocal, 0, keyStorageInterface, uintptr(unsafe.Pointer(wide(keyStorage))), uintptr(unsafe.Pointer(wide(Provider))), cryptPriorityBottom)
}

// RemoveFunction implements Registry.
func (Machine) RemoveFunction() error {
	return unlessNotFound(call(removeFunction, cryptLocal, 0, keyStorageInterface, uintptr(unsafe.Pointer(wide(keyStorage))), uintptr(unsafe.Pointer(wide(Provider)))))
}

// unlessNotFound returns err unless it says that there was nothing to remove, or that this
// system keeps no such registrations (Wine).
func unlessNotFound(err error) error {
	for _, nothing := range []windows.NTStatus{statusNotFound, statusNameNotFound, statusNotImplemented} {
		if errors.Is(err, nothing) {
			return nil
		}
	}
	return err
}
