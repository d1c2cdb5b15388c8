package sod

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"cie/apdu"
)

// span is the position of an element in an encoding: the header starts at head,
// the content extends from start to end.
type span struct{ head, start, end int }

// at follows a path of child indexes into an encoding.
func at(t testing.TB, der []byte, path ...int) span {
	t.Helper()
	s := span{-1, 0, len(der)}
	for _, n := range path {
		all := children(t, der, s)
		if n >= len(all) {
			t.Fatalf("no element %d of %v", n, path)
		}
		s = all[n]
	}
	return s
}

func children(t testing.TB, der []byte, parent span) []span {
	t.Helper()
	var all []span
	for i := parent.start; i < parent.end; {
		s := span{head: i, start: i + 2}
		length := int(der[i+1])
		if length > 0x80 {
			var b [8]byte
			n := length - 0x80
			copy(b[8-n:], der[i+2:i+2+n])
			length = int(binary.BigEndian.Uint64(b[:]))
			s.start += n
		}
		s.end = s.start + length
		all = append(all, s)
		i = s.end
	}
	return all
}

// uncovered lists the bytes of a SOD that no signature and no check depends on:
// both version numbers may have several values, and the issuer's name is
// compared without regard to letter case and string types. These bytes are only
// used to find the certificate.
func uncovered(t testing.TB, der []byte) map[string][]span {
	t.Helper()
	signedData := []int{0, 0, 1, 0}
	in := func(path ...int) span { return at(t, der, append(slices.Clone(signedData), path...)...) }
	out := map[string][]span{
		"version of the signed data": {in(0)},
		"version of the signer":      {in(4, 0, 0)},
	}
	out["version of the signed data"][0].head = out["version of the signed data"][0].start
	out["version of the signer"][0].head = out["version of the signer"][0].start
	for _, rdn := range children(t, der, in(4, 0, 1, 0)) {
		for _, attribute := range children(t, der, rdn) {
			value := children(t, der, attribute)[1]
			out["text of the signer's issuer"] = append(out["text of the signer's issuer"],
				span{head: value.head, end: value.head + 1}, span{head: value.start, end: value.end})
		}
	}
	return out
}

// signatureSpans lists the hashes and signatures of a SOD by the check that must
// fail when one of them is changed.
func signatureSpans(t testing.TB, der []byte) map[string][]span {
	t.Helper()
	in := func(path ...int) span { return at(t, der, append([]int{0, 0, 1, 0}, path...)...) }
	spans := map[string][]span{
		string(CheckChain):     {in(3, 0, 2)},
		string(CheckSignature): {in(4, 0, 5)},
		string(CheckDigest):    {in(4, 0, 3, 1, 1, 0)},
	}
	spans[string(CheckChain)][0].start++ // count of unused bits
	content := in(2, 1, 0)
	list := children(t, der, children(t, der, content)[0])[2]
	for _, entry := range children(t, der, list) {
		spans[string(CheckDigest)] = append(spans[string(CheckDigest)], children(t, der, entry)[1])
	}
	return spans
}

// flipAll flips single bits of a trusted SOD, one at a time. bits is the number
// of bits tried in each byte; the first one differs from byte to byte.
func flipAll(t *testing.T, der []byte, roots *Roots, bits int) {
	t.Helper()
	_, header, value, err := apdu.HeaderTLV(der)
	if err != nil {
		t.Fatal(err)
	}
	der = der[:header+value] // nonzero padding is tested elsewhere
	if got := outcome(der, roots); got != "trusted" {
		t.Fatalf("unchanged: %s", got)
	}
	genuine, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	free := uncovered(t, der)
	where := func(i int) string {
		for name, spans := range free {
			if slices.ContainsFunc(spans, func(s span) bool { return s.head <= i && i < s.end }) {
				return name
			}
		}
		return ""
	}
	must := make(map[int]string)
	for want, spans := range signatureSpans(t, der) {
		for _, s := range spans {
			for i := s.start; i < s.end; i++ {
				must[i] = want
			}
		}
	}
	counts := make(map[string]int)
	harmless := make(map[string]int)
	if testing.Short() {
		bits = 1
	}
	flipped := bytes.Clone(der)
	for i := range der {
		for n := range bits {
			bit := byte(1) << ((n + i) % 8)
			flipped[i] ^= bit
			got := outcome(flipped, roots)
			counts[got]++
			switch got {
			case "trusted":
				name := where(i)
				if name == "" {
					t.Errorf("byte %d with bit %02X flipped is accepted", i, bit)
				}
				harmless[name]++
				s, err := Parse(flipped)
				if err != nil {
					t.Fatal(err)
				}
				for _, fid := range genuine.Files() {
					_, want, _ := genuine.Digest(fid)
					if _, have, _ := s.Digest(fid); !bytes.Equal(have, want) {
						t.Errorf("byte %d: another hash is trusted", i)
					}
				}
			case "untrusted", "unsupported", "malformed", string(CheckContentType), string(CheckDigest),
				string(CheckSigner), string(CheckSignature), string(CheckChain):
			default:
				t.Errorf("byte %d, bit %02X: %s", i, bit, got)
			}
			if want := must[i]; want != "" && got != want {
				t.Errorf("byte %d, bit %02X: %s, want %s", i, bit, got, want)
			}
			flipped[i] ^= bit
		}
	}
	// Every byte that is listed as uncovered must really be uncovered.
	if bits == 8 {
		for name := range free {
			if harmless[name] == 0 {
				t.Errorf("%s is covered", name)
			}
		}
	}
	t.Logf("%d bytes: %v; harmless: %v", len(der), counts, harmless)
}

func TestVerifyDetectsEveryFlippedBit(t *testing.T) {
	roots := rootsOf(t, selfSign(t, rootTemplate(), rootKey()))
	for name, b := range generations(t) {
		t.Run(name, func(t *testing.T) { flipAll(t, b.build(t), roots, 8) })
	}
}
