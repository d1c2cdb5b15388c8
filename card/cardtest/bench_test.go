package cardtest_test

import (
	"testing"

	"cie/card/cardtest"
)

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := cardtest.New(cardtest.Profile{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDeviceAuthentication includes the client's half.
func BenchmarkDeviceAuthentication(b *testing.B) {
	_, c := newCard(b, cardtest.Profile{})
	for b.Loop() {
		c.secure = false
		c.authenticate()
	}
}
