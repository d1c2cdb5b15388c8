package await

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func TestThatEndsWithItsCondition(t *testing.T) {
	n := 0
	That(t, "the third look", func() bool { n++; return n == 3 })
	if n != 3 {
		t.Errorf("looked %d times", n)
	}
}

func TestValueIsBounded(t *testing.T) {
	never := make(chan int)
	if _, ok := value(never, time.Millisecond); ok {
		t.Error("a value from a channel without a sender")
	}
	close(never)
	if v, ok := value(never, time.Minute); !ok || v != 0 {
		t.Errorf("closed channel: %v, %v", v, ok)
	}
}

func TestLineEndsAtTheFirstLine(t *testing.T) {
	r, w := io.Pipe()
	go func() { _, _ = io.WriteString(w, "first\nsecond") }()
	if l := Line(t, "a line", r); l != "first" {
		t.Errorf("line %q", l)
	}
}

// reporter takes the errors of a command in place of the test.
type reporter struct {
	testing.TB
	errors chan string
}

func (r reporter) Errorf(format string, args ...any) { r.errors <- fmt.Sprintf(format, args...) }

func TestCommandIsKilledAndNamed(t *testing.T) {
	r := reporter{t, make(chan string, 1)}
	patience := time.Millisecond
	for len(r.errors) == 0 { // on a busy machine it may be over before the command starts
		if err := command(r, patience, "sleep", "600").Run(); err == nil {
			t.Fatal("a command that runs too long succeeds")
		}
		patience *= 2
	}
	if e := <-r.errors; !strings.Contains(e, `"sleep" "600"`) {
		t.Errorf("the error does not name the command: %s", e)
	}
	if err := Command(r, "true").Run(); err != nil || len(r.errors) != 0 {
		t.Errorf("a command that ends: %v, %d errors", err, len(r.errors))
	}
}
