package apdu

import "fmt"

// SW is a status word, SW1<<8 | SW2 (IAS ECC 9.3). It implements error so that
// other errors can wrap it; 9000 is no exception. Four status words contain a
// number in their low bits: see Remaining (61xx), ExactLength (6Cxx) and Tries
// (63Cx).
type SW uint16

// The status words of IAS ECC 9.3 (ISO/IEC 7816-4, 5.1.3).
const (
	// SWOK: normal end, no further qualification.
	SWOK SW = 0x9000

	// SWMoreData is the base of 61xx: xx response bytes are available to GET RESPONSE, 00 means 256 or more.
	SWMoreData SW = 0x6100

	// SWWarning: warning without detail, non-volatile memory unchanged.
	SWWarning SW = 0x6200
	// SWWarnCorrupted: part of the returned data may be corrupted.
	SWWarnCorrupted SW = 0x6281
	// SWWarnEOF: end of file reached before Ne bytes were read.
	SWWarnEOF SW = 0x6282
	// SWWarnDeactivated: the selected file is deactivated.
	SWWarnDeactivated SW = 0x6283
	// SWWarnBadFCI: file control information is not formatted correctly.
	SWWarnBadFCI SW = 0x6284
	// SWWarnTerminated: the selected file is in termination state.
	SWWarnTerminated SW = 0x6285
	// SWWarnNoSensor: no input data from a sensor on the card.
	SWWarnNoSensor SW = 0x6286

	// SWWarnChanged: warning without detail, non-volatile memory changed. Some cards return it for a wrong PIN.
	SWWarnChanged SW = 0x6300
	// SWWarnFileFull: the last write filled the file.
	SWWarnFileFull SW = 0x6381
	// SWTries is the base of 63Cx: verification failed, x tries are left.
	SWTries SW = 0x63C0

	// SWExecution: execution error, non-volatile memory unchanged.
	SWExecution SW = 0x6400
	// SWImmediateResponse: the card needs an immediate response.
	SWImmediateResponse SW = 0x6401
	// SWChanged: execution error, non-volatile memory changed.
	SWChanged SW = 0x6500
	// SWMemoryFailure: memory failure.
	SWMemoryFailure SW = 0x6581
	// SWSecurityIssue: security-related issue.
	SWSecurityIssue SW = 0x6600

	// SWWrongLength: wrong length, no further indication.
	SWWrongLength SW = 0x6700

	// SWClassFunction: a function of the class byte is not supported.
	SWClassFunction SW = 0x6800
	// SWNoChannel: logical channel not supported.
	SWNoChannel SW = 0x6881
	// SWNoSM: secure messaging not supported.
	SWNoSM SW = 0x6882
	// SWLastExpected: the last command of the chain was expected.
	SWLastExpected SW = 0x6883
	// SWNoChaining: command chaining not supported.
	SWNoChaining SW = 0x6884

	// SWNotAllowed: command not allowed, no further indication.
	SWNotAllowed SW = 0x6900
	// SWIncompatibleFile: the command does not fit the structure of the file.
	SWIncompatibleFile SW = 0x6981
	// SWSecurityNotSatisfied: security status not satisfied.
	SWSecurityNotSatisfied SW = 0x6982
	// SWBlocked: the authentication method is blocked, no tries are left.
	SWBlocked SW = 0x6983
	// SWReferenceNotUsable: the reference data cannot be used.
	SWReferenceNotUsable SW = 0x6984
	// SWConditionsNotSatisfied: conditions of use not satisfied.
	SWConditionsNotSatisfied SW = 0x6985
	// SWNoCurrentEF: command not allowed, no elementary file is selected.
	SWNoCurrentEF SW = 0x6986
	// SWSMObjectMissing: a secure messaging data object is missing.
	SWSMObjectMissing SW = 0x6987
	// SWSMObjectWrong: a secure messaging data object is incorrect, the MAC for one.
	SWSMObjectWrong SW = 0x6988

	// SWWrongParameters: wrong parameters, no further indication.
	SWWrongParameters SW = 0x6A00
	// SWWrongData: incorrect parameters in the command data field.
	SWWrongData SW = 0x6A80
	// SWFunctionNotSupported: function not supported.
	SWFunctionNotSupported SW = 0x6A81
	// SWFileNotFound: file or application not found.
	SWFileNotFound SW = 0x6A82
	// SWRecordNotFound: record not found.
	SWRecordNotFound SW = 0x6A83
	// SWNoSpace: not enough memory in the file.
	SWNoSpace SW = 0x6A84
	// SWLcTLV: Lc inconsistent with the TLV structure.
	SWLcTLV SW = 0x6A85
	// SWWrongP1P2: incorrect parameters P1-P2.
	SWWrongP1P2 SW = 0x6A86
	// SWLcP1P2: Lc inconsistent with P1-P2.
	SWLcP1P2 SW = 0x6A87
	// SWReferenceNotFound: referenced data or reference data not found.
	SWReferenceNotFound SW = 0x6A88
	// SWFileExists: the file already exists.
	SWFileExists SW = 0x6A89
	// SWDFNameExists: the DF name already exists.
	SWDFNameExists SW = 0x6A8A

	// SWWrongOffset: wrong parameters P1-P2; for READ BINARY, an offset past the end of the file.
	SWWrongOffset SW = 0x6B00
	// SWExactLength is the base of 6Cxx: wrong Le, xx bytes are available, 00 means 256.
	SWExactLength SW = 0x6C00
	// SWUnknownINS: instruction not supported or invalid.
	SWUnknownINS SW = 0x6D00
	// SWUnknownCLA: class not supported.
	SWUnknownCLA SW = 0x6E00
	// SWNoDiagnosis: no precise diagnosis.
	SWNoDiagnosis SW = 0x6F00
)

var statusText = map[SW]string{
	SWOK:                     "success",
	SWWarning:                "warning",
	SWWarnCorrupted:          "part of the returned data may be corrupted",
	SWWarnEOF:                "end of file reached",
	SWWarnDeactivated:        "selected file deactivated",
	SWWarnBadFCI:             "file control information not formatted correctly",
	SWWarnTerminated:         "selected file in termination state",
	SWWarnNoSensor:           "no input from a sensor on the card",
	SWWarnChanged:            "warning, memory changed",
	SWWarnFileFull:           "file filled up by the last write",
	SWExecution:              "execution error",
	SWImmediateResponse:      "immediate response required by the card",
	SWChanged:                "execution error, memory changed",
	SWMemoryFailure:          "memory failure",
	SWSecurityIssue:          "security issue",
	SWWrongLength:            "wrong length",
	SWClassFunction:          "function of the class byte not supported",
	SWNoChannel:              "logical channel not supported",
	SWNoSM:                   "secure messaging not supported",
	SWLastExpected:           "last command of the chain expected",
	SWNoChaining:             "command chaining not supported",
	SWNotAllowed:             "command not allowed",
	SWIncompatibleFile:       "command incompatible with file structure",
	SWSecurityNotSatisfied:   "security status not satisfied",
	SWBlocked:                "authentication method blocked",
	SWReferenceNotUsable:     "reference data not usable",
	SWConditionsNotSatisfied: "conditions of use not satisfied",
	SWNoCurrentEF:            "command not allowed, no file selected",
	SWSMObjectMissing:        "secure messaging object missing",
	SWSMObjectWrong:          "secure messaging object incorrect",
	SWWrongParameters:        "wrong parameters",
	SWWrongData:              "incorrect parameters in the data field",
	SWFunctionNotSupported:   "function not supported",
	SWFileNotFound:           "file not found",
	SWRecordNotFound:         "record not found",
	SWNoSpace:                "not enough memory in the file",
	SWLcTLV:                  "length inconsistent with TLV structure",
	SWWrongP1P2:              "incorrect parameters P1-P2",
	SWLcP1P2:                 "length inconsistent with P1-P2",
	SWReferenceNotFound:      "referenced data not found",
	SWFileExists:             "file already exists",
	SWDFNameExists:           "DF name already exists",
	SWWrongOffset:            "wrong parameters, or offset outside the file",
	SWUnknownINS:             "instruction not supported",
	SWUnknownCLA:             "class not supported",
	SWNoDiagnosis:            "no precise diagnosis",
}

// classText explains a status by its first byte if the table above has no entry
// for it (IAS ECC 9.3, table 25).
var classText = map[byte]string{
	0x62: "warning, memory unchanged",
	0x63: "warning, memory changed",
	0x64: "execution error, memory unchanged",
	0x65: "execution error, memory changed",
	0x66: "security issue",
	0x68: "function of the class byte not supported",
	0x69: "command not allowed",
	0x6A: "wrong parameters",
}

// Error returns an English explanation followed by the number, as in
// "file not found (6A82)".
func (s SW) Error() string { return fmt.Sprintf("%s (%04X)", s.text(), uint16(s)) }

func (s SW) text() string {
	if t, ok := statusText[s]; ok {
		return t
	}
	if n, ok := s.Tries(); ok {
		return fmt.Sprintf("verification failed, tries left: %d", n)
	}
	if n, ok := s.Remaining(); ok {
		return fmt.Sprintf("response bytes waiting: %d", n)
	}
	if n, ok := s.ExactLength(); ok {
		return fmt.Sprintf("wrong Le, bytes available: %d", n)
	}
	if t, ok := classText[byte(s>>8)]; ok {
		return t
	}
	return "unknown status"
}

// Tries returns the counter of 63Cx, 0 to 15. ok is false for every other status.
func (s SW) Tries() (n int, ok bool) {
	if s&0xFFF0 != SWTries {
		return 0, false
	}
	return int(s & 0x0F), true
}

// Remaining returns the number of bytes that 61xx announces, 1 to 256; 256 means
// 256 or more. ok is false for every other status.
func (s SW) Remaining() (n int, ok bool) {
	if s&0xFF00 != SWMoreData {
		return 0, false
	}
	return shortNe(byte(s)), true
}

// ExactLength returns the Le that 6Cxx requests, 1 to 256. ok is false for every
// other status.
func (s SW) ExactLength() (n int, ok bool) {
	if s&0xFF00 != SWExactLength {
		return 0, false
	}
	return shortNe(byte(s)), true
}

// Error reports a command for which the card returned an unexpected status word.
// It unwraps to the SW, for tests such as errors.Is(err, SWFileNotFound).
type Error struct {
	INS byte
	SW  SW
}

// Error returns the name of the command and the explanation of the status.
func (e *Error) Error() string { return insName(e.INS) + ": " + e.SW.Error() }

// Unwrap returns the status word.
func (e *Error) Unwrap() error { return e.SW }

// insName returns the name of a command of IAS ECC 9.4 to 9.9, for messages.
func insName(ins byte) string {
	switch ins {
	case 0x20:
		return "VERIFY"
	case 0x22:
		return "MANAGE SECURITY ENVIRONMENT"
	case 0x24:
		return "CHANGE REFERENCE DATA"
	case 0x2A:
		return "PERFORM SECURITY OPERATION"
	case 0x2C:
		return "RESET RETRY COUNTER"
	case 0x82:
		return "EXTERNAL AUTHENTICATE"
	case 0x84:
		return "GET CHALLENGE"
	case 0x88:
		return "INTERNAL AUTHENTICATE"
	case 0xA4:
		return "SELECT"
	case 0xB0, 0xB1:
		return "READ BINARY"
	case 0xC0:
		return "GET RESPONSE"
	case 0xCA, 0xCB:
		return "GET DATA"
	case 0xD6, 0xD7:
		return "UPDATE BINARY"
	case 0xDA, 0xDB:
		return "PUT DATA"
	}
	return fmt.Sprintf("instruction %02X", ins)
}
