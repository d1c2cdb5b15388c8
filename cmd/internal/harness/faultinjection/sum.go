package faultinjection

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Sum counts what happened. The zero value is ready; nil counts nothing.
type Sum struct {
	// Note says why there are causes that are not tried.
	Note string

	mu        sync.Mutex
	positions int
	outcomes  map[string]int
	cells     map[place]cell
	longest   time.Duration
	slowest   string // what took longest
}

// place is a place in the table.
type place struct{ operation, column string }

// cell is what is in the table there.
type cell struct{ positions, failed int }

func (c cell) String() string {
	switch {
	case c == cell{}:
		return "-"
	case c.failed > 0:
		return fmt.Sprintf("%d !%d", c.positions, c.failed)
	}
	return fmt.Sprintf("%d ok", c.positions)
}

func (s *Sum) change(operation string, cause Cause, f func(*cell)) {
	if s == nil || cause.Column == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cells == nil {
		s.cells, s.outcomes = map[place]cell{}, map[string]int{}
	}
	at := place{operation, cause.Column}
	c := s.cells[at]
	f(&c)
	s.cells[at] = c
}

// Add counts the outcome of an operation with a cause that began at a command.
func (s *Sum) Add(operation string, cause Cause, outcome error) {
	s.change(operation, cause, func(c *cell) {
		c.positions++
		s.positions++
		s.outcomes[class(outcome)]++
	})
}

// Fail counts a wrong outcome.
func (s *Sum) Fail(operation string, cause Cause) {
	s.change(operation, cause, func(c *cell) { c.failed++ })
}

// took keeps the longest operation.
func (s *Sum) took(operation string, cause Cause, at int, d time.Duration) {
	s.change(operation, cause, func(*cell) {
		if d > s.longest {
			s.longest, s.slowest = d, fmt.Sprintf("%s, %v at command %d", operation, cause, at)
		}
	})
}

// Positions returns how many faults were injected.
func (s *Sum) Positions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.positions
}

// String returns the table of operations and causes, and the outcomes.
func (s *Sum) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for name, n := range s.outcomes {
		lines = append(lines, fmt.Sprintf("%8d %s", n, name))
	}
	slices.Sort(lines)
	slices.Reverse(lines)
	text := fmt.Sprintf("%s\n%d faults injected:\n%s", s.tableLocked(), s.positions, strings.Join(lines, "\n"))
	if s.longest > 0 {
		text += fmt.Sprintf("\nlongest operation: %.1f s of the clock: %s", s.longest.Seconds(), s.slowest)
	}
	return text
}

// tableLocked returns the table, with the operations that were tried.
func (s *Sum) tableLocked() string {
	tried := map[string]bool{}
	for at := range s.cells {
		tried[at.operation] = true
	}
	var rows []string
	for _, op := range Operations() {
		if tried[op.Name] {
			rows = append(rows, op.Name)
			delete(tried, op.Name)
		}
	}
	rows = append(rows, slices.Sorted(maps.Keys(tried))...)

	var b strings.Builder
	fmt.Fprintf(&b, "\n%-17s", "")
	for _, c := range columns {
		fmt.Fprintf(&b, " %7s", c.name)
	}
	for _, row := range rows {
		fmt.Fprintf(&b, "\n%-17s", row)
		for _, c := range columns {
			fmt.Fprintf(&b, " %7v", s.cells[place{row, c.name}])
		}
	}
	b.WriteString("\n\nA cell has the number of commands at which the cause began, and \"ok\" or the number of wrong outcomes.\n")
	for _, c := range columns {
		fmt.Fprintf(&b, "%7s  %s\n", c.name, c.meaning)
	}
	if s.Note != "" {
		fmt.Fprintf(&b, "%7s  %s\n", "-", s.Note)
	}
	return b.String()
}
