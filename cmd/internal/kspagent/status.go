package kspagent

import (
	"cie/card"
	"cie/pkcs11mod/ck"
)

// Status is a SECURITY_STATUS of Windows (winerror.h).
type Status uint32

// The status values that the agent returns.
const (
	statusOK           Status = 0
	nteBadLen          Status = 0x80090004
	nteNoMemory        Status = 0x8009000E
	nteBadKeyset       Status = 0x80090016
	nteFail            Status = 0x80090020
	nteSilentContext   Status = 0x80090022
	nteInvalidHandle   Status = 0x80090026
	nteInvalidParam    Status = 0x80090027
	nteNotSupported    Status = 0x80090029
	nteDeviceNotReady  Status = 0x80090030
	scardNoCard        Status = 0x8010000C
	scardNoService     Status = 0x8010001D
	scardUnsupported   Status = 0x8010001F
	scardNoReader      Status = 0x8010002E
	scardRemoved       Status = 0x80100069
	scardNotTrusted    Status = 0x8010006A
	scardPINBlocked    Status = 0x8010006C
	scardCancelled     Status = 0x8010006E
	scardWrongPIN      Status = 0x8010006B
	scardCommunication Status = 0x8010002F
)

// statuses are those of the kinds of errors; any other is nteDeviceNotReady.
var statuses = map[card.Kind]Status{
	card.KindNone:        statusOK,
	card.KindNotAccepted: scardNotTrusted,
	card.KindNotGenuine:  scardNotTrusted,
	card.KindPINBlocked:  scardPINBlocked,
	card.KindPUKBlocked:  scardPINBlocked,
	card.KindPINWrong:    scardWrongPIN,
	card.KindCanceled:    scardCancelled,
	card.KindDataTooLong: nteBadLen,
	card.KindUnsupported: nteNotSupported,
	card.KindNotCIE:      scardUnsupported,
	card.KindNoService:   scardNoService,
	card.KindNoReader:    scardNoReader,
	card.KindNoCard:      scardNoCard,
	card.KindRemoved:     scardRemoved,
	card.KindMute:        scardCommunication,
	card.KindTimeout:     scardCommunication,
}

func statusOf(err error) Status {
	if s, ok := statuses[card.Classify(err)]; ok {
		return s
	}
	return nteDeviceNotReady
}

// returnValues are the status values of the functions of the module.
var returnValues = map[ck.RV]Status{
	ck.CKR_OK:                statusOK,
	ck.CKR_DATA_LEN_RANGE:    nteBadLen,
	ck.CKR_DEVICE_REMOVED:    scardRemoved,
	ck.CKR_TOKEN_NOT_PRESENT: scardNoCard,
	ck.CKR_PIN_LOCKED:        scardPINBlocked,
	ck.CKR_PIN_INCORRECT:     scardWrongPIN,
	ck.CKR_FUNCTION_CANCELED: scardCancelled,
	ck.CKR_FUNCTION_REJECTED: scardNotTrusted,
	ck.CKR_HOST_MEMORY:       nteNoMemory,
}

func statusOfRV(rv ck.RV) Status {
	if s, ok := returnValues[rv]; ok {
		return s
	}
	return nteDeviceNotReady
}
