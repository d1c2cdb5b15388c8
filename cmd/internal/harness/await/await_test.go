package await

import (
	"io"
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
