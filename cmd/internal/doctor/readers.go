package doctor

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"cie/apdu/readers"
	"cie/installer/browsers"
)

// kernelModules lists the modules of the kernel's NFC stack that claim readers with
// a chip of the PN53x family, so that PC/SC cannot use them, in the order in which
// they are unloaded.
var kernelModules = []string{"pn533_usb", "pn533", "nfc"}

// pn533Devices lists the USB readers that pn533_usb claims (drivers/nfc/pn533/usb.c
// of Linux), by vendor and product.
var pn533Devices = map[string]string{
	"072f:2200": "ACS ACR122U",
	"04cc:2533": "NXP PN533",
	"04e6:5591": "SCM SCL3711",
	"054c:0193": "Sony RC-S360",
}

// usbDevice is a device that may be a reader.
type usbDevice struct {
	id     string   // "072f:2200"
	driver []string // of its interfaces
	ccid   bool     // it has an interface of the smart card class
}

// usb lists the USB devices (Documentation/ABI/stable/sysfs-bus-usb).
func (r *run) usb() []usbDevice {
	base := filepath.Join(r.Root, "/sys/bus/usb/devices")
	entries, err := os.ReadDir(base)
	if err != nil {
		return nil
	}
	read := func(dir, name string) string {
		b, _ := os.ReadFile(filepath.Join(base, dir, name))
		return strings.TrimSpace(string(b))
	}
	var list []usbDevice
	for _, e := range entries {
		if strings.Contains(e.Name(), ":") {
			continue // an interface
		}
		vendor, product := read(e.Name(), "idVendor"), read(e.Name(), "idProduct")
		if vendor == "" {
			continue
		}
		d := usbDevice{id: strings.ToLower(vendor + ":" + product)}
		for _, i := range entries {
			if !strings.HasPrefix(i.Name(), e.Name()+":") {
				continue
			}
			d.ccid = d.ccid || read(i.Name(), "bInterfaceClass") == "0b"
			if to, err := os.Readlink(filepath.Join(base, i.Name(), "driver")); err == nil {
				d.driver = append(d.driver, filepath.Base(to))
			}
		}
		list = append(list, d)
	}
	return list
}

// loaded lists the modules of the kernel's NFC stack that are loaded.
func (r *run) loaded() []string {
	var list []string
	for _, m := range kernelModules {
		if _, err := os.Stat(filepath.Join(r.Root, "/sys/module", m)); err == nil {
			list = append(list, m)
		}
	}
	return list
}

// blacklisted reports whether the configuration excludes a module (modprobe.d(5)).
func (r *run) blacklisted(module string) bool {
	for _, dir := range []string{"/etc/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d", "/run/modprobe.d"} {
		files, _ := filepath.Glob(filepath.Join(r.Root, dir, "*.conf"))
		for _, name := range files {
			f, err := browsers.OpenRegular(name)
			if err != nil {
				continue
			}
			for lines := bufio.NewScanner(f); lines.Scan(); {
				words := strings.Fields(lines.Text())
				if len(words) < 2 || strings.ReplaceAll(words[1], "-", "_") != module {
					continue
				}
				if words[0] == "blacklist" || words[0] == "install" && len(words) > 2 && (strings.HasSuffix(words[2], "/false") || strings.HasSuffix(words[2], "/true")) {
					f.Close()
					return true
				}
			}
			f.Close()
		}
	}
	return false
}

// integrated reports whether the machine has a built-in NFC chip, which uses NCI over
// I2C and is no PC/SC reader (NXP1001 and similar).
func (r *run) integrated() bool {
	chips, _ := filepath.Glob(filepath.Join(r.Root, "/sys/class/nfc/nfc*"))
	for _, c := range chips {
		if to, err := filepath.EvalSymlinks(filepath.Join(c, "device")); err != nil || !strings.Contains(to, "/usb") {
			return true
		}
	}
	acpi, _ := filepath.Glob(filepath.Join(r.Root, "/sys/bus/i2c/devices/i2c-NXP*"))
	return len(acpi) > 0
}

// readers checks the readers and reports whether the checks can continue.
func (r *run) readers() bool {
	list, err := r.pcsc.Status()
	if err != nil {
		r.report(Check{ID: Readers, Status: Fail, Finding: ServiceFails, Remedy: RestartPCSC, Detail: detail(err)})
		r.wait(cardSteps...)
		return false
	}
	list = r.wanted(list)
	if len(list) == 0 {
		r.noReader()
		r.wait(cardSteps...)
		return false
	}
	var names []string
	for _, s := range list {
		names = append(names, s.Name)
	}
	r.report(Check{ID: Readers, Status: OK, Finding: ReadersFound, Values: []Value{{Name: "names", Text: strings.Join(names, ", ")}}})
	for _, n := range names {
		r.report(r.defects(n))
	}
	return true
}

func (r *run) wanted(list []readers.State) []readers.State {
	if r.Reader == nil {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(s readers.State) bool { return !r.Reader(s.Name) })
}

// noReader reports why the service may list no reader.
func (r *run) noReader() {
	c := Check{ID: Readers, Status: Fail, Finding: NoReader, Remedy: PlugReader}
	if r.remote() {
		c.Finding, c.Remedy = NoReaderRemote, SitAtComputer
	}
	loaded := r.loaded()
	for _, d := range r.usb() {
		taken := slices.ContainsFunc(d.driver, func(m string) bool { return slices.Contains(kernelModules, m) })
		name, known := pn533Devices[d.id]
		switch {
		case taken || known && slices.Contains(loaded, "pn533_usb"):
			if name == "" {
				name = "USB"
			}
			c.Finding, c.Remedy = ReaderTaken, FreeReader
			c.Values = []Value{{Name: "usb", Text: name + " " + d.id}, {Name: "modules", Text: strings.Join(loaded, ", ")}}
			if r.blacklisted("pn533_usb") {
				c.Finding, c.Remedy = ReaderStillLoaded, Reboot
			}
			r.report(c)
			return
		case d.ccid || known:
			c.Finding, c.Remedy = ReaderUnclaimed, InstallDriver
			c.Values = []Value{{Name: "usb", Text: strings.TrimSpace(name + " " + d.id)}}
		}
	}
	if c.Finding == NoReader && r.integrated() {
		c.Finding, c.Remedy = ReaderIntegrated, OtherReader
	}
	r.report(c)
}

// defects reports known problems of a reader that works now.
func (r *run) defects(name string) Check {
	c := Check{ID: Reader, Status: OK, Finding: ReaderGood, Subject: name}
	switch {
	case runtime.GOOS == "windows": // the defects are those of drivers for Linux
	case strings.Contains(name, "ACR122"), strings.Contains(name, "SCL3711"), strings.Contains(name, "PN533"):
		// Both drivers claim it, and the first one at a start gets it.
		loaded := r.loaded()
		switch {
		case r.blacklisted("pn533_usb"):
			if slices.Contains(loaded, "pn533_usb") {
				c.Status, c.Finding, c.Remedy = Warn, ReaderStillLoaded, Reboot
			}
		default:
			c.Status, c.Finding, c.Remedy = Warn, ReaderThreatened, FreeReader
		}
		c.Values = []Value{{Name: "usb", Text: name}, {Name: "modules", Text: strings.Join(loaded, ", ")}}
	case strings.Contains(name, "Broadcom"):
		// Its manufacturer has no Linux driver for the contactless part.
		c.Status, c.Finding, c.Remedy = Warn, ReaderNoField, OtherReader
	}
	return c
}
