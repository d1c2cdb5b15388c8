package pkcs11mod

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card"
	"cie/card/cardtest"
)

// recorder records the instructions sent to a card.
type recorder struct {
	apdu.Card
	delay time.Duration // of every command
	mu    *sync.Mutex
	sent  *[]byte
}

func (r recorder) Transmit(command []byte) ([]byte, error) {
	r.mu.Lock()
	*r.sent = append(*r.sent, command[1])
	r.mu.Unlock()
	time.Sleep(r.delay)
	return r.Card.Transmit(command)
}

// put inserts a card into a reader and returns a function that returns the instructions sent
// to it.
func put(service *cardtest.Service, reader string, delay time.Duration, connect func() apdu.Card) func() []byte {
	r := recorder{delay: delay, mu: new(sync.Mutex), sent: new([]byte)}
	service.Put(reader, readers.State{Present: true, ATR: cardtest.Foreign{}.ATR()}, func() (apdu.Card, error) {
		made := r
		made.Card = connect()
		return made, nil
	})
	return func() []byte {
		r.mu.Lock()
		defer r.mu.Unlock()
		return slices.Clone(*r.sent)
	}
}

// helloCards are cards in a second reader, as Windows Hello shows one.
var helloCards = map[string]cardtest.Foreign{
	"not found, late":          {Delay: 3 * time.Second},
	"not found, very late":     {Delay: time.Minute},
	"success without data":     {Answer: []byte{0x90, 0x00}},
	"success, late":            {Answer: []byte{0x90, 0x00}, Delay: 2 * time.Second},
	"one byte":                 {Answer: []byte{0x90}},
	"random bytes":             {Answer: []byte("\x13\x9f\x00\xff\x7f\x21\x82\x30\x84\x5a\x61\x05")},
	"random data with success": {Answer: []byte("\x13\x9f\x00\xff\x7f\x21\x82\x30\x84\x5a\x90\x00")},
	"instruction unknown":      {Answer: []byte{0x6D, 0x00}, Delay: time.Second},
	"no answer":                {Err: apdu.ErrMute, Delay: 4 * time.Second},
	"reader times out":         {Err: apdu.ErrTimeout, Delay: 10 * time.Second},
}

// A virtual card beside the CIE gives no token and no prompt, gets no command that depends on
// a code, and delays the list of slots half a second at most.
func TestCardOfWindowsHelloDelaysNoCIE(t *testing.T) {
	for name, hello := range helloCards {
		for _, late := range []bool{false, true} {
			when := "/at first"
			if late {
				when = "/after the first list"
			}
			t.Run(name+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					service := cardtest.NewService("Windows Hello for Business 1", "reader")
					h := newModule(t, service, nil)
					h.cfg.RecognitionTime, h.cfg.retry = 5*time.Second, 200*time.Millisecond
					h.cfg.NotAccepted = func(level card.Level) { t.Errorf("the user is asked about a card that is %v", level) }
					if late {
						service.Insert("reader", newCard(t, cardtest.Profile{}))
						h.slot()
					}
					sent := put(service, "Windows Hello for Business 1", 0, func() apdu.Card { return hello })
					if !late {
						service.Insert("reader", newCard(t, cardtest.Profile{}))
					}
					synctest.Wait()
					begin := time.Now()
					h.slot()
					if took := time.Since(begin); took > otherTime {
						t.Errorf("the list took %v", took)
					}
					s := h.session(false)
					h.login(s)
					time.Sleep(time.Hour)
					h.slot()
					instructions := sent()
					if len(instructions) == 0 {
						t.Error("the card was not examined")
					}
					for _, ins := range instructions {
						if ins != 0xA4 && ins != 0xB0 && ins != 0xC0 { // SELECT, READ BINARY, GET RESPONSE
							t.Fatalf("the card was sent instruction %02X", ins)
						}
					}
				})
			})
		}
	}
}

// Two CIEs are in the first list although one of them is slow: only cards that have not shown
// the CIE application are not waited for.
func TestSlowCIEIsInTheFirstList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := cardtest.NewService("slow", "reader")
		slow := newCard(t, cardtest.Profile{NIS: "999900000002"})
		sent := put(service, "slow", 120*time.Millisecond, func() apdu.Card { return slow.Reader() })
		service.Insert("reader", newCard(t, cardtest.Profile{}))
		h := newModule(t, service, nil)
		begin := time.Now()
		if n := len(h.slotList(true)); n != 2 {
			t.Errorf("%d tokens", n)
		}
		if took := time.Since(begin); took <= otherTime {
			t.Errorf("the slow card took %v for %d commands, too short for this test", took, len(sent()))
		}
	})
}
