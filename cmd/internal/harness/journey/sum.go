package journey

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"cie/card/cardtest"
)

// Sum keeps the most that a journey cost, by name of the journey and of the
// card. The zero value is ready. Its methods are safe for concurrent use.
type Sum struct {
	mu   sync.Mutex
	most map[string]cost
}

type cost struct {
	first, second  int // commands
	agreements     int // in the first contact
	lost, refusals int // in the first contact
	secondRefusals int
}

// Add counts a journey done twice on a card of a kind.
func (s *Sum) Add(journey, card string, first, second cardtest.Stats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.most == nil {
		s.most = map[string]cost{}
	}
	key := journey + " on " + card
	m := s.most[key]
	s.most[key] = cost{
		first: max(m.first, first.APDUs), second: max(m.second, second.APDUs),
		agreements: max(m.agreements, first.KeyAgreements),
		lost:       max(m.lost, first.ChannelsLost), refusals: max(m.refusals, first.Refusals),
		secondRefusals: max(m.secondRefusals, second.Refusals),
	}
}

// String returns a table.
func (s *Sum) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for name, m := range s.most {
		lines = append(lines, fmt.Sprintf("%-40s first %3d commands, %d key agreements, %d channels lost, %2d refusals; second %3d commands, %d refusals",
			name, m.first, m.agreements, m.lost, m.refusals, m.second, m.secondRefusals))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
