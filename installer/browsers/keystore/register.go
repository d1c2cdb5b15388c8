package keystore

import "errors"

// Image is the file of the provider, in the system directory: CNG loads it by this name.
const Image = "cie-ksp.dll"

// Registry is what Windows offers for the registration of a provider, and where the provider
// finds its agent. Functions that remove succeed if there is nothing to remove.
type Registry interface {
	// SetAgent records the program that the provider starts.
	SetAgent(path string) error
	DeleteAgent() error
	// RegisterProvider is BCryptRegisterProvider, replacing an older registration.
	RegisterProvider() error
	UnregisterProvider() error
	// AddFunction is BCryptAddContextFunctionProvider: it offers the provider for key
	// storage, after all others.
	AddFunction() error
	RemoveFunction() error
}

// Register registers the provider for the whole machine; agent is the full path of cie.exe. An
// update registers again. After an error nothing is registered.
func Register(r Registry, agent string) error {
	// The agent first: a browser may use the provider as soon as it is registered. An entry
	// in the list of functions would be a second one after an update.
	for _, step := range []func() error{func() error { return r.SetAgent(agent) }, r.RegisterProvider, r.RemoveFunction, r.AddFunction} {
		if err := step(); err != nil {
			return errors.Join(err, Unregister(r))
		}
	}
	return nil
}

// Unregister removes everything that Register wrote. A step that fails does not stop the
// others.
func Unregister(r Registry) error {
	return errors.Join(r.RemoveFunction(), r.UnregisterProvider(), r.DeleteAgent())
}
