package kspagent

import (
	"context"
	"encoding/binary"
	"os"
	"testing"

	"cie/apdu/pcsc"
	"cie/apdu/readers"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/cardtest/stack"
	"cie/cmd/internal/harness/await"
	"cie/cmd/internal/harness/memory"
	"cie/cmd/internal/harness/stacktest"
	"cie/pkcs11mod"
)

// agentVariable makes this test the process of an agent, with the certificate in the file that
// it names. Descriptor 3 has the PIN.
const agentVariable = "CIE_TEST_AGENT"

// pipeDialog reads the PIN into the memory of the agent, as a box does.
type pipeDialog struct{ Dialog }

func (pipeDialog) PIN(_ context.Context, _ Question, pin []byte) error {
	_, err := os.NewFile(3, "PIN").Read(pin)
	return err
}

// beAgent serves the requests on standard input.
func beAgent(t *testing.T, file string) {
	certificate, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	opts := options(t)
	agent := New(Config{
		Module: pkcs11mod.New(pkcs11mod.Config{
			Readers: func() (readers.Service, error) { return pcsc.New(pcsc.Config{}), nil },
			Card:    func() card.Options { return opts },
		}),
		Dialog: pipeDialog{},
		Known:  func(string) []byte { return certificate },
	})
	if err := agent.Serve(t.Context(), os.Stdin, os.Stdout); err != nil {
		t.Fatal(err)
	}
}

// When the last key of a card was closed, which ends the login, neither the PIN nor the keys of
// the channel are in the memory of the agent. During the login the PIN must be found.
func TestNoSecretStaysInTheMemoryOfTheAgent(t *testing.T) {
	if file := os.Getenv(agentVariable); file != "" {
		beAgent(t, file)
		return
	}
	code := memory.Code()
	c, err := cardtest.New(cardtest.Profile{PIN: code})
	if err != nil {
		t.Fatal(err)
	}
	service := &cardtest.Service{}
	service.Insert("reader", c)
	file := t.TempDir() + "/certificate"
	if err := os.WriteFile(file, certificateOf(t, service, code), 0o600); err != nil {
		t.Fatal(err)
	}
	daemon := stacktest.Start(t, stack.Options{})
	stacktest.Insert(t, daemon, 0, c)

	answers, asked, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer answers.Close()
	defer asked.Close()
	if _, err := asked.Write(code); err != nil {
		t.Fatal(err)
	}
	cmd := await.Command(t, os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env, cmd.Stderr, cmd.ExtraFiles = append(append(os.Environ(), daemon.Env()...), agentVariable+"="+file), os.Stderr, []*os.File{answers}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	b := &browser{t: t, card: c, pipe: in, waiting: map[uint32]chan answer{}}
	go b.read(out)
	b.open()
	b.wantSigned(sha256Number, false, digest)
	secrets := memory.Secrets{}
	secrets.AddCode("PIN", code)
	if found := memory.Find(t, cmd.Process.Pid, secrets); len(found) == 0 {
		t.Error("the kept PIN is not found: the search is wrong")
	}
	secrets.AddKeys(t, c)
	b.send(opClose, binary.LittleEndian.AppendUint32(nil, b.key))
	var found []string
	await.That(t, "a memory without secrets", func() bool {
		found = memory.Find(t, cmd.Process.Pid, secrets)
		return len(found) == 0
	})
	in.Close()
}
