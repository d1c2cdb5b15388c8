package card

// StepName names a step of an operation, for progress bars and errors. User
// interfaces translate it.
type StepName string

// The steps an operation can consist of.
const (
	StepSelect       StepName = "select"        // applications selected, NIS read
	StepReadPublic   StepName = "read-public"   // SOD, keys and parameters read
	StepCheckSOD     StepName = "check-sod"     // signature, chain and hashes of the SOD
	StepAntiClone    StepName = "anti-clone"    // chip proves its service key
	StepKeyExchange  StepName = "key-exchange"  // Diffie-Hellman agreement
	StepTerminalCert StepName = "terminal-cert" // terminal certificate sent to the chip
	StepTerminalAuth StepName = "terminal-auth" // external authentication
	StepChipAuth     StepName = "chip-auth"     // chip proves its key
	StepTries        StepName = "tries"         // tries left read
	StepVerifyPIN    StepName = "verify-pin"    // PIN presented
	StepVerifyPUK    StepName = "verify-puk"    // PUK presented
	StepChangePIN    StepName = "change-pin"    // new PIN set with the old one
	StepResetPIN     StepName = "reset-pin"     // new PIN or new tries set with the PUK
	StepReadFile     StepName = "read-file"     // protected file read
	StepSign         StepName = "sign"          // signature computed by the chip
)

// MustFinish reports whether an operation can no longer be cancelled from this step
// on: it sends a code, or the card is writing.
func (n StepName) MustFinish() bool {
	switch n {
	case StepVerifyPIN, StepVerifyPUK, StepChangePIN, StepResetPIN:
		return true
	}
	return false
}
