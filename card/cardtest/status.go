package cardtest

// Status words (IAS ECC 9.3). They are not taken from package apdu, so that the card and the
// client do not share an error.
const (
	swOK           = 0x9000
	swEOF          = 0x6282
	swAuthFailed   = 0x6300
	swTries        = 0x63C0
	swMemory       = 0x6581
	swWrongLength  = 0x6700
	swNoChannel    = 0x6881
	swNoSM         = 0x6882
	swNoChaining   = 0x6884
	swDenied       = 0x6982
	swBlocked      = 0x6983
	swConditions   = 0x6985
	swNoCurrentEF  = 0x6986
	swSMMissing    = 0x6987
	swSMWrong      = 0x6988
	swWrongData    = 0x6A80
	swNotSupported = 0x6A81
	swNotFound     = 0x6A82
	swWrongP1P2    = 0x6A86
	swLcP1P2       = 0x6A87
	swRefNotFound  = 0x6A88
	swOffset       = 0x6B00
	swWrongLe      = 0x6C00
	swUnknownINS   = 0x6D00
	swUnknownCLA   = 0x6E00
	swNoDiagnosis  = 0x6F00
)

// clearAnswerLength is the maximum number of data bytes in a short response.
const clearAnswerLength = 256

// answer is the result of a command handler.
type answer struct {
	data []byte
	sw   uint16
	// inClear sends the status without secure messaging, which ends.
	inClear bool
}

func status(sw uint16) answer { return answer{sw: sw} }
func done(data []byte) answer { return answer{data: data, sw: swOK} }
