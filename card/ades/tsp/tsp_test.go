package tsp_test

import (
	"crypto/sha256"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"cie/card/ades/tsp"
	"cie/card/cardtest"
)

func clock() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) }

func stamp(t testing.TB, message []byte) (q *tsp.Request, answer []byte) {
	t.Helper()
	sum := sha256.Sum256(message)
	q, err := tsp.NewRequest(sum[:])
	if err != nil {
		t.Fatal(err)
	}
	a := &cardtest.Authority{Now: clock}
	if answer, err = a.Timestamp(q.Marshal()); err != nil {
		t.Fatal(err)
	}
	return q, answer
}

// Request, answer and token are what others expect.
func TestTokenIsTakenByOpenSSL(t *testing.T) {
	message := []byte("a signature")
	q, answer := stamp(t, message)
	token, info, err := q.Token(answer)
	if err != nil || !info.Time.Equal(clock()) {
		t.Fatalf("%v, %v", info, err)
	}
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	ca := file("ca.pem", cardtest.IssuingCAPEM())
	request := file("q", q.Marshal())
	run := func(args ...string) {
		if out, err := exec.Command(program, append([]string{"ts"}, args...)...).CombinedOutput(); err != nil {
			t.Errorf("openssl ts %v: %v\n%s", args, err, out)
		}
	}
	run("-query", "-in", request, "-text")
	run("-verify", "-queryfile", request, "-in", file("answer", answer), "-CAfile", ca)
	run("-verify", "-data", file("data", message), "-in", file("token", token), "-token_in", "-CAfile", ca)
}

func TestOpenSSLTokenIsAccepted(t *testing.T) {
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	dir := t.TempDir()
	config := `
[ req ]
distinguished_name = name
x509_extensions = v3
prompt = no
[ name ]
CN = Test authority
[ v3 ]
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[ tsa ]
default_tsa = one
[ one ]
serial = ` + dir + `/serial
crypto_device = builtin
signer_cert = ` + dir + `/cert.pem
signer_key = ` + dir + `/key.pem
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
`
	for name, content := range map[string]string{"config": config, "serial": "01\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sum := sha256.Sum256([]byte("a signature"))
	q, err := tsp.NewRequest(sum[:])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "q"), q.Marshal(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-config", "config", "-keyout", "key.pem", "-out", "cert.pem"},
		{"ts", "-reply", "-config", "config", "-section", "one", "-queryfile", "q", "-out", "answer"},
	} {
		c := exec.Command(program, args...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("openssl %v: %v\n%s", args, err, out)
		}
	}
	answer, err := os.ReadFile(filepath.Join(dir, "answer"))
	if err != nil {
		t.Fatal(err)
	}
	_, info, err := q.Token(answer)
	if err != nil || info.Certificate.Subject.String() != "Test authority" {
		t.Errorf("%+v, %v", info, err)
	}
	// The answer is refused for another request, even about the same message.
	for _, message := range []string{"a signature", "another one"} {
		sum := sha256.Sum256([]byte(message))
		other, err := tsp.NewRequest(sum[:])
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := other.Token(answer); !errors.Is(err, tsp.ErrWrong) {
			t.Errorf("%s: %v", message, err)
		}
	}
}

func TestFlippedAnswersAreRefused(t *testing.T) {
	q, answer := stamp(t, []byte("a signature"))
	token, _, err := q.Token(answer)
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	for i := range answer {
		flipped := append([]byte(nil), answer...)
		flipped[i] ^= 1 << (i % 8)
		if got, info, err := q.Token(flipped); err == nil {
			taken++
			if !info.Time.Equal(clock()) || len(got) != len(token) {
				t.Fatalf("byte %d changes what is stamped", i)
			}
		}
	}
	if taken > 40 { // version numbers and the set of digest algorithms
		t.Errorf("%d of %d flipped answers are taken", taken, len(answer))
	}
}

func FuzzToken(f *testing.F) {
	_, answer := stamp(f, []byte("a signature"))
	f.Add(answer)
	f.Add(answer[9:])
	f.Fuzz(func(t *testing.T, in []byte) {
		q, err := tsp.NewRequest(make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := q.Token(in); err == nil {
			t.Fatal("a token for a fresh nonce")
		} else if !errors.Is(err, tsp.ErrWrong) && !errors.Is(err, tsp.ErrRefused) {
			t.Fatalf("error of another kind: %v", err)
		}
		info, err := tsp.Parse(in)
		if err != nil {
			return
		}
		if err := info.CheckMessage([]byte("something else")); err == nil {
			t.Fatal("a token of something else")
		}
	})
}
