package faultinjection

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"time"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/sod"
)

// Patience limits one operation: a longer one hangs. It is many times the duration of
// the slowest one on a busy machine.
const Patience = 2 * time.Minute

// Trial is the test of one card.
type Trial struct {
	Card *cardtest.Card
	// Service has the card in the reader with this name.
	Service readers.Service
	Reader  string
	// PutBack inserts a card that was removed into the reader again, and returns
	// when Service can connect to it.
	PutBack func() error
	// State is the file in which the card keeps its memory; empty: it has none.
	State string
	// Known: the program has used the card before.
	Known bool
	// Limit is the last position tried; 0: the last command.
	Limit int
	// Share is the part of the positions that is tried.
	Share Share
	// Sum counts positions and outcomes, over all trials that share it.
	Sum *Sum

	store store
	conn  apdu.Card // the connection to the card; nil: none since it was removed
}

// store keeps what is known of the card, and can be set back.
type store map[string][]byte

func (s store) Load(key string) ([]byte, error) {
	if data, ok := s[key]; ok {
		return data, nil
	}
	return nil, card.ErrNotStored
}
func (s store) Save(key string, data []byte) error { s[key] = append([]byte(nil), data...); return nil }
func (s store) Delete(key string) error            { delete(s, key); return nil }

// roots are the trust anchors of the virtual cards.
var roots = sync.OnceValue(func() *sod.Roots {
	r := sod.BuiltinRoots().Clone()
	if err := r.AddPEM(cardtest.CSCAPEM()); err != nil {
		panic(err) // a constant
	}
	return r
})

func options(s store) card.Options { return card.Options{Store: s, Roots: roots()} }

// Run executes the operation once without faults, and then with a fault of the kind
// at each of its commands that Share and Limit contain. The card is not restarted in between. Run returns every
// wrong outcome.
func (t *Trial) Run(op Operation, kind cardtest.FaultKind) (wrong []error) {
	fail := func(at int, err error) {
		wrong = append(wrong, fmt.Errorf("%s, %v at command %d: %w", op.Name, kind, at, err))
	}
	t.store = store{}
	defer t.disconnect()
	if t.Known {
		if err := t.learn(); err != nil {
			fail(0, err)
			return wrong
		}
	}
	commands, err := t.position(op, cardtest.Faults{}, 0)
	if err != nil {
		fail(0, err)
		return wrong
	}
	last := commands
	if t.Limit > 0 {
		last = min(last, t.Limit)
	}
	for at := 1; at <= last; at++ {
		if !t.Share.contains(at) {
			continue
		}
		if _, err := t.position(op, cardtest.FaultAt(at, kind), at); err != nil {
			fail(at, err)
			if len(wrong) > 3 {
				return append(wrong, errors.New("given up"))
			}
		}
	}
	if _, err := t.position(op, cardtest.Faults{}, 0); err != nil {
		fail(commands+1, err)
	}
	return wrong
}

// learn uses the card once, so that it is known to the program.
func (t *Trial) learn() error {
	s, err := t.open(context.Background(), t.store)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.Tries(context.Background(), card.PIN)
	return err
}

// open opens the card on the existing connection unless the card was removed: the
// next transaction resets a card that stopped answering.
func (t *Trial) open(ctx context.Context, s store) (*card.Session, error) {
	if t.conn == nil {
		conn, err := t.Service.Connect(t.Reader)
		if err != nil {
			return nil, err
		}
		t.conn = conn
	}
	return card.Open(ctx, t.conn, options(s))
}

func (t *Trial) disconnect() {
	if t.conn != nil {
		_ = t.conn.Close()
		t.conn = nil
	}
}

// position executes the operation once with the fault and checks the outcome. It
// returns the number of commands of the operation.
func (t *Trial) position(op Operation, faults cardtest.Faults, at int) (commands int, err error) {
	if err := t.prepare(op); err != nil {
		return 0, fmt.Errorf("preparing: %w", err)
	}
	was, err := t.memory()
	if err != nil {
		return 0, err
	}
	// What a fault made the program forget is read again the next time.
	known := maps.Clone(t.store)
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	t.Card.SetFaults(faults)
	before := t.Card.Stats()
	s, outcome := t.open(ctx, known)
	if outcome == nil {
		outcome = op.do(ctx, s, was)
		s.Close()
	}
	cost := t.Card.Stats().Sub(before)
	commands = t.Card.Commands()
	t.Card.SetFaults(cardtest.Faults{})
	if ctx.Err() != nil {
		return commands, fmt.Errorf("hangs: %w", outcome)
	}
	if commands < at {
		return commands, fmt.Errorf("ended before the fault, after %d commands: %v", commands, outcome)
	}
	t.Sum.add(at, outcome)

	now, err := t.memory()
	if err != nil {
		return commands, err
	}
	problems := []error{op.judgeMemory(was, now, cost), op.judgeOutcome(now, cost, outcome, faults)}
	if !t.Card.Present() {
		t.disconnect()
		if err := t.PutBack(); err != nil {
			return commands, errors.Join(append(problems, fmt.Errorf("putting back: %w", err))...)
		}
	}
	if compared(cost) > 0 || at == 0 {
		problems = append(problems, t.works(ctx, known, now))
	}
	return commands, errors.Join(problems...)
}

// compared returns how many codes the card compared.
func compared(cost cardtest.Stats) int { return cost.Verifies + cost.Changes + cost.Unblocks }

// memory reads what the card keeps without power, from its file if it has one.
func (t *Trial) memory() (memory, error) {
	m := memory{PIN: string(t.Card.PIN())}
	m.PINTries, m.PUKTries = t.Card.Tries()
	if t.State == "" {
		return m, nil
	}
	b, err := os.ReadFile(t.State)
	if err != nil {
		return m, err
	}
	var kept struct {
		PIN      []byte `json:"pin"`
		PINTries int    `json:"pin_tries"`
		PUKTries int    `json:"puk_tries"`
	}
	if err := json.Unmarshal(b, &kept); err != nil {
		return m, fmt.Errorf("state file: %w", err)
	}
	if string(kept.PIN) != m.PIN || kept.PINTries != m.PINTries || kept.PUKTries != m.PUKTries {
		return m, errors.New("the state file is not what the card answers by")
	}
	return m, nil
}

// judgeMemory compares the memory with the result of the commands that the card
// executed.
func (op Operation) judgeMemory(was, now memory, cost cardtest.Stats) error {
	second := cost.Changes + cost.Unblocks
	switch {
	case cost.Verifies > 1 || second > 1 || second > cost.Verifies || second > 0 && !op.second, op.public && cost.Verifies > 0:
		return fmt.Errorf("%d codes compared, %d changes, %d resets of the counter", cost.Verifies, cost.Changes, cost.Unblocks)
	case cost.Writes > 1:
		return fmt.Errorf("the memory was written %d times", cost.Writes)
	}
	want := was
	if cost.Verifies == 1 {
		want = op.after(was, second == 1)
	}
	if now != want {
		return fmt.Errorf("the card has %+v, not %+v", now, want)
	}
	return nil
}

// judgeOutcome checks that the program's report is true.
func (op Operation) judgeOutcome(now memory, cost cardtest.Stats, outcome error, faults cardtest.Faults) error {
	var (
		refused   *card.PINError
		cut       *card.InterruptedError
		uncertain *card.UncertainError
		second    = cost.Changes+cost.Unblocks > 0
		reported  = fmt.Sprintf("reported %q", fmt.Sprint(outcome))
	)
	if errors.Is(outcome, card.ErrNotGenuine) && !lying(faults) {
		return fmt.Errorf("a genuine card is called not genuine: %w", outcome)
	}
	switch {
	case outcome == nil:
		if op.wrong || op.second && !second || cost.Verifies == 0 && !op.public {
			return errors.New("reported success")
		}
	case errors.As(outcome, &cut):
		if !op.second || cost.Verifies == 0 || cut.State == card.PINUnchanged && second {
			return errors.New(reported)
		}
	case errors.As(outcome, &refused):
		left := now.PINTries
		if refused.Ref == card.PUK {
			left = now.PUKTries
		}
		if cost.TriesSpent == 0 || refused.Tries >= 0 && refused.Tries != left {
			return fmt.Errorf("%s, and the card has %+v", reported, now)
		}
	case errors.As(outcome, &uncertain):
		if second {
			return errors.New(reported)
		}
	default:
		// The program reported nothing about a code, so no try was spent, and nothing changed.
		if cost.TriesSpent > 0 || second {
			return fmt.Errorf("%s, and the card has %+v", reported, now)
		}
	}
	return nil
}

// lying reports whether a fault changes the card's answers, which can look like a
// forgery.
func lying(f cardtest.Faults) bool {
	for _, e := range f.Events {
		switch e.Kind {
		case cardtest.FlipBit, cardtest.TruncateData, cardtest.Truncate:
			return true
		}
	}
	return false
}

// works uses the card once more, with the PIN and the counters that it should have.
func (t *Trial) works(ctx context.Context, known store, m memory) error {
	s, err := t.open(ctx, known)
	if err != nil {
		return fmt.Errorf("opening again: %w", err)
	}
	defer s.Close()
	for ref, want := range map[card.PINRef]int{card.PIN: m.PINTries, card.PUK: m.PUKTries} {
		tries, err := s.Tries(ctx, ref)
		if err != nil {
			return fmt.Errorf("then the tries of the %v: %w", ref, err)
		}
		if tries.Left != want {
			return fmt.Errorf("then the %v has %d tries left, not %d", ref, tries.Left, want)
		}
	}
	if m.PUKTries < cardtest.MaxPUKTries {
		if err := s.ResetTries(ctx, puk); err != nil {
			return fmt.Errorf("then the PUK: %w", err)
		}
		m.PINTries = cardtest.MaxPINTries
	}
	if m.PINTries == 0 {
		return nil
	}
	if err := s.Verify(ctx, card.PIN, []byte(m.PIN)); err != nil {
		return fmt.Errorf("then the PIN: %w", err)
	}
	return nil
}

// prepare sets the tries of the PIN for the begin of the operation directly in the
// card, because that is not tested here.
func (t *Trial) prepare(op Operation) error {
	left, puks := t.Card.Tries()
	if left == op.PINTries && puks == cardtest.MaxPUKTries {
		return nil
	}
	ctx := context.Background()
	r := t.Card.Reader()
	defer r.Close()
	s, err := card.Open(ctx, r, options(maps.Clone(t.store)))
	if err != nil {
		return err
	}
	defer s.Close()
	if puks < cardtest.MaxPUKTries || left == 0 && op.PINTries > 0 {
		if err := s.ResetTries(ctx, puk); err != nil {
			return err
		}
		left = cardtest.MaxPINTries
	}
	if left < op.PINTries {
		if err := s.Verify(ctx, card.PIN, t.Card.PIN()); err != nil {
			return err
		}
		left = cardtest.MaxPINTries
	}
	for ; left > op.PINTries; left-- {
		var refused *card.PINError
		if err := s.Verify(ctx, card.PIN, wrongPIN, card.AllowLastTry()); !errors.As(err, &refused) {
			return fmt.Errorf("a wrong PIN gives %w", err)
		}
	}
	return nil
}

// outcomes in the order in which they are counted.
var linkErrors = []struct {
	err  error
	name string
}{
	{apdu.ErrRemoved, "card removed"}, {apdu.ErrReset, "card reset"}, {apdu.ErrMute, "card mute"},
	{apdu.ErrNoCard, "no card"}, {card.ErrNotGenuine, "not genuine"}, {card.ErrNotCIE, "no CIE"},
	{card.ErrPINRequired, "PIN required again"},
}

// class names an outcome for the sum.
func class(err error) string {
	var (
		refused   *card.PINError
		cut       *card.InterruptedError
		uncertain *card.UncertainError
	)
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &cut) && cut.State == card.PINUnknown:
		return "interrupted, either PIN"
	case errors.As(err, &cut):
		return "interrupted, PIN as before"
	case errors.As(err, &refused):
		return "code refused"
	case errors.As(err, &uncertain):
		return "uncertain whether a try was spent"
	}
	for _, l := range linkErrors {
		if errors.Is(err, l.err) {
			return l.name
		}
	}
	return "other error, nothing spent"
}
