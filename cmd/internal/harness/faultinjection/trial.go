package faultinjection

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/sod"
	"cie/cmd/internal/harness/p11host"
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
	// Folder is an empty folder for what programs write.
	Folder string
	// Files: what is known of the card is in files below Folder, not in memory.
	Files bool
	// Crowded: Service has as many readers as it can have. Operations without a fault
	// are counted for that.
	Crowded bool
	// Known: the program has used the card before.
	Known bool
	// Limit is the last position tried; 0: the last command.
	Limit int
	// Share is the part of the positions that is tried.
	Share Share
	// Sum counts positions and outcomes, over all trials that share it.
	Sum *Sum

	knowledge knowledge
	tap       tap
	conn      apdu.Card // the connection to the card; nil: none since it was removed
}

// use is the use of a card by one program.
type use struct {
	trial   *Trial
	options card.Options
	folder  string // with the documents of a batch

	host    *p11host.Host // nil: the program does not load the module
	session uint          // of host
}

// roots are the trust anchors of the virtual cards.
var roots = sync.OnceValue(func() *sod.Roots {
	r := sod.BuiltinRoots().Clone()
	if err := r.AddPEM(cardtest.CSCAPEM()); err != nil {
		panic(err) // a constant
	}
	return r
})

// Run executes the operation once without faults, and then with the cause beginning
// at each of its commands that Share and Limit contain. The card is not restarted in
// between. Run returns every wrong outcome.
func (t *Trial) Run(op Operation, cause Cause) (wrong []error) {
	fail := func(at int, err error) {
		t.Sum.Fail(op.Name, cause)
		wrong = append(wrong, fmt.Errorf("%s, %v at command %d: %w", op.Name, cause, at, err))
	}
	t.tap = tap{Service: t.Service}
	t.tap.before.Store(new(func() {}))
	defer t.disconnect()
	if t.Known {
		if err := t.learn(); err != nil {
			fail(0, err)
			return wrong
		}
	}
	peace := Cause{}
	if t.Crowded {
		peace.Column = "many"
	}
	commands, err := t.position(op, peace, 0)
	if err != nil {
		fail(0, err)
		return wrong
	}
	last := commands
	if t.Limit > 0 {
		last = min(last, t.Limit)
	}
	if cause.Runs > 0 {
		last = cause.Runs
	}
	for at := 1; at <= last; at++ {
		if !t.Share.contains(at) {
			continue
		}
		if _, err := t.position(op, cause, at); err != nil {
			fail(at, err)
			if len(wrong) > 3 {
				return append(wrong, errors.New("given up"))
			}
		}
	}
	if _, err := t.position(op, peace, 0); err != nil {
		fail(commands+1, err)
	}
	return wrong
}

// learn uses the card once, so that it is known to the program.
func (t *Trial) learn() error {
	options, err := t.options()
	if err != nil {
		return err
	}
	s, err := t.open(context.Background(), options)
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err = s.Tries(context.Background(), card.PIN); err != nil {
		return err
	}
	return t.remember(options)
}

// open opens the card on the existing connection unless the card was removed: the
// next transaction resets a card that stopped answering.
func (t *Trial) open(ctx context.Context, options card.Options) (*card.Session, error) {
	if t.conn == nil {
		conn, err := t.tap.Connect(t.Reader)
		if err != nil {
			return nil, err
		}
		t.conn = conn
	}
	return card.Open(ctx, t.conn, options)
}

func (t *Trial) disconnect() {
	if t.conn != nil {
		_ = t.conn.Close()
		t.conn = nil
	}
}

// bounded runs a function that may hang.
func bounded(ctx context.Context, f func() error) (hangs bool, err error) {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err = <-done:
		return ctx.Err() != nil, err
	case <-ctx.Done():
	}
	select { // a function that ends with its context needs a moment
	case err = <-done:
	case <-time.After(10 * time.Second):
		err = ctx.Err()
	}
	return true, err
}

// position executes the operation once, with the cause beginning at a command, and
// checks the outcome. It returns the number of commands of the operation.
func (t *Trial) position(op Operation, cause Cause, at int) (commands int, err error) {
	if err := t.prepare(op); err != nil {
		return 0, fmt.Errorf("preparing: %w", err)
	}
	was, err := t.memory()
	if err != nil {
		return 0, err
	}
	u := &use{trial: t, folder: filepath.Join(t.Folder, "documents")}
	// What a fault made the program forget is read again the next time.
	if u.options, err = t.options(); err != nil {
		return 0, err
	}
	if err := writeBatch(u.folder); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if op.begin != nil {
		if hangs, err := bounded(ctx, func() error { return op.begin(ctx, u, was) }); err != nil || hangs {
			return 0, fmt.Errorf("before the operation: %w", err)
		}
	}
	a, err := t.arm(cause, at)
	if err != nil {
		return 0, err
	}
	before, began := t.Card.Stats(), time.Now()
	hangs, outcome := bounded(ctx, func() error { return op.do(ctx, u, was) })
	cost := t.Card.Stats().Sub(before)
	t.Sum.took(op.Name, cause, at, time.Since(began))
	commands = t.Card.Commands()
	begun, err := a.disarm()
	if hangs {
		return commands, fmt.Errorf("hangs: %w", outcome)
	}
	if err != nil {
		return commands, fmt.Errorf("beginning: %w", err)
	}
	if !begun && !op.login {
		return commands, fmt.Errorf("ended before the fault, after %d commands: %v", commands, outcome)
	}
	if begun {
		t.Sum.Add(op.Name, cause, outcome)
	}
	now, err := t.memory()
	if err != nil {
		return commands, err
	}
	problems := []error{op.judgeMemory(was, now, cost), op.judgeOutcome(now, cost, outcome, cause)}
	if err := a.restore(op); err != nil {
		return commands, errors.Join(append(problems, fmt.Errorf("afterwards: %w", err))...)
	}
	if op.goOn != nil {
		hangs, err := bounded(ctx, func() error { return op.goOn(ctx, u, now) })
		if err != nil || hangs {
			problems = append(problems, fmt.Errorf("going on after %v: %w", outcome, err))
		}
	}
	problems = append(problems, u.unload(), t.judgeFiles(ctx, u, outcome == nil && op.Name == documentBatch))
	if now.PINTries < cardtest.MaxPINTries && op.login {
		now.PINTries = cardtest.MaxPINTries
	}
	if compared(cost) > 0 || at == 0 || cause.Begin != nil {
		problems = append(problems, t.works(ctx, u.options, now, cause))
	}
	return commands, errors.Join(problems...)
}

// armed is a cause that begins at a command.
type armed struct {
	trial *Trial
	cause Cause

	mu    sync.Mutex
	left  int // commands before the cause begins
	begun bool
	end   func() error
	err   error // of Begin
}

// arm makes a cause begin at a command, or at once if it is one that lasts for runs.
func (t *Trial) arm(cause Cause, at int) (*armed, error) {
	a := &armed{trial: t, cause: cause, left: at}
	t.Card.SetFaults(cardtest.Faults{})
	switch {
	case cause.kind != 0:
		t.Card.SetFaults(cardtest.FaultAt(at, cause.kind))
	case cause.Runs > 0:
		t.disconnect()
		a.begun = true
		a.end, a.err = cause.Begin(t, at)
		return a, a.err
	case cause.Begin != nil:
		t.tap.before.Store(new(a.command))
	}
	return a, nil
}

// command is called before every command.
func (a *armed) command() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.left--; a.left == 0 {
		a.begun = true
		a.end, a.err = a.cause.Begin(a.trial, a.trial.Card.Commands()+1)
	}
}

// disarm reports whether the cause has begun, and why not.
func (a *armed) disarm() (begun bool, err error) {
	t := a.trial
	a.mu.Lock()
	defer a.mu.Unlock()
	begun = a.begun || a.cause.kind == 0 && a.cause.Begin == nil || a.cause.kind != 0 && t.Card.Commands() >= a.left
	t.Card.SetFaults(cardtest.Faults{})
	t.tap.before.Store(new(func() {}))
	return begun, a.err
}

// restore removes the cause.
func (a *armed) restore(op Operation) error {
	t := a.trial
	if a.end != nil {
		t.disconnect()
		return a.end()
	}
	// A program that waits for events sees a card that was mute when it is inserted again.
	if !t.Card.Present() || op.login && a.cause.silent() {
		t.disconnect()
		return t.PutBack()
	}
	return nil
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
	case cost.Verifies > 1 && !op.login || second > 1 || second > cost.Verifies || second > 0 && !op.second, op.public && cost.Verifies > 0:
		return fmt.Errorf("%d codes compared, %d changes, %d resets of the counter", cost.Verifies, cost.Changes, cost.Unblocks)
	case cost.Writes > 1:
		return fmt.Errorf("the memory was written %d times", cost.Writes)
	case cost.Unanswered > 1:
		return fmt.Errorf("%d commands sent to a card that does not answer", cost.Unanswered)
	}
	want := was
	if cost.Verifies > 0 {
		want = op.after(was, second == 1)
	}
	if now != want {
		return fmt.Errorf("the card has %+v, not %+v", now, want)
	}
	return nil
}

// judgeOutcome checks that the program's report is true.
func (op Operation) judgeOutcome(now memory, cost cardtest.Stats, outcome error, cause Cause) error {
	var (
		refused   *card.PINError
		cut       *card.InterruptedError
		uncertain *card.UncertainError
		second    = cost.Changes+cost.Unblocks > 0
		reported  = fmt.Sprintf("reported %q", fmt.Sprint(outcome))
	)
	if errors.Is(outcome, card.ErrNotGenuine) && !cause.lying() {
		return fmt.Errorf("a genuine card is called not genuine: %w", outcome)
	}
	switch {
	case outcome == nil:
		if op.wrong || op.second && !second || cost.Verifies == 0 && !op.public && !op.loggedIn {
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

// works uses the card once more, with the PIN and the counters that it should have.
// A counter may be unknown after a cause that looks like a chip that has none.
func (t *Trial) works(ctx context.Context, options card.Options, m memory, cause Cause) error {
	s, err := t.open(ctx, options)
	if err != nil {
		return fmt.Errorf("opening again: %w", err)
	}
	defer s.Close()
	for ref, want := range map[card.PINRef]int{card.PIN: m.PINTries, card.PUK: m.PUKTries} {
		tries, err := s.Tries(ctx, ref)
		if err != nil {
			return fmt.Errorf("then the tries of the %v: %w", ref, err)
		}
		if tries.Left != want && (tries.Left >= 0 || cause.kind != cardtest.Status6700) {
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
	s, err := card.Open(ctx, r, t.knowledge.inMemory())
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
