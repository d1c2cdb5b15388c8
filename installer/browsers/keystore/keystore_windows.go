package keystore

import (
	"bytes"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	crypt32     = windows.NewLazySystemDLL("crypt32.dll")
	getProperty = crypt32.NewProc("CertGetCertificateContextProperty")
	setProperty = crypt32.NewProc("CertSetCertificateContextProperty")
	control     = crypt32.NewProc("CertControlStore")
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

// open opens the user's certificates.
func open(flags uint32) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString("MY")
	if err != nil {
		return 0, err
	}
	return windows.CertOpenStore(windows.CERT_STORE_PROV_SYSTEM_W, 0, 0, windows.CERT_SYSTEM_STORE_CURRENT_USER|flags, uintptr(unsafe.Pointer(name)))
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

// each calls f with every certificate of this provider until f returns false. f may not delete
// the certificate itself.
func each(store windows.Handle, f func(c *windows.CertContext, e Entry) bool) {
	var c *windows.CertContext
	for {
		var err error
		if c, err = windows.CertEnumCertificatesInStore(store, c); err != nil || c == nil {
			return
		}
		name := container(c)
		if name == "" {
			continue
		}
		e := Entry{Container: name, Certificate: bytes.Clone(unsafe.Slice(c.EncodedCert, c.Length))}
		if !f(c, e) {
			_ = windows.CertFreeCertificateContext(c)
			return
		}
	}
}

// List returns the entries of this provider.
func List() ([]Entry, error) {
	store, err := open(windows.CERT_STORE_READONLY_FLAG)
	if err != nil {
		return nil, err
	}
	defer windows.CertCloseStore(store, 0)
	var list []Entry
	each(store, func(_ *windows.CertContext, e Entry) bool {
		list = append(list, e)
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
func Put(e Entry) error {
	if len(e.Certificate) == 0 || e.Container == "" {
		return errors.New("empty entry")
	}
	store, err := open(0)
	if err != nil {
		return err
	}
	defer windows.CertCloseStore(store, 0)
	c, err := windows.CertCreateCertificateContext(windows.X509_ASN_ENCODING|windows.PKCS_7_ASN_ENCODING, &e.Certificate[0], uint32(len(e.Certificate)))
	if err != nil {
		return err
	}
	defer windows.CertFreeCertificateContext(c)
	name, err := windows.UTF16PtrFromString(e.Container)
	if err != nil {
		return err
	}
	provider, err := windows.UTF16PtrFromString(Provider)
	if err != nil {
		return err
	}
	info := &keyProvInfo{container: name, provider: provider}
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

// Remove removes the entries of a container.
func Remove(container string) error {
	store, err := open(0)
	if err != nil {
		return err
	}
	defer windows.CertCloseStore(store, 0)
	return remove(store, func(e Entry) bool { return e.Container == container })
}

// remove deletes the entries that f selects.
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
