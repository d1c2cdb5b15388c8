/* What the programs use of the PC/SC framework of macOS, for the compile check
 * on another system (../../check). On a Mac the header of the framework is
 * used. Numbers have 32 bits there, and structures are packed. */
#ifndef CIE_WINSCARD_H
#define CIE_WINSCARD_H

#include <PCSC/wintypes.h>

#define PCSCLITE_VERSION_NUMBER "macOS"
#define MAX_ATR_SIZE 33

typedef int32_t SCARDCONTEXT, SCARDHANDLE;

#pragma pack(1)
typedef struct {
	const char *szReader;
	void *pvUserData;
	uint32_t dwCurrentState, dwEventState, cbAtr;
	unsigned char rgbAtr[MAX_ATR_SIZE];
} SCARD_READERSTATE_A, *LPSCARD_READERSTATE_A;

typedef struct {
	uint32_t dwProtocol, cbPciLength;
} SCARD_IO_REQUEST;
#pragma pack()

const char *pcsc_stringify_error(const int32_t error);
int32_t SCardEstablishContext(uint32_t scope, const void *, const void *, SCARDCONTEXT *);
int32_t SCardReleaseContext(SCARDCONTEXT);
int32_t SCardIsValidContext(SCARDCONTEXT);
int32_t SCardCancel(SCARDCONTEXT);
int32_t SCardListReaders(SCARDCONTEXT, LPCSTR groups, LPSTR readers, uint32_t *length);
int32_t SCardListReaderGroups(SCARDCONTEXT, LPSTR groups, uint32_t *length);
int32_t SCardGetStatusChange(SCARDCONTEXT, uint32_t timeout, LPSCARD_READERSTATE_A, uint32_t count);
int32_t SCardConnect(SCARDCONTEXT, LPCSTR reader, uint32_t mode, uint32_t protocols, SCARDHANDLE *, uint32_t *protocol);
int32_t SCardReconnect(SCARDHANDLE, uint32_t mode, uint32_t protocols, uint32_t initialization, uint32_t *protocol);
int32_t SCardDisconnect(SCARDHANDLE, uint32_t disposition);
int32_t SCardBeginTransaction(SCARDHANDLE);
int32_t SCardEndTransaction(SCARDHANDLE, uint32_t disposition);
int32_t SCardStatus(SCARDHANDLE, LPSTR reader, uint32_t *length, uint32_t *state, uint32_t *protocol, unsigned char *atr, uint32_t *atrLength);
int32_t SCardTransmit(SCARDHANDLE, const SCARD_IO_REQUEST *, const unsigned char *command, uint32_t length, SCARD_IO_REQUEST *, unsigned char *response,
	uint32_t *responseLength);
int32_t SCardControl(SCARDHANDLE, uint32_t code, const void *in, uint32_t inLength, void *out, uint32_t outLength, uint32_t *returned);
int32_t SCardGetAttrib(SCARDHANDLE, uint32_t id, uint8_t *value, uint32_t *length);
int32_t SCardSetAttrib(SCARDHANDLE, uint32_t id, const uint8_t *value, uint32_t length);

#endif
