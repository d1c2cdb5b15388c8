package card_test

import (
	"testing"
	"testing/synctest"
	"time"

	"cie/apdu"
	"cie/card"
	"cie/card/cardtest"
)

// idleLimit is the pause between two commands of a transaction after which Windows resets the
// card.
const idleLimit = 5 * time.Second

// transactions are the operations of a Session that use the card.
var transactions = []struct {
	name  string
	login bool // needs the PIN
	do    func(s *card.Session) error
}{
	{"tries", false, func(s *card.Session) error { _, err := s.Tries(ctx, card.PUK); return err }},
	{"authenticity", false, func(s *card.Session) error { _, err := s.Authenticity(ctx); return err }},
	{"issuer", false, func(s *card.Session) error { _, err := s.CheckIssuer(ctx); return err }},
	{"anti-clone signature", false, func(s *card.Session) error { _, err := s.AntiCloneSign(ctx, make([]byte, 32)); return err }},
	{"serial number", false, func(s *card.Session) error { _, err := s.SerialICC(ctx); return err }},
	{"accept", false, func(s *card.Session) error { _, err := s.Accept(ctx); return err }},
	{"verify PIN", false, func(s *card.Session) error { return s.Verify(ctx, card.PIN, cardtest.DefaultPIN()) }},
	{"verify PUK", false, func(s *card.Session) error { return s.Verify(ctx, card.PUK, cardtest.DefaultPUK()) }},
	{"change", false, func(s *card.Session) error { return s.ChangePIN(ctx, cardtest.DefaultPIN(), freshPIN) }},
	{"unblock", false, func(s *card.Session) error { return s.Unblock(ctx, cardtest.DefaultPUK(), freshPIN) }},
	{"reset tries", false, func(s *card.Session) error { return s.ResetTries(ctx, cardtest.DefaultPUK()) }},
	{"certificate", true, func(s *card.Session) error { _, err := s.Certificate(ctx); return err }},
	{"document number", true, func(s *card.Session) error { _, err := s.DocumentNumber(ctx); return err }},
	{"sign", true, func(s *card.Session) error { _, err := s.Sign(ctx, make([]byte, 51)); return err }},
}

// Within a transaction a Session waits for nothing but the card. The clock of the test stops while
// the program computes; for that see BenchmarkPauseInATransaction.
func TestSessionMakesNoPauseInATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tr := range transactions {
			c := newCard(t, cardtest.Profile{})
			s := open(t, c, card.Options{})
			if tr.login {
				verify(t, s)
			}
			time.Sleep(time.Minute) // the user
			if err := tr.do(s); err != nil {
				t.Errorf("%s: %v", tr.name, err)
			}
			if pause := c.LongestPause(); pause != 0 {
				t.Errorf("%s: a pause of %v", tr.name, pause)
			}
		}
	})
}

// The longest computation between two commands of a transaction, to be compared with the
// 5 seconds of Windows.
func BenchmarkPauseInATransaction(b *testing.B) {
	for _, tr := range transactions {
		b.Run(tr.name, func(b *testing.B) {
			var longest time.Duration
			for range b.N {
				c := newCard(b, cardtest.Profile{})
				s := open(b, c, card.Options{})
				if tr.login {
					verify(b, s)
				}
				if err := tr.do(s); err != nil {
					b.Fatal(err)
				}
				longest = max(longest, c.LongestPause())
			}
			b.ReportMetric(float64(longest.Microseconds())/1000, "ms-pause")
		})
	}
}

// sleeper is a connection of a program that pauses before one command.
type sleeper struct {
	apdu.Card
	at    int // the command, counted from 1; 0: none
	count int
}

func (s *sleeper) Transmit(command []byte) ([]byte, error) {
	if s.count++; s.count == s.at {
		time.Sleep(idleLimit + time.Second)
	}
	return s.Card.Transmit(command)
}

// A program that pauses in a transaction, because the machine slept for example, loses no try:
// the operation succeeds or fails, no code is sent twice, and the next operation succeeds.
func TestSessionRecoversFromResetOfAnIdleTransaction(t *testing.T) {
	for _, tr := range transactions {
		t.Run(tr.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				roots := testRoots(t)
				failed := 0
				for at := 1; ; at++ {
					c := newCard(t, cardtest.Profile{})
					c.SetIdleLimit(idleLimit)
					conn := &sleeper{Card: c.Reader()}
					s, err := card.Open(ctx, conn, card.Options{Roots: roots})
					must(t, err)
					if tr.login {
						verify(t, s)
					}
					conn.count, conn.at = 0, at
					before := c.Stats()
					err = tr.do(s)
					if err != nil {
						failed++
					}
					cost := c.Stats().Sub(before)
					if conn.count < at {
						must(t, err)
						if at == 1 {
							t.Fatal("the operation sends no command")
						}
						t.Logf("%d positions, %d failures", at-1, failed)
						return
					}
					if cost.Verifies > 1 || cost.TriesSpent > 0 || cost.Resets == 0 {
						t.Errorf("command %d: %+v", at, cost)
					}
					if p := c.LongestPause(); p != idleLimit {
						t.Errorf("command %d: longest pause %v", at, p)
					}
					must(t, s.Verify(ctx, card.PIN, c.PIN()))
					if _, err := s.Sign(ctx, make([]byte, 51)); err != nil {
						t.Errorf("command %d: afterwards: %v", at, err)
					}
					if pin, puk := c.Tries(); pin != 3 || puk != 10 {
						t.Errorf("command %d: %d and %d tries left", at, pin, puk)
					}
					must(t, s.Close())
					must(t, conn.Close())
				}
			})
		})
	}
}
