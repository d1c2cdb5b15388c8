package domain

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"cie/apdu"
	"cie/apdu/apdutest/testvector"
)

// group returns a published group of 2048 bits with a subgroup of 256 (RFC 5114, 2.3).
func group(t testing.TB) *Params {
	t.Helper()
	number := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return &Params{
		P: number("87a8e61db4b6663cffbbd19c651959998ceef608660dd0f25d2ceed4435e3b00e00df8f1d61957d4faf7df4561b2aa30" +
			"16c3d91134096faa3bf4296d830e9a7c209e0c6497517abd5a8a9d306bcf67ed91f9e6725b4758c022e0b1ef4275bf7b" +
			"6c5bfc11d45f9088b941f54eb1e59bb8bc39a0bf12307f5c4fdb70c581b23f76b63acae1caa6b7902d52526735488a0e" +
			"f13c6d9a51bfa4ab3ad8347796524d8ef6a167b5a41825d967e144e5140564251ccacb83e6b486f6b3ca3f7971506026" +
			"c0b857f689962856ded4010abd0be621c3a3960a54e710c375f26375d7014103a4b54330c198af126116d2276e11715f" +
			"693877fad7ef09cadb094ae91e1a1597"),
		G: number("3fb32c9b73134d0b2e77506660edbd484ca7b18f21ef205407f4793a1a0ba12510dbc15077be463fff4fed4aac0bb555" +
			"be3a6c1b0c6b47b1bc3773bf7e8c6f62901228f8c28cbb18a55ae31341000a650196f931c77a57f2ddf463e5e9ec144b" +
			"777de62aaab8a8628ac376d282d6ed3864e67982428ebc831d14348f6f2f9193b5045af2767164e1dfc967c1fb3f2e55" +
			"a4bd1bffe83b9c80d052b985d182ea0adb2a3b7313d3fe14c8484b1e052588b9b7d2bbd2df016199ecd06e1557cd0915" +
			"b3353bbb64e0ec377fd028370df92b52c7891428cdc67eb6184b523d1db246c32f63078490f00ef8d647d148d4795451" +
			"5e2327cfef98c582664b4c0f6cc41659"),
		Q: number("8cf83642a709a097b447997640129da299b1a47d1eb3750ba308b0fe64f5fbd3"),
	}
}

// asSequence encodes the form of CIE Annex A.
func asSequence(p *Params, more ...int64) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, v := range [][]byte{p.P, p.G, p.Q} {
			b.AddASN1BigInt(new(big.Int).SetBytes(v))
		}
		for _, v := range more {
			b.AddASN1Int64(v)
		}
	})
	return b.BytesOrPanic()
}

// asTemplate encodes the form of IAS ECC 10.4.3.2.
func asTemplate(sets ...*Params) []byte {
	var all []byte
	for _, p := range sets {
		var set []byte
		for i, v := range [][]byte{p.P, p.Q, p.G} {
			set = apdu.AppendTLV(set, tagP+apdu.Tag(i), v)
		}
		all = apdu.AppendTLV(all, tagTemplate, set)
	}
	return apdu.AppendTLV(nil, tagTemplate, all)
}

func TestParseAcceptsBothForms(t *testing.T) {
	want := group(t)
	other := &Params{P: []byte{0x17}, G: []byte{2}, Q: []byte{11}}
	flat := apdu.AppendTLV(nil, tagTemplate, bytes.Join([][]byte{
		apdu.AppendTLV(nil, tagQ, want.Q), apdu.AppendTLV(nil, tagG, want.G),
		apdu.AppendTLV(nil, 0x84, []byte("more")), apdu.AppendTLV(nil, tagP, append([]byte{0}, want.P...)),
	}, nil))
	unsigned := apdu.AppendTLV(nil, tagSequence, bytes.Join([][]byte{
		apdu.AppendTLV(nil, tagInteger, want.P), apdu.AppendTLV(nil, tagInteger, want.G), apdu.AppendTLV(nil, tagInteger, want.Q),
	}, nil))
	for name, der := range map[string][]byte{
		"sequence":               asSequence(want),
		"with j":                 asSequence(want, 12345),
		"without sign bytes":     unsigned,
		"padded":                 append(asSequence(want), make([]byte, 300)...),
		"template":               asTemplate(want),
		"two sets":               asTemplate(want, other),
		"one level, other order": flat,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(der)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.P, want.P) || !bytes.Equal(got.G, want.G) || !bytes.Equal(got.Q, want.Q) {
				t.Errorf("%x", got)
			}
			clear(der)
			if !got.Equal(want) {
				t.Error("the values refer to the input")
			}
		})
	}
}

func TestParseRefusesMalformed(t *testing.T) {
	p := group(t)
	field := func(tag apdu.Tag, v []byte) []byte { return apdu.AppendTLV(nil, tag, v) }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for name, der := range map[string][]byte{
		"nothing":           nil,
		"zeros":             make([]byte, 64),
		"other tag":         field(0x31, p.P),
		"empty sequence":    field(tagSequence, nil),
		"two values":        field(tagSequence, join(field(tagInteger, p.P), field(tagInteger, p.G))),
		"other value":       field(tagSequence, join(field(tagInteger, p.P), field(tagInteger, p.G), field(0x04, p.Q))),
		"empty value":       field(tagSequence, join(field(tagInteger, p.P), field(tagInteger, nil), field(tagInteger, p.Q))),
		"endless value":     field(tagSequence, join(field(tagInteger, p.P), field(tagInteger, p.G), field(tagInteger, make([]byte, maxField+1)))),
		"empty template":    field(tagTemplate, nil),
		"no q":              field(tagTemplate, field(tagTemplate, join(field(tagP, p.P), field(tagG, p.G)))),
		"p twice":           field(tagTemplate, field(tagTemplate, join(field(tagP, p.P), field(tagQ, p.Q), field(tagG, p.G), field(tagP, p.P)))),
		"broken field":      field(tagTemplate, field(tagTemplate, []byte{0x81, 5, 1})),
		"needless template": field(tagTemplate, field(0x30, p.P)),
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := Parse(der); got != nil || !errors.Is(err, ErrMalformed) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	for _, der := range [][]byte{asSequence(p), asTemplate(p)} {
		for n := range der {
			if _, err := Parse(der[:n]); !errors.Is(err, ErrMalformed) {
				t.Fatalf("first %d bytes: %v", n, err)
			}
		}
	}
}

func TestEqualIgnoresLeadingZeros(t *testing.T) {
	a, b := group(t), group(t)
	b.P, b.G, b.Q = append([]byte{0}, b.P...), append([]byte{0, 0, 0}, b.G...), append([]byte{0}, b.Q...)
	if !a.Equal(b) || !b.Equal(a) {
		t.Error("leading zeros count")
	}
	for name, change := range map[string]func(*Params){
		"p":             func(p *Params) { p.P[9] ^= 1 },
		"g":             func(p *Params) { p.G[9] ^= 1 },
		"q":             func(p *Params) { p.Q[9] ^= 1 },
		"trailing zero": func(p *Params) { p.G = append(p.G, 0) },
	} {
		c := group(t)
		change(c)
		if a.Equal(c) || c.Equal(a) {
			t.Errorf("%s differs and is equal", name)
		}
	}
	if a.Equal(nil) || (*Params)(nil).Equal(a) || !(*Params)(nil).Equal(nil) {
		t.Error("nil")
	}
}

func TestValidateRefusesWeakGroups(t *testing.T) {
	p := group(t)
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	if !new(big.Int).SetBytes(p.P).ProbablyPrime(10) || !new(big.Int).SetBytes(p.Q).ProbablyPrime(10) {
		t.Fatal("the group of RFC 5114 is refused")
	}
	num := func(b []byte) *big.Int { return new(big.Int).SetBytes(b) }
	one := big.NewInt(1)
	for name, change := range map[string]func(*Params){
		"p even":         func(p *Params) { p.P = num(p.P).Sub(num(p.P), one).Bytes() },
		"p short":        func(p *Params) { p.P = p.P[:255] },
		"p of 2047 bits": func(p *Params) { p.P[0] &= 0x7F },
		"p long":         func(p *Params) { p.P = bytes.Repeat([]byte{0xFF}, 513) },
		"p endless":      func(p *Params) { p.P = make([]byte, 1<<20) },
		"p 0":            func(p *Params) { p.P = nil },
		"q 0":            func(p *Params) { p.Q = nil },
		"q 1":            func(p *Params) { p.Q = []byte{1} },
		"q no divisor":   func(p *Params) { p.Q[31] ^= 2 },
		"q squared":      func(p *Params) { p.Q = new(big.Int).Mul(num(p.Q), num(p.Q)).Bytes() },
		"-1 to an even q": func(p *Params) {
			p.Q, p.G = new(big.Int).Lsh(num(p.Q), 1).Bytes(), num(p.P).Sub(num(p.P), one).Bytes()
		},
		"q short":        func(p *Params) { p.Q = []byte{2} },
		"q is p-1":       func(p *Params) { p.Q = num(p.P).Sub(num(p.P), one).Bytes() },
		"g 0":            func(p *Params) { p.G = nil },
		"g 1":            func(p *Params) { p.G = []byte{1} },
		"g p-1":          func(p *Params) { p.G = num(p.P).Sub(num(p.P), one).Bytes() },
		"g p":            func(p *Params) { p.G = p.P },
		"g p+1":          func(p *Params) { p.G = num(p.P).Add(num(p.P), one).Bytes() },
		"g of order 2q":  func(p *Params) { p.G = num(p.P).Sub(num(p.P), num(p.G)).Bytes() },
		"g of any order": func(p *Params) { p.G = []byte{2} },
	} {
		t.Run(name, func(t *testing.T) {
			p := group(t)
			change(p)
			if err := p.Validate(); !errors.Is(err, ErrWeak) {
				t.Error(err)
			}
		})
	}
	if err := (*Params)(nil).Validate(); !errors.Is(err, ErrWeak) {
		t.Error(err)
	}
	// A safe prime (RFC 3526, 3), whose q is as long as p.
	safe := safePrime(t)
	q := new(big.Int).Rsh(safe, 1)
	if err := (&Params{P: safe.Bytes(), G: []byte{2}, Q: q.Bytes()}).Validate(); err != nil {
		t.Error(err)
	}
}

// safePrime computes the 2048-bit prime of RFC 3526 from its formula:
// 2^2048 - 2^1984 - 1 + 2^64 * ([2^1918 pi] + 124476).
func safePrime(t testing.TB) *big.Int {
	t.Helper()
	// pi to 1918 bits by Machin's formula, with bits to spare.
	const scale = 2100
	arctan := func(x int64) *big.Int {
		term := new(big.Int).Div(new(big.Int).Lsh(big.NewInt(1), scale), big.NewInt(x))
		sum := new(big.Int).Set(term)
		for n := int64(3); term.Sign() != 0; n += 2 {
			term.Div(term, big.NewInt(x*x))
			part := new(big.Int).Div(term, big.NewInt(n))
			if n%4 == 3 {
				sum.Sub(sum, part)
			} else {
				sum.Add(sum, part)
			}
		}
		return sum
	}
	pi := new(big.Int).Mul(big.NewInt(16), arctan(5))
	pi.Sub(pi, new(big.Int).Mul(big.NewInt(4), arctan(239)))
	pi.Rsh(pi, scale-1918)
	power := func(n uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), n) }
	p := new(big.Int).Sub(power(2048), power(1984))
	p.Sub(p, big.NewInt(1))
	p.Add(p, new(big.Int).Mul(power(64), pi.Add(pi, big.NewInt(124476))))
	if !p.ProbablyPrime(5) {
		t.Fatal("not the prime of RFC 3526")
	}
	return p
}

// EF.DH and the response to GET DATA of the recorded traces have the same values.
func TestParseEqualsGetDataOfTraces(t *testing.T) {
	var v struct {
		Card struct {
			DH   struct{ P, G, Q string }
			Root map[string]string `json:"files_root"`
		}
	}
	if err := json.Unmarshal(testvector.Read(t, "field-client-traces.json"), &v); err != nil {
		t.Fatal(err)
	}
	number := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	p, err := Parse(number(v.Card.Root["D004"]))
	if err != nil {
		t.Fatal(err)
	}
	if !p.Equal(&Params{P: number(v.Card.DH.P), G: number(v.Card.DH.G), Q: number(v.Card.DH.Q)}) {
		t.Error("other values")
	}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
}

// FuzzParseDH checks that parsed values survive both encodings and that Validate ends.
func FuzzParseDH(f *testing.F) {
	p := group(f)
	f.Add(asSequence(p))
	f.Add(asTemplate(p))
	f.Add(asTemplate(&Params{P: []byte{0x17}, G: []byte{2}, Q: []byte{11}}))
	f.Fuzz(func(t *testing.T, efDH []byte) {
		p, err := Parse(efDH)
		if err != nil {
			if p != nil || !errors.Is(err, ErrMalformed) {
				t.Fatalf("%v, %v", p, err)
			}
			return
		}
		for _, again := range [][]byte{asSequence(p), asTemplate(p)} {
			q, err := Parse(again)
			if err != nil || !q.Equal(p) {
				t.Fatalf("%x becomes %x, %v", p, q, err)
			}
		}
		if err := p.Validate(); err != nil && !errors.Is(err, ErrWeak) {
			t.Fatal(err)
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	p := group(b)
	for b.Loop() {
		if err := p.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleParse() {
	params, err := Parse([]byte{0x30, 0x09, 0x02, 0x01, 0x17, 0x02, 0x01, 0x02, 0x02, 0x01, 0x0B})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(params.P, params.G, params.Q)
	fmt.Println(params.Validate())
	// Output:
	// [23] [2] [11]
	// unusable Diffie-Hellman parameters: p has 5 bits
}
