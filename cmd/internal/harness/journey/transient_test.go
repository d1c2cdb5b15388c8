package journey

import (
	"fmt"
	"testing"

	"cie/card/cardtest"
	"cie/cmd/internal/harness/faultinjection"
)

// passing are faults after which the card is as good as before: another program
// selected something, took the channel or reset the card, or an error passed.
var passing = []cardtest.FaultKind{
	cardtest.SelectOther, cardtest.SelectRoot, cardtest.SelectSame, cardtest.ResetBefore,
	cardtest.Status6F00, cardtest.Status6F00After, cardtest.WrongMAC,
}

// TestPassingRefusalLeavesNoRecord lets a fault that passes happen at each
// command of a journey, on a card never seen and on a known one, on one that
// accepts everything and on one that refuses everything. Whatever became of the
// journey, the contact after the next costs no command more than on a card on
// which nothing ever happened.
func TestPassingRefusalLeavesNoRecord(t *testing.T) {
	for _, strict := range []cardtest.Strict{0, cardtest.StrictAll} {
		for _, j := range Journeys() {
			if j.Name != "certificate" && (!faultinjection.All() || j.Name == "change" || j.Name == "unblock") {
				continue
			}
			t.Run(fmt.Sprint(strict, "/", j.Name), func(t *testing.T) {
				usual := untroubled(t, j, strict)
				for known, commands := range map[bool]int{false: usual.first, true: usual.second} {
					for k, kind := range passing {
						t.Run(fmt.Sprintf("known=%v/%v", known, kind), func(t *testing.T) {
							t.Parallel()
							// Without FAULTS=all the kinds take turns.
							first, step := 1+k%3, 3
							if faultinjection.All() {
								first, step = 1, 1
							}
							for at := first; at <= commands; at += step {
								if err := troubled(t, j, strict, known, usual, cardtest.FaultAt(at, kind)); err != nil {
									t.Errorf("command %d: %v", at, err)
								}
							}
						})
					}
				}
			})
		}
	}
}

// usual is what contacts cost without faults.
type usual struct{ first, second int }

// untroubled returns what the journey costs on a card never seen, and from then
// on. A counter that was refused once is asked for once more in the second
// contact.
func untroubled(t *testing.T, j Journey, strict cardtest.Strict) usual {
	t.Helper()
	p := inProcess(t, cardtest.Profile{Strict: strict})
	p.Store = &memory{}
	var commands []int
	for range 4 {
		cost, err := j.Contact(p)
		if err != nil {
			t.Fatal(err)
		}
		commands = append(commands, cost.APDUs)
		p.Card.Reset()
	}
	if commands[2] != commands[3] {
		t.Errorf("contacts cost %v commands", commands)
	}
	return usual{commands[0], commands[2]}
}

// troubled does the journey with a fault, and twice without.
func troubled(t *testing.T, j Journey, strict cardtest.Strict, known bool, usual usual, fault cardtest.Faults) error {
	t.Helper()
	p := inProcess(t, cardtest.Profile{Strict: strict})
	p.Store = &memory{}
	if known {
		if _, err := j.Contact(p); err != nil {
			return fmt.Errorf("before: %w", err)
		}
		p.Card.Reset()
	}
	p.Card.SetFaults(fault)
	_, outcome := j.Contact(p) // may fail
	p.Card.SetFaults(cardtest.Faults{})
	if left, puk := p.Card.Tries(); left != cardtest.MaxPINTries || puk != cardtest.MaxPUKTries {
		return fmt.Errorf("%d and %d tries left, after %v", left, puk, outcome)
	}
	var last cardtest.Stats
	for range 2 {
		p.Card.Reset()
		cost, err := j.Contact(p)
		if err != nil {
			return fmt.Errorf("after %v: %w", outcome, err)
		}
		last = cost
	}
	if last.APDUs > usual.second || last.ChannelsLost > 0 {
		return fmt.Errorf("then %d commands, usually %d, and %d channels lost, after %v",
			last.APDUs, usual.second, last.ChannelsLost, outcome)
	}
	return nil
}
