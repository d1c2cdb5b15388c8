package sod

import (
	"errors"
	"testing"

	"cie/apdu/apdutest/testvector"
	"cie/card/cardtest"
)

// FuzzParse checks that Parse, Verify and CheckFile end with a documented outcome
// for any input, and that only a signed SOD is trusted.
func FuzzParse(f *testing.F) {
	// The roots of the virtual card are the same in every process of a fuzzing
	// run. Roots generated in this test are not.
	roots := &Roots{}
	if err := roots.AddPEM(cardtest.CSCAPEM()); err != nil {
		f.Fatal(err)
	}
	for generation := 1; generation <= 2; generation++ {
		f.Add(openFiles(f, cardtest.Profile{SODGeneration: generation})[0x1006])
	}
	root := selfSign(f, rootTemplate(), rootKey())
	for _, b := range generations(f) {
		f.Add(b.build(f))
		b.positive, b.bySKI, b.time = true, true, signed
		b.certs = [][]byte{root.Raw, b.signer.Raw}
		f.Add(b.build(f))
	}
	f.Add([]byte{0x77, 0x02, 0x30, 0x00})
	f.Fuzz(func(t *testing.T, der []byte) {
		s, err := Parse(der)
		if err != nil {
			if s != nil || !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("%v, %v", s, err)
			}
			return
		}
		for _, fid := range s.Files() {
			if err := s.CheckFile(fid, der); err == nil {
				t.Fatal("the SOD lists a hash of EF.SOD itself")
			}
		}
		switch got := outcome(der, roots); got {
		case "trusted", "untrusted", "unsupported", "malformed", string(CheckContentType), string(CheckDigest),
			string(CheckSigner), string(CheckSignature), string(CheckChain):
		default:
			t.Fatal(got)
		}
		if got := outcome(der, BuiltinRoots()); got == "trusted" {
			// Real security objects are not among the seeds.
			t.Fatal("trusted by the real roots")
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	roots := rootsOf(b, selfSign(b, rootTemplate(), rootKey()))
	for _, name := range []string{"first", "second"} {
		der := generations(b)[name].build(b)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got := outcome(der, roots); got != "trusted" {
					b.Fatal(got)
				}
			}
		})
	}
	b.Run("real", func(b *testing.B) {
		der := testvector.Read(b, "ef-sod-2022.bin")
		roots := BuiltinRoots()
		b.ReportAllocs()
		for b.Loop() {
			if got := outcome(der, roots); got != "trusted" {
				b.Fatal(got)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	der := generations(b)["second"].build(b)
	b.SetBytes(int64(len(der)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(der); err != nil {
			b.Fatal(err)
		}
	}
}
