package faultinjection

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Sum counts what happened. The zero value is ready; nil counts nothing.
type Sum struct {
	mu        sync.Mutex
	positions int
	outcomes  map[string]int
}

func (s *Sum) add(at int, outcome error) {
	if s == nil || at == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outcomes == nil {
		s.outcomes = map[string]int{}
	}
	s.positions++
	s.outcomes[class(outcome)]++
}

// Positions returns how many faults were injected.
func (s *Sum) Positions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.positions
}

// String returns a table of the outcomes.
func (s *Sum) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for name, n := range s.outcomes {
		lines = append(lines, fmt.Sprintf("%8d %s", n, name))
	}
	slices.Sort(lines)
	slices.Reverse(lines)
	return fmt.Sprintf("%d faults injected:\n%s", s.positions, strings.Join(lines, "\n"))
}
