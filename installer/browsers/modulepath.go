package browsers

import (
	"os"
	"path/filepath"
	"runtime"
)

// triplets are Debian's names of architectures, by those of Go.
var triplets = map[string]string{
	"386":      "i386-linux-gnu",
	"amd64":    "x86_64-linux-gnu",
	"arm":      "arm-linux-gnueabihf",
	"arm64":    "aarch64-linux-gnu",
	"loong64":  "loongarch64-linux-gnu",
	"mips64le": "mips64el-linux-gnuabi64",
	"ppc64le":  "powerpc64le-linux-gnu",
	"riscv64":  "riscv64-linux-gnu",
	"s390x":    "s390x-linux-gnu",
}

// moduleDirs returns the directories below a prefix where packages put PKCS#11
// modules: Debian's, that of distributions with lib64, and the plain one.
//
// They are p11-kit's directories for modules, and the ones that AppArmor's
// abstraction for p11-kit lets confined programs map (abstractions/p11-kit).
func moduleDirs(arch string) []string {
	var dirs []string
	if t := triplets[arch]; t != "" {
		dirs = append(dirs, filepath.Join("lib", t, "pkcs11"))
	}
	return append(dirs, filepath.Join("lib64", "pkcs11"), filepath.Join("lib", "pkcs11"))
}

// ModulePath returns the given path as an absolute one, or DefaultModulePath if it is
// empty.
func ModulePath(given string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	return DefaultModulePath(), nil
}

// DefaultModulePath returns the path of the installed module: beside the running
// program, as in a build tree, or below the prefix in which the running program is
// installed ("/usr/local/bin/cie" and "/usr/local/lib/pkcs11/cie-pkcs11.so"), or
// below /usr. If there is no module, it returns the path of Debian's packages. On
// Windows the module is in the same directory as the programs.
func DefaultModulePath() string {
	exe, err := os.Executable()
	if err == nil {
		exe, err = filepath.EvalSymlinks(exe)
	}
	if err != nil {
		exe = ""
	}
	if runtime.GOOS == "windows" {
		return filepath.Join(filepath.Dir(exe), ModuleFile)
	}
	return defaultModulePath(exe, "/usr", runtime.GOARCH)
}

func defaultModulePath(exe, usr, arch string) string {
	if beside := filepath.Join(filepath.Dir(exe), ModuleFile); exe != "" && isFile(beside) {
		return beside
	}
	prefixes := []string{usr}
	if bin := filepath.Dir(exe); filepath.Base(bin) == "bin" {
		prefixes = []string{filepath.Dir(bin), usr}
	}
	for _, prefix := range prefixes {
		for _, dir := range moduleDirs(arch) {
			path := filepath.Join(prefix, dir, ModuleFile)
			if isFile(path) {
				return path
			}
		}
	}
	return filepath.Join(usr, moduleDirs(arch)[0], ModuleFile)
}

func isFile(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode().IsRegular()
}
