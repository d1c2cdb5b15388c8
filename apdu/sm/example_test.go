package sm_test

import (
	"encoding/hex"
	"fmt"
	"log"

	"cie/apdu"
	"cie/apdu/apdutest"
	"cie/apdu/sm"
)

// ExampleChannel sends a protected READ BINARY, the worked example of ICAO Doc 9303.
func ExampleChannel() {
	card, err := apdutest.OpenReplay("testdata/icao-9303-11-d4.apdu")
	if err != nil {
		log.Fatal(err)
	}
	keys := new(sm.Keys)
	for key, s := range map[*[16]byte]string{
		&keys.ENC: "979EC13B1CBFE9DCD01AB0FED307EAE5",
		&keys.MAC: "F1CB1F1FB5ADF208806B89DC579DC1F8",
	} {
		if _, err := hex.Decode(key[:], []byte(s)); err != nil {
			log.Fatal(err)
		}
	}
	ssc := [8]byte{0x88, 0x70, 0x22, 0x12, 0x0C, 0x06, 0xC2, 0x26}
	channel := sm.New(apdu.NewClient(card, apdu.Config{}), keys, ssc)
	keys.Wipe()
	defer channel.Close()

	for _, cmd := range []apdu.Command{
		{INS: 0xA4, P1: 0x02, P2: 0x0C, Data: []byte{0x01, 0x1E}},
		{INS: 0xB0, Ne: 4},
	} {
		r, err := channel.Send(cmd)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%X %v\n", r.Data, r.SW)
	}
	// Output:
	//  success (9000)
	// 60145F01 success (9000)
}
