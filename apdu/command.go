package apdu

// Command is a command APDU (ISO/IEC 7816-4, 5.1) before encoding.
type Command struct {
	CLA, INS, P1, P2 byte
	// Data is the command data field, 0 to 65535 bytes. Lc follows from it.
	Data []byte
	// Ne is the number of response bytes expected: 0 means that no Le is
	// sent, 256 that Le is 00 in short form, up to 65536 in extended form.
	Ne int
}

// Response is a response APDU: the data field and the status word.
type Response struct {
	Data []byte
	SW   SW
}

// SW is a status word, SW1<<8 | SW2 (IAS ECC 9.3). It implements error so that
// it can be the cause of one; 9000 is a status like every other.
type SW uint16

// Error is a command that the card answered with an unexpected status word.
// It unwraps to the SW.
type Error struct {
	INS byte
	SW  SW
}
