package cardtest_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cie/apdu"
	"cie/card/cardtest"
)

// selectRoot is any harmless command.
var selectRoot = []byte{0, 0xA4, 0, 0x0C}

func TestRemovalEndsConnections(t *testing.T) {
	card, err := cardtest.New(cardtest.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	r := card.Reader()
	if out, err := r.Transmit(selectRoot); err != nil || !bytes.Equal(out, []byte{0x90, 0}) {
		t.Fatalf("%X, %v", out, err)
	}
	if !bytes.Equal(r.ATR(), card.ATR()) {
		t.Error("ATR")
	}
	r.Remove()
	late := card.Reader()
	for name, test := range map[string]struct {
		r    *cardtest.Reader
		want error
	}{"connected before": {r, apdu.ErrRemoved}, "connected after": {late, apdu.ErrNoCard}} {
		if _, err := test.r.Transmit(selectRoot); !errors.Is(err, test.want) {
			t.Errorf("%s: Transmit %v", name, err)
		}
		if _, err := test.r.Begin(); !errors.Is(err, test.want) {
			t.Errorf("%s: Begin %v", name, err)
		}
		if err := test.r.Reset(); !errors.Is(err, test.want) {
			t.Errorf("%s: Reset %v", name, err)
		}
	}
	// After inserting the card again, the old connection remains unusable.
	card.Insert()
	if _, err := r.Transmit(selectRoot); !errors.Is(err, apdu.ErrRemoved) {
		t.Errorf("a connection survived the removal: %v", err)
	}
	if _, err := card.Reader().Transmit(selectRoot); err != nil {
		t.Error(err)
	}
	// A connection that inserts the card itself works again, and reports that the card
	// lost its state.
	r.Remove()
	r.Insert()
	if _, err := r.Transmit(selectRoot); !errors.Is(err, apdu.ErrReset) {
		t.Errorf("after Insert: %v", err)
	}
	if reset, err := r.Begin(); err != nil || !reset {
		t.Errorf("Begin after Insert: %v, %v", reset, err)
	}
	if _, err := r.Transmit(selectRoot); err != nil {
		t.Error(err)
	}
}

func TestResetIsReportedToOthers(t *testing.T) {
	card, err := cardtest.New(cardtest.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	one, two := card.Reader(), card.Reader()
	if reset, err := one.Begin(); err != nil || reset {
		t.Fatalf("first Begin: %v, %v", reset, err)
	}
	if _, err := one.Begin(); err == nil {
		t.Error("a transaction within a transaction")
	}
	if err := one.End(); err != nil {
		t.Error(err)
	}
	if err := one.End(); err == nil {
		t.Error("the end of no transaction")
	}
	if err := two.Reset(); err != nil {
		t.Fatal(err)
	}
	if _, err := two.Transmit(selectRoot); err != nil {
		t.Errorf("the program that reset the card gets: %v", err)
	}
	if _, err := one.Transmit(selectRoot); !errors.Is(err, apdu.ErrReset) {
		t.Errorf("who did not reset the card: %v", err)
	}
	if reset, err := one.Begin(); err != nil || !reset {
		t.Errorf("Begin: %v, %v", reset, err)
	}
	if _, err := one.Transmit(selectRoot); err != nil {
		t.Error(err)
	}
	one.End()
	if reset, err := one.Begin(); err != nil || reset {
		t.Errorf("second Begin: %v, %v", reset, err)
	}
	if err := one.Close(); err != nil {
		t.Error(err)
	}
	if _, err := one.Transmit(selectRoot); err == nil {
		t.Error("a closed connection")
	}
	if _, err := two.Transmit(selectRoot); err != nil {
		t.Errorf("Close kept the transaction: %v", err)
	}
}

// Commands of one program never fall between those of the
// transaction of another.
func TestTransactionsExcludeEachOther(t *testing.T) {
	card, err := cardtest.New(cardtest.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, fid := range [][]byte{{0xD0, 0x03}, {0x2F, 0x00}, {0x2F, 0x01}, {0xD0, 0x04}} {
		wg.Go(func() {
			r := card.Reader()
			var first []byte
			for i := range 50 {
				if _, err := r.Begin(); err != nil {
					t.Error(err)
					return
				}
				r.Transmit(append([]byte{0, 0xA4, 2, 0x0C, 2}, fid...))
				out, err := r.Transmit([]byte{0, 0xB0, 0, 0, 8})
				if err != nil {
					t.Error(err)
				}
				if i == 0 {
					first = out
				} else if !bytes.Equal(out, first) {
					t.Errorf("%X: %X, then %X", fid, first, out)
				}
				if err := r.End(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// A program that waits for a transaction is notified of the removal.
func TestRemovalEndsWaitForTransaction(t *testing.T) {
	card, err := cardtest.New(cardtest.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	one, two := card.Reader(), card.Reader()
	if _, err := one.Begin(); err != nil {
		t.Fatal(err)
	}
	result := make(chan error)
	go func() {
		_, err := two.Begin()
		result <- err
	}()
	card.Remove()
	if err := <-result; !errors.Is(err, apdu.ErrRemoved) {
		t.Error(err)
	}
	if err := one.End(); !errors.Is(err, apdu.ErrRemoved) {
		t.Error(err)
	}
}

// A chip without power neither answers nor keeps its state.
func TestChipWithoutPowerIsSilent(t *testing.T) {
	card, err := cardtest.New(cardtest.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	if out := card.Exchange(selectRoot); out != nil {
		t.Errorf("no power: %X", out)
	}
	if atr := card.PowerOn(); !bytes.Equal(atr, card.ATR()) {
		t.Errorf("ATR %X", atr)
	}
	exchange(t, card, "00A4040C06A00000000039 -> 9000", "00B081000C -> 3939393930303030303030319000")
	card.PowerOff()
	if out := card.Exchange(selectRoot); out != nil || card.Powered() {
		t.Errorf("after power-off: %X", out)
	}
	card.PowerOn()
	exchange(t, card, "00B081000C -> 6A82", "00A4040C06A00000000039 -> 9000", "00B081000C -> 3939393930303030303030319000")
	card.Reset()
	exchange(t, card, "00B081000C -> 6A82")
	if card.Stats().Resets != 3 {
		t.Errorf("%d resets", card.Stats().Resets)
	}
	card.Remove()
	card.Reset()
	if card.Powered() {
		t.Error("a reset gave power to a card that is away")
	}
}

func TestIdleTransactionEndsWithAReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		card, err := cardtest.New(cardtest.Profile{})
		if err != nil {
			t.Fatal(err)
		}
		card.SetIdleLimit(5 * time.Second)
		r, other := card.Reader(), card.Reader()
		defer r.Close()
		defer other.Close()
		time.Sleep(time.Hour) // without a transaction there is no limit
		for range 2 {
			if reset, err := r.Begin(); err != nil || reset {
				t.Fatalf("Begin: reset %v, %v", reset, err)
			}
			for range 3 {
				time.Sleep(4900 * time.Millisecond)
				if _, err := r.Transmit(selectRoot); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(4800 * time.Millisecond)
			if err := r.End(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			if p := card.LongestPause(); p != 4900*time.Millisecond {
				t.Errorf("longest pause %v", p)
			}
		}
		if _, err := r.Begin(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if reset, err := other.Begin(); err != nil || !reset {
			t.Errorf("Begin of another program: reset %v, %v", reset, err)
		}
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("the other program waited %v", waited)
		}
		if err := other.End(); err != nil {
			t.Error(err)
		}
		if _, err := r.Transmit(selectRoot); !errors.Is(err, apdu.ErrReset) {
			t.Errorf("command after the reset: %v", err)
		}
		if reset, err := r.Begin(); err != nil || !reset {
			t.Errorf("Begin after the reset: reset %v, %v", reset, err)
		}
		if _, err := r.Transmit(selectRoot); err != nil {
			t.Error(err)
		}
		if p := card.LongestPause(); p != 5*time.Second {
			t.Errorf("longest pause %v", p)
		}
	})
}
