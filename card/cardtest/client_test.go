package cardtest_test

import (
	"bytes"
	"crypto/des"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"testing"

	"cie/card/cardtest"
)

// client is the terminal of IAS ECC and the chip specification, implemented from the
// documents without code shared with the card.
type client struct {
	t      testing.TB
	send   func([]byte) []byte
	secret *big.Int // fixed private key of the key agreement; nil: random
	proven bool     // send only what clients in the field send, see strict_test.go

	enc, mac []byte
	ssc      uint64
	secure   bool

	// Of the last device authentication.
	puKIFD, puKICC, rndICC []byte
}

func newCard(t testing.TB, p cardtest.Profile) (*cardtest.Card, *client) {
	t.Helper()
	c, err := cardtest.New(p)
	if err != nil {
		t.Fatal(err)
	}
	c.PowerOn()
	return c, &client{t: t, send: c.Exchange}
}

func fromHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// raw sends bytes and follows 61xx; it returns data and status.
func (c *client) raw(cmd []byte) ([]byte, int) {
	c.t.Helper()
	out := c.send(cmd)
	var data []byte
	for {
		if len(out) < 2 {
			c.t.Fatalf("answer %X to %X", out, cmd)
		}
		data = append(data, out[:len(out)-2]...)
		if out[len(out)-2] != 0x61 {
			break
		}
		get := []byte{0, 0xC0, 0, 0, out[len(out)-1]}
		if c.proven && cmd[0]&0x0C == 0x0C {
			get[0] = 0x0C
		}
		out = c.send(get)
	}
	return data, int(binary.BigEndian.Uint16(out[len(out)-2:]))
}

func tlvOf(tag []byte, value []byte) []byte {
	out := append([]byte(nil), tag...)
	switch n := len(value); {
	case n < 128:
		out = append(out, byte(n))
	case n < 256:
		out = append(out, 0x81, byte(n))
	default:
		out = append(out, 0x82, byte(n>>8), byte(n))
	}
	return append(out, value...)
}

func iso9797pad(b []byte) []byte {
	b = append(append([]byte(nil), b...), 0x80)
	return append(b, make([]byte, (8-len(b)%8)%8)...)
}

func (c *client) des3(b []byte, decrypt bool) []byte {
	k := append(append([]byte(nil), c.enc...), c.enc[:8]...)
	block, err := des.NewTripleDESCipher(k)
	if err != nil {
		c.t.Fatal(err)
	}
	out, last := make([]byte, 0, len(b)), make([]byte, 8)
	for ; len(b) > 0; b = b[8:] {
		x := make([]byte, 8)
		if decrypt {
			block.Decrypt(x, b[:8])
			for i := range x {
				x[i] ^= last[i]
			}
			copy(last, b[:8])
		} else {
			for i := range x {
				x[i] = b[i] ^ last[i]
			}
			block.Encrypt(x, x)
			copy(last, x)
		}
		out = append(out, x...)
	}
	return out
}

// sum returns the retail MAC over the counter and padded input: single DES, and triple DES
// on the last block.
func (c *client) sum(padded []byte) []byte {
	c.ssc++
	in := append(binary.BigEndian.AppendUint64(nil, c.ssc), padded...)
	left, err := des.NewCipher(c.mac[:8])
	if err != nil {
		c.t.Fatal(err)
	}
	whole, err := des.NewTripleDESCipher(append(append([]byte(nil), c.mac...), c.mac[:8]...))
	if err != nil {
		c.t.Fatal(err)
	}
	x := make([]byte, 8)
	for i := 0; i < len(in); i += 8 {
		for j := range x {
			x[j] ^= in[i+j]
		}
		if i+8 < len(in) {
			left.Encrypt(x, x)
		} else {
			whole.Encrypt(x, x)
		}
	}
	return x
}

// wrap protects one command; le < 0 means no Le.
func (c *client) wrap(cla, ins, p1, p2 byte, data []byte, le int) []byte {
	h := []byte{cla | 0x0C, ins, p1, p2}
	var body []byte
	if len(data) > 0 {
		if ins&1 == 0 {
			body = tlvOf([]byte{0x87}, append([]byte{1}, c.des3(iso9797pad(data), false)...))
		} else {
			body = tlvOf([]byte{0x85}, c.des3(iso9797pad(data), false))
		}
	}
	if le >= 0 {
		body = append(body, 0x97, 0x01, byte(le))
	}
	input := iso9797pad(h)
	if len(body) > 0 {
		input = append(input, iso9797pad(body)...)
	}
	body = append(body, tlvOf([]byte{0x8E}, c.sum(input))...)
	return append(append(append(h, byte(len(body))), body...), 0)
}

// unwrap opens an answer under secure messaging.
func (c *client) unwrap(ins byte, b []byte) ([]byte, int) {
	c.t.Helper()
	if len(b) < 10 || !bytes.Equal(b[len(b)-10:len(b)-8], []byte{0x8E, 8}) {
		c.t.Fatalf("no MAC in %X", b)
	}
	body, mac := b[:len(b)-10], b[len(b)-8:]
	if got := c.sum(iso9797pad(body)); !bytes.Equal(got, mac) {
		c.t.Fatalf("wrong MAC in the answer %X", b)
	}
	var data []byte
	tag := byte(0x87)
	if ins&1 != 0 {
		tag = 0x85
	}
	if body[0] == tag {
		n, v := derLength(c.t, body[1:])
		data, body = v[:n], v[n:]
		if tag == 0x87 {
			data = data[1:]
		}
		data = bytes.TrimRight(c.des3(data, true), "\x00")
		if data[len(data)-1] != 0x80 {
			c.t.Fatalf("wrong padding in %X", data)
		}
		data = data[:len(data)-1]
	}
	if len(body) != 4 || body[0] != 0x99 || body[1] != 2 {
		c.t.Fatalf("status object %X", body)
	}
	return data, int(binary.BigEndian.Uint16(body[2:]))
}

func derLength(t testing.TB, b []byte) (int, []byte) {
	t.Helper()
	switch {
	case b[0] < 0x80:
		return int(b[0]), b[1:]
	case b[0] == 0x81:
		return int(b[1]), b[2:]
	case b[0] == 0x82:
		return int(b[1])<<8 | int(b[2]), b[3:]
	}
	t.Fatalf("length %X", b[0])
	return 0, nil
}

// do sends a command, protected if there is a session, chained if it is long. le < 0 means
// no Le.
func (c *client) do(ins, p1, p2 byte, data []byte, le int) ([]byte, int) {
	c.t.Helper()
	most := 255
	if c.secure {
		most = 0xE7
	}
	for len(data) > most {
		if out, sw := c.one(0x10, ins, p1, p2, data[:most], -1); sw != 0x9000 || len(out) > 0 {
			return out, sw
		}
		data = data[most:]
	}
	return c.one(0, ins, p1, p2, data, le)
}

func (c *client) one(cla, ins, p1, p2 byte, data []byte, le int) ([]byte, int) {
	c.t.Helper()
	if c.secure {
		out, sw := c.raw(c.wrap(cla, ins, p1, p2, data, le))
		if sw != 0x9000 || len(out) == 0 {
			return out, sw
		}
		return c.unwrap(ins, out)
	}
	cmd := []byte{cla, ins, p1, p2}
	if len(data) > 0 {
		cmd = append(append(cmd, byte(len(data))), data...)
	}
	if le >= 0 {
		cmd = append(cmd, byte(le))
	}
	return c.raw(cmd)
}

// must calls do and requires a status.
func (c *client) must(want int, ins, p1, p2 byte, data []byte, le int) []byte {
	c.t.Helper()
	out, sw := c.do(ins, p1, p2, data, le)
	if sw != want {
		c.t.Fatalf("%02X %02X %02X: status %04X, want %04X", ins, p1, p2, sw, want)
	}
	return out
}

func (c *client) enterCIE() {
	c.t.Helper()
	c.must(0x9000, 0xA4, 4, 0x0C, []byte{0xA0, 0, 0, 0, 0, 0x39}, -1)
}

// enterRoot selects the root, by SELECT MF unless the card has proven forms
// only: by the IAS AID then, and by SELECT MF where it is refused.
func (c *client) enterRoot() {
	c.t.Helper()
	c.secure = false
	if c.proven {
		if _, sw := c.do(0xA4, 4, 0x0C, fromHex(c.t, "A0000000308000000009816001"), -1); sw == 0x9000 {
			return
		}
	}
	c.must(0x9000, 0xA4, 0, 0x0C, nil, -1)
}

// dataLe returns the Le of GET DATA in the clear.
func (c *client) dataLe() int {
	if c.proven {
		return -1
	}
	return 0
}

// dh reads EF.DH: p, g, q.
func (c *client) dh() (p, g, q *big.Int) {
	c.t.Helper()
	c.enterRoot()
	b := c.readFile(0xD004)
	c.enterCIE()
	var params struct{ P, G, Q *big.Int }
	if _, err := asn1.Unmarshal(b, &params); err != nil {
		c.t.Fatal(err)
	}
	return params.P, params.G, params.Q
}

// readFile selects and reads a file to its end.
func (c *client) readFile(fid uint16) []byte {
	c.t.Helper()
	c.must(0x9000, 0xA4, 2, 0x0C, []byte{byte(fid >> 8), byte(fid)}, -1)
	var content []byte
	for {
		out, sw := c.do(0xB0, byte(len(content)>>8), byte(len(content)), nil, 0)
		if sw>>8 == 0x6C {
			out, sw = c.do(0xB0, byte(len(content)>>8), byte(len(content)), nil, sw&0xFF)
		}
		content = append(content, out...)
		if sw != 0x9000 || len(out) == 0 {
			if sw == 0x9000 {
				return content
			}
			if sw != 0x6282 && sw != 0x6B00 {
				c.t.Fatalf("reading %04X at %d: %04X", fid, len(content), sw)
			}
			return content
		}
	}
}

// agree does the key agreement; the session is under secure messaging then.
func (c *client) agree(p, g, q *big.Int) {
	c.t.Helper()
	c.secure = false
	x := c.secret
	if x == nil {
		var err error
		if x, err = rand.Int(rand.Reader, q); err != nil {
			c.t.Fatal(err)
		}
	}
	c.puKIFD = new(big.Int).Exp(g, x, p).FillBytes(make([]byte, 256))
	c.must(0x9000, 0x22, 0x41, 0xA6, append([]byte{0x80, 1, 0x9B, 0x83, 1, 0x81, 0x91, 0x82, 1, 0}, c.puKIFD...), -1)
	out := c.must(0x9000, 0xCB, 0x3F, 0xFF, []byte{0x4D, 4, 0xA6, 2, 0x91, 0}, c.dataLe())
	if len(out) != 264 || !bytes.Equal(out[:8], []byte{0xA6, 0x82, 1, 4, 0x91, 0x82, 1, 0}) {
		c.t.Fatalf("K.ICC %X", out)
	}
	c.puKICC = out[8:]
	zz := new(big.Int).Exp(new(big.Int).SetBytes(c.puKICC), x, p).FillBytes(make([]byte, 256))
	k1, k2 := sha256.Sum256(append(zz[:256:256], 0, 0, 0, 1)), sha256.Sum256(append(zz[:256:256], 0, 0, 0, 2))
	c.enc, c.mac, c.ssc, c.secure = k1[:16], k2[:16], 1, true
}

// sessionKey returns the key pair of the terminal. It is synthetic and constant, because
// generating one takes longer than using it.
var sessionKey = func() *rsa.PrivateKey {
	text, err := os.ReadFile("testdata/terminal.pem")
	if err != nil {
		panic(err)
	}
	block, _ := pem.Decode(text)
	k, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		panic(err)
	}
	return k
}()

// rootExponent returns the published private exponent of the root.
func rootExponent(t testing.TB) *big.Int {
	t.Helper()
	text, err := os.ReadFile("pki/root-exponent.hex")
	if err != nil {
		t.Fatal(err)
	}
	d, ok := new(big.Int).SetString(string(bytes.Join(bytes.Fields(text), nil)), 16)
	if !ok {
		t.Fatal("root exponent")
	}
	return d
}

// root reads the modulus of ExtCV.Kpub.
func (c *client) root() *big.Int {
	c.t.Helper()
	out := c.must(0x9000, 0xCB, 0x3F, 0xFF, []byte{0x4D, 9, 0x70, 7, 0xBF, 0xA0, 4, 3, 0x7F, 0x49, 0x80}, c.dataLe())
	i := bytes.Index(out, []byte{0x81, 0x82, 1, 0})
	if i < 0 {
		c.t.Fatalf("ExtCV.Kpub %X", out)
	}
	return new(big.Int).SetBytes(out[i+4 : i+260])
}

var snIFD = []byte{0x20, 0, 0, 0, 0, 0, 0, 1}

// certificate makes a terminal certificate; change edits the message before
// it is signed.
func (c *client) certificate(n *big.Int, change func(m []byte)) []byte {
	c.t.Helper()
	car := []byte{'I', 'T', 'C', 'I', 'E', 0x10, 0x01, 0x15}
	m := bytes.Join([][]byte{{0x8A}, car, {0, 0, 0, 0}, snIFD, {0xA0, 0, 0, 0, 0, 0x39, 1},
		{0x2A, 0x81, 0x22, 0xF4, 0x2A, 2, 4, 1, 4}, sessionKey.N.FillBytes(make([]byte, 256)), {0, 1, 0, 1}}, nil)
	if change != nil {
		change(m)
	}
	hash := sha256.Sum256(m)
	block := bytes.Join([][]byte{{0x6A}, m[:222], hash[:], {0xBC}}, nil)
	sign := new(big.Int).Exp(new(big.Int).SetBytes(block), rootExponent(c.t), n).FillBytes(make([]byte, 256))
	return tlvOf([]byte{0x7F, 0x21}, bytes.Join([][]byte{
		tlvOf([]byte{0x5F, 0x37}, sign), tlvOf([]byte{0x5F, 0x38}, m[222:]), tlvOf([]byte{0x42}, car)}, nil))
}

// proof makes the data of EXTERNAL AUTHENTICATE.
func (c *client) proof(rndICC []byte, p, g, q *big.Int) []byte {
	prnd := make([]byte, 222)
	rand.Read(prnd)
	hash := sha256.Sum256(bytes.Join([][]byte{prnd, c.puKIFD, snIFD, rndICC, c.puKICC,
		g.FillBytes(make([]byte, 256)), p.Bytes(), q.Bytes()}, nil))
	block := bytes.Join([][]byte{{0x6A}, prnd, hash[:], {0xBC}}, nil)
	sign := new(big.Int).Exp(new(big.Int).SetBytes(block), sessionKey.D, sessionKey.N).FillBytes(make([]byte, 256))
	return append(append([]byte(nil), snIFD...), sign...)
}

// authenticate runs the whole device authentication in DF_CIE.
func (c *client) authenticate() {
	c.t.Helper()
	if err := c.tryAuthenticate(); err != nil {
		c.t.Fatal(err)
	}
}

// tryAuthenticate reports a chip whose signature is wrong.
func (c *client) tryAuthenticate() error {
	c.t.Helper()
	p, g, q := c.dh()
	n := c.root()
	intKey := c.publicKey(0x1004)
	c.agree(p, g, q)
	c.must(0x9000, 0x22, 0x81, 0xB6, []byte{0x80, 1, 0x41, 0x83, 1, 0x84}, -1)
	c.must(0x9000, 0x2A, 0, 0xAE, c.certificate(n, nil), -1)
	c.must(0x9000, 0x22, 0x81, 0xA4, append([]byte{0x83, 12, 0, 0, 0, 0}, snIFD...), -1)
	c.rndICC = c.must(0x9000, 0x84, 0, 0, nil, 8)
	c.must(0x9000, 0x82, 0, 0, c.proof(c.rndICC, p, g, q), -1)
	c.must(0x9000, 0x22, 0x41, 0xA4, []byte{0x84, 1, 0x82, 0x80, 1, 0x9B}, -1)
	rndIFD := make([]byte, 8)
	rand.Read(rndIFD)
	out := c.must(0x9000, 0x88, 0, 0, rndIFD, 0)
	c.ssc = uint64(binary.BigEndian.Uint32(c.rndICC[4:]))<<32 | uint64(binary.BigEndian.Uint32(rndIFD[4:]))
	if len(out) != 264 {
		return fmt.Errorf("internal authentication: %d bytes", len(out))
	}
	serial := out[:8]
	opened := new(big.Int).Exp(new(big.Int).SetBytes(out[8:]), big.NewInt(int64(intKey.E)), intKey.N).FillBytes(make([]byte, 256))
	prnd := opened[1:223]
	hash := sha256.Sum256(bytes.Join([][]byte{prnd, c.puKICC, serial, rndIFD, c.puKIFD,
		g.FillBytes(make([]byte, 256)), p.Bytes(), q.Bytes()}, nil))
	if opened[0] != 0x6A || opened[255] != 0xBC || !bytes.Equal(opened[223:255], hash[:]) {
		return fmt.Errorf("the chip's signature is wrong")
	}
	return nil
}

// publicKey reads a PKCS#1 public key file.
func (c *client) publicKey(fid uint16) *rsa.PublicKey {
	c.t.Helper()
	var k rsa.PublicKey
	if _, err := asn1.Unmarshal(c.readFile(fid), &k); err != nil {
		c.t.Fatal(err)
	}
	return &k
}

func (c *client) verify(want int, ref byte, code []byte) {
	c.t.Helper()
	c.must(want, 0x20, 0, ref, code, -1)
}

// tries reads a counter with GET DATA.
func (c *client) tries(number byte) (maximum, left int) {
	c.t.Helper()
	out := c.must(0x9000, 0xCB, 0x3F, 0xFF, []byte{0x4D, 8, 0x70, 6, 0xBF, 0x81, number, 2, 0xA0, 0x80}, 0)
	i := bytes.Index(out, []byte{0x9A, 1})
	if i < 0 || !bytes.Equal(out[i+3:i+5], []byte{0x9B, 1}) {
		c.t.Fatalf("DOCP %X", out)
	}
	return int(out[i+2]), int(out[i+5])
}
