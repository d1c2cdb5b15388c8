package cardtest_test

import (
	"fmt"
	"log"

	"cie/card/cardtest"
)

// A card in process, and what one program sees of it.
func Example() {
	card, err := cardtest.New(cardtest.Profile{NIS: "999900000042", Family: cardtest.Gemalto})
	if err != nil {
		log.Fatal(err)
	}
	conn := card.Reader()
	fmt.Printf("ATR %X\n", conn.ATR())
	if _, err := conn.Begin(); err != nil {
		log.Fatal(err)
	}
	defer conn.End()
	for _, command := range [][]byte{
		{0x00, 0xA4, 0x04, 0x0C, 0x06, 0xA0, 0x00, 0x00, 0x00, 0x00, 0x39}, // SELECT DF_CIE
		{0x00, 0xB0, 0x81, 0x00, 0x0C},                                     // READ BINARY of EF.ID_Servizi
		{0x00, 0xB0, 0x82, 0x00, 0x09},                                     // EF.Seriale requires a PIN
	} {
		answer, err := conn.Transmit(command)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%X: %q %X\n", command[:4], answer[:len(answer)-2], answer[len(answer)-2:])
	}
	// Output:
	// ATR 3B8F800180318065B085040011120FFF8290008A
	// 00A4040C: "" 9000
	// 00B08100: "999900000042" 9000
	// 00B08200: "" 6982
}

// The card leaves the reader in the middle of a conversation.
func ExampleCard_SetFaults() {
	card, err := cardtest.New(cardtest.Profile{})
	if err != nil {
		log.Fatal(err)
	}
	card.SetFaults(cardtest.FaultAt(2, cardtest.RemoveBefore))
	conn := card.Reader()
	for range 2 {
		_, err := conn.Transmit([]byte{0x00, 0xA4, 0x00, 0x0C})
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// virtual card: card removed
}
