package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Prober starts the children.
type Prober struct {
	// Path is the executable, Args its arguments with argv[0].
	Path string
	Args []string
	// Env is the environment; nil: that of this process.
	Env []string
}

// Self returns a Prober that starts this executable with the given arguments, which must
// lead it to Serve.
func Self(args ...string) (Prober, error) {
	path, err := os.Executable()
	if err != nil {
		return Prober{}, err
	}
	return Prober{Path: path, Args: append([]string{os.Args[0]}, args...)}, nil
}

// Load loads the module and returns its description. Errors are *Error.
func (p Prober) Load(ctx context.Context, module string) (Info, error) {
	return p.load(ctx, request{Module: module})
}

func (p Prober) load(ctx context.Context, r request) (Info, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	a, err := p.ask(ctx, r, nil)
	if err != nil {
		return Info{}, err
	}
	if a.Info == nil {
		return Info{}, failed(ReasonChild, "", "no answer")
	}
	return *a.Info, nil
}

// Identify is like Load but does not examine readers and cards: Slots, Tokens and PSS
// remain zero. Errors are *Error.
func (p Prober) Identify(ctx context.Context, module string) (Info, error) {
	return p.load(ctx, request{Module: module, Brief: true})
}

// Check is like Load but returns only the error.
func (p Prober) Check(ctx context.Context, module string) error {
	_, err := p.Load(ctx, module)
	return err
}

// Cards lists the cards that the module shows. Errors are *Error.
func (p Prober) Cards(ctx context.Context, module string) ([]Card, error) {
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	a, err := p.ask(ctx, request{Module: module, Cards: true}, nil)
	return a.Cards, err
}

// Login logs in to a service through the module. The PIN stays the caller's to
// wipe. Errors are *Error.
func (p Prober) Login(ctx context.Context, module string, l Login, pin []byte) (Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	a, err := p.ask(ctx, request{Module: module, Login: &l}, pin)
	if err != nil {
		return Outcome{}, err
	}
	if a.Outcome == nil {
		return Outcome{}, failed(ReasonChild, "", "no answer")
	}
	return *a.Outcome, nil
}

// maxAnswer limits the length of a child's answer.
const maxAnswer = 1 << 16

func (p Prober) ask(ctx context.Context, r request, pin []byte) (answer, error) {
	if _, err := os.Stat(r.Module); errors.Is(err, os.ErrNotExist) {
		return answer{}, failed(ReasonMissing, "", "%s", r.Module)
	}
	head, err := json.Marshal(r)
	if err != nil {
		return answer{}, failed(ReasonChild, "", "%v", err)
	}
	in := make([]byte, 0, len(head)+1+len(pin))
	in = append(append(append(in, head...), '\n'), pin...)
	defer clear(in)
	cmd := exec.CommandContext(ctx, p.Path)
	cmd.Args, cmd.Env = p.Args, p.Env
	cmd.WaitDelay = 2 * time.Second
	cmd.Stdin = bytes.NewReader(in)
	var out, errs limited
	cmd.Stdout, cmd.Stderr = &out, &errs
	run := cmd.Run()
	var a answer
	parsed := json.Unmarshal(out.Bytes(), &a) == nil
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return answer{}, failed(ReasonTimeout, "", "%v", context.Cause(ctx))
	case parsed && a.Error != nil:
		return answer{}, a.Error
	case parsed && run == nil:
		return a, nil
	case errors.As(run, &exit) && crashed(exit.ExitCode(), errs.String()):
		return answer{}, failed(ReasonCrashed, "", "%s", firstLine(exit.String(), errs.String()))
	case run != nil:
		return answer{}, failed(ReasonChild, "", "%s", firstLine(run.Error(), errs.String()))
	}
	return answer{}, failed(ReasonChild, "", "no answer")
}

// crashed reports whether a child was killed by a signal, or ended by the runtime
// of Go, which catches some signals, reports them and exits with 2.
func crashed(code int, output string) bool {
	return code < 0 || code == 2 && (strings.Contains(output, "SIG") || strings.Contains(output, "fatal error: "))
}

func firstLine(what, output string) string {
	if line, _, _ := strings.Cut(strings.TrimSpace(output), "\n"); line != "" {
		what += ": " + line
	}
	return what
}

// limited keeps the first bytes written to it.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if room := maxAnswer - l.Len(); room > 0 {
		l.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

var _ io.Writer = (*limited)(nil)
