package keystore

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	crypt32     = windows.NewLazySystemDLL("crypt32.dll")
	getProperty = crypt32.NewProc("CertGetCertificateContextProperty")
	setProperty = crypt32.NewProc("CertSetCertificateContextProperty")
	control     = crypt32.NewProc("CertControlStore")
	addPart     = crypt32.NewProc("CertRegisterPhysicalStore")
	removePart  = crypt32.NewProc("CertUnregisterPhysicalStore")
)

// keyProvInfoID is CERT_KEY_PROV_INFO_PROP_ID.
const keyProvInfoID = 2

// controlCommit is CERT_STORE_CTRL_COMMIT.
const controlCommit = 3

// keyProvInfo is CRYPT_KEY_PROV_INFO. For a key of CNG the type of the provider is 0.
type keyProvInfo struct {
	container, provider *uint16
	providerType, flags uint32
	parameterCount      uint32
	parameters          uintptr
	keySpec             uint32
}

// physicalStoreInfo is CERT_PHYSICAL_STORE_INFO.
type physicalStoreInfo struct {
	size                uint32
	provider            *byte
	encoding, openFlags uint32
	nameSize            uint32
	name                *uint16
	flags, priority     uint32
}

// The names of stores.
var (
	my   = wide("MY")
	part = wide(Part)
)

// all opens the user's certificates as Chrome and Edge do: in every part of My.
func all(flags uint32) (windows.Handle, error) {
	return open(windows.CERT_STORE_PROV_SYSTEM_W, my, flags)
}

// one opens one place in the user's registry: as Firefox opens My, without its other parts.
func one(name *uint16, flags uint32) (windows.Handle, error) {
	return open(windows.CERT_STORE_PROV_SYSTEM_REGISTRY_W, name, flags)
}

func open(provider uintptr, name *uint16, flags uint32) (windows.Handle, error) {
	return windows.CertOpenStore(provider, 0, 0, windows.CERT_SYSTEM_STORE_CURRENT_USER|flags, uintptr(unsafe.Pointer(name)))
}

// container returns the name of the key of a certificate, "" if it is of another provider.
func container(c *windows.CertContext) string {
	var size uint32
	if ok, _, _ := getProperty.Call(uintptr(unsafe.Pointer(c)), keyProvInfoID, 0, uintptr(unsafe.Pointer(&size))); ok == 0 || size < uint32(unsafe.Sizeof(keyProvInfo{})) {
		return ""
	}
	// In words, so that it is aligned for the structure at its start.
	buffer := make([]uint64, (size+7)/8)
	if ok, _, _ := getProperty.Call(uintptr(unsafe.Pointer(c)), keyProvInfoID, uintptr(unsafe.Pointer(&buffer[0])), uintptr(unsafe.Pointer(&size))); ok == 0 {
		return ""
	}
	info := (*keyProvInfo)(unsafe.Pointer(&buffer[0]))
	if info.container == nil || windows.UTF16PtrToString(info.provider) != Provider {
		return ""
	}
	return windows.UTF16PtrToString(info.container)
}

// each calls f with every certificate until f returns false. Its container is empty if it is not
// of this provider. f may not delete the certificate itself.
func each(store windows.Handle, f func(c *windows.CertContext, e Entry) bool) {
	var c *windows.CertContext
	for {
		var err error
		if c, err = windows.CertEnumCertificatesInStore(store, c); err != nil || c == nil {
			return
		}
		e := Entry{Container: container(c), Certificate: bytes.Clone(unsafe.Slice(c.EncodedCert, c.Length))}
		if !f(c, e) {
			_ = windows.CertFreeCertificateContext(c)
			return
		}
	}
}

// List returns the entries of this provider.
func List() ([]Entry, error) {
	store, err := all(windows.CERT_STORE_READONLY_FLAG)
	if err != nil {
		return nil, err
	}
	defer windows.CertCloseStore(store, 0)
	var list []Entry
	each(store, func(_ *windows.CertContext, e Entry) bool {
		if e.Container != "" {
			list = append(list, e)
		}
		return true
	})
	return list, nil
}

// Find returns the certificate of a container, or nil.
func Find(container string) []byte {
	list, _ := List()
	for _, e := range list {
		if e.Container == container {
			return e.Certificate
		}
	}
	return nil
}

// Put makes e the one entry of its container. Where another program has listed the same
// certificate, the entry is this provider's afterwards.
func Put(e Entry) error { return put(registryPlaces{}, e) }

// Remove removes the entries of a container.
func Remove(container string) error {
	err := edit(all, func(store windows.Handle) error {
		return remove(store, func(e Entry) bool { return e.Container == container })
	})
	if err != nil {
		return err
	}
	if list, err := List(); err != nil || len(list) > 0 {
		return err
	}
	return registryPlaces{}.DropPart()
}

// registryPlaces are the places of this user.
type registryPlaces struct{}

func onlyMy(flags uint32) (windows.Handle, error)   { return one(my, flags) }
func onlyPart(flags uint32) (windows.Handle, error) { return one(part, flags) }

// JoinPart implements places.
func (registryPlaces) JoinPart() error {
	name := windows.StringToUTF16(Part)
	provider, err := windows.BytePtrFromString("SystemRegistry")
	if err != nil {
		return err
	}
	info := &physicalStoreInfo{provider: provider, openFlags: windows.CERT_SYSTEM_STORE_CURRENT_USER, nameSize: uint32(2 * len(name)), name: &name[0]}
	info.size = uint32(unsafe.Sizeof(*info))
	ok, _, err := addPart.Call(uintptr(unsafe.Pointer(my)), windows.CERT_SYSTEM_STORE_CURRENT_USER, uintptr(unsafe.Pointer(part)), uintptr(unsafe.Pointer(info)), 0)
	if ok == 0 {
		return fmt.Errorf("part of the list: %w", err)
	}
	return nil
}

// DropPart implements places.
func (registryPlaces) DropPart() error {
	_, _, _ = removePart.Call(uintptr(unsafe.Pointer(my)), windows.CERT_SYSTEM_STORE_CURRENT_USER, uintptr(unsafe.Pointer(part)))
	// The flag makes CertOpenStore return no store; then "no error" is EINVAL in package windows.
	if _, err := one(part, windows.CERT_STORE_DELETE_FLAG); !errors.Is(err, syscall.EINVAL) && !errors.Is(err, windows.ERROR_FILE_NOT_FOUND) {
		return err
	}
	return nil
}

// PutPart implements places.
func (registryPlaces) PutPart(e Entry) error { return edit(onlyPart, e.add) }

// PutMy implements places.
func (registryPlaces) PutMy(e Entry) error { return edit(onlyMy, e.add) }

// RemoveMy implements places.
func (registryPlaces) RemoveMy(e Entry) error {
	return edit(onlyMy, func(store windows.Handle) error {
		return remove(store, func(old Entry) bool {
			return old.Container == e.Container || bytes.Equal(old.Certificate, e.Certificate)
		})
	})
}

// List implements places.
func (registryPlaces) List() ([]Entry, error) { return List() }

// edit opens a store and changes it.
func edit(open func(flags uint32) (windows.Handle, error), change func(windows.Handle) error) error {
	store, err := open(0)
	if err != nil {
		return err
	}
	defer windows.CertCloseStore(store, 0)
	return change(store)
}

// add adds an entry to a store and removes others of its container.
func (e Entry) add(store windows.Handle) error {
	c, err := windows.CertCreateCertificateContext(windows.X509_ASN_ENCODING|windows.PKCS_7_ASN_ENCODING, &e.Certificate[0], uint32(len(e.Certificate)))
	if err != nil {
		return err
	}
	defer windows.CertFreeCertificateContext(c)
	name, err := windows.UTF16PtrFromString(e.Container)
	if err != nil {
		return err
	}
	info := &keyProvInfo{container: name, provider: wide(Provider)}
	if ok, _, err := setProperty.Call(uintptr(unsafe.Pointer(c)), keyProvInfoID, 0, uintptr(unsafe.Pointer(info))); ok == 0 {
		return fmt.Errorf("name of the key: %w", err)
	}
	if err := windows.CertAddCertificateContextToStore(store, c, windows.CERT_STORE_ADD_REPLACE_EXISTING, nil); err != nil {
		return err
	}
	return remove(store, func(old Entry) bool {
		return old.Container == e.Container && !bytes.Equal(old.Certificate, e.Certificate)
	})
}

// remove deletes the certificates that f selects.
func remove(store windows.Handle, f func(Entry) bool) error {
	var selected []*windows.CertContext
	each(store, func(c *windows.CertContext, e Entry) bool {
		if f(e) {
			selected = append(selected, windows.CertDuplicateCertificateContext(c))
		}
		return true
	})
	var failed []error
	for _, c := range selected { // deleting frees it
		failed = append(failed, windows.CertDeleteCertificateFromStore(c))
	}
	// Wine writes a deletion at this request only.
	if ok, _, err := control.Call(uintptr(store), 0, controlCommit, 0); ok == 0 {
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}
