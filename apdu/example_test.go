package apdu_test

import (
	"errors"
	"fmt"
	"log"

	"cie/apdu"
	"cie/apdu/apdutest"
)

// Example reads the files of a card, here replayed from a trace.
func Example() {
	card, err := apdutest.OpenReplay("apdutest/testdata/identify.apdu")
	if err != nil {
		log.Fatal(err)
	}
	client := apdu.NewClient(card, apdu.Config{})
	send := func(c apdu.Command) []byte {
		r, err := client.Send(c)
		if err != nil {
			log.Fatal(err) // of the link
		}
		err = r.Err(c.INS)
		switch {
		case errors.Is(err, apdu.SWFileNotFound):
			fmt.Println(err)
		case errors.Is(err, apdu.SWWarnEOF): // end of file: the data read are valid
		case err != nil:
			log.Fatal(err)
		}
		return r.Data
	}

	ias := []byte("\xA0\x00\x00\x00\x30\x80\x00\x00\x00\x09\x81\x60\x01")
	send(apdu.Command{INS: 0xA4, P1: 0x04, P2: 0x0C, Data: ias})
	send(apdu.Command{INS: 0xA4})
	send(apdu.Command{INS: 0xA4, P1: 0x02, P2: 0x04, Data: []byte{0xD0, 0x03}})
	serial, err := apdu.FindTLV(send(apdu.Command{INS: 0xB0, Ne: 256}), 0x5A)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("serial %X\n", serial)
	send(apdu.Command{INS: 0xA4, P1: 0x04, P2: 0x0C, Data: []byte{0xA0, 0, 0, 0, 0, 0x39}})
	fmt.Printf("NIS %s\n", send(apdu.Command{INS: 0xB0, P1: 0x81, Ne: 256}))
	answer := send(apdu.Command{INS: 0xCB, P1: 0x3F, P2: 0xFF, Ne: 256, Data: []byte("\x4D\x0A\x70\x08\xBF\xA1\x01\x04\xA3\x02\x97\x00")})
	g, err := apdu.FindTLV(answer, 0x70, 0xBFA101, 0xA3, 0x97)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("g has", len(g), "bytes")
	if err := card.Done(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// SELECT: file not found (6A82)
	// serial 8000000000000000000F
	// NIS 000000000000
	// g has 256 bytes
}
