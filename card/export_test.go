package card

import (
	"crypto/rsa"
	"slices"
)

// VirtualHash returns the entry of a key in virtualKeys.
func VirtualHash(k *rsa.PublicKey) string { return virtualHash(k) }

// MissingVirtualKeys returns the difference between a list and virtualKeys.
func MissingVirtualKeys(list []string) []string {
	var missing []string
	for _, h := range list {
		if !virtualKeys[h] {
			missing = append(missing, h)
		}
	}
	for h := range virtualKeys {
		if !slices.Contains(list, h) {
			missing = append(missing, h)
		}
	}
	return missing
}
