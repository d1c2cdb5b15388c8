/* The interface between Windows and a key storage provider, and between the two halves of
 * this one. mingw-w64 has no ncrypt_provider.h, so the table of functions is declared here. */
#ifndef KSP_H
#define KSP_H

#define WIN32_LEAN_AND_MEAN
#define _WIN32_WINNT 0x0A00
#define UNICODE
#include <windows.h>
#include <bcrypt.h>
#include <ncrypt.h>
#include <wincrypt.h>

/* The names of gui/text and installer are the same. */
#define PROVIDER_NAME L"CIE Key Storage Provider"
#define REGISTRY_KEY L"SOFTWARE\\CIE\\KeyStorageProvider"
#define REGISTRY_AGENT L"Agent"

typedef SECURITY_STATUS STATUS;
typedef NCRYPT_PROV_HANDLE PROV;
typedef NCRYPT_KEY_HANDLE KEY;

/* NCRYPT_KEY_STORAGE_FUNCTION_TABLE, version 1. */
struct table {
	BCRYPT_INTERFACE_VERSION Version;
	STATUS(WINAPI *OpenProvider)(PROV *, LPCWSTR, DWORD);
	STATUS(WINAPI *OpenKey)(PROV, KEY *, LPCWSTR, DWORD, DWORD);
	STATUS(WINAPI *CreatePersistedKey)(PROV, KEY *, LPCWSTR, LPCWSTR, DWORD, DWORD);
	STATUS(WINAPI *GetProviderProperty)(PROV, LPCWSTR, PBYTE, DWORD, DWORD *, DWORD);
	STATUS(WINAPI *GetKeyProperty)(PROV, KEY, LPCWSTR, PBYTE, DWORD, DWORD *, DWORD);
	STATUS(WINAPI *SetProviderProperty)(PROV, LPCWSTR, PBYTE, DWORD, DWORD);
	STATUS(WINAPI *SetKeyProperty)(PROV, KEY, LPCWSTR, PBYTE, DWORD, DWORD);
	STATUS(WINAPI *FinalizeKey)(PROV, KEY, DWORD);
	STATUS(WINAPI *DeleteKey)(PROV, KEY, DWORD);
	STATUS(WINAPI *FreeProvider)(PROV);
	STATUS(WINAPI *FreeKey)(PROV, KEY);
	STATUS(WINAPI *FreeBuffer)(PVOID);
	STATUS(WINAPI *Encrypt)(PROV, KEY, PBYTE, DWORD, VOID *, PBYTE, DWORD, DWORD *, DWORD);
	STATUS(WINAPI *Decrypt)(PROV, KEY, PBYTE, DWORD, VOID *, PBYTE, DWORD, DWORD *, DWORD);
	STATUS(WINAPI *IsAlgSupported)(PROV, LPCWSTR, DWORD);
	STATUS(WINAPI *EnumAlgorithms)(PROV, DWORD, DWORD *, NCryptAlgorithmName **, DWORD);
	STATUS(WINAPI *EnumKeys)(PROV, LPCWSTR, NCryptKeyName **, PVOID *, DWORD);
	STATUS(WINAPI *ImportKey)(PROV, KEY, LPCWSTR, NCryptBufferDesc *, KEY *, PBYTE, DWORD, DWORD);
	STATUS(WINAPI *ExportKey)(PROV, KEY, KEY, LPCWSTR, NCryptBufferDesc *, PBYTE, DWORD, DWORD *, DWORD);
	STATUS(WINAPI *SignHash)(PROV, KEY, VOID *, PBYTE, DWORD, PBYTE, DWORD, DWORD *, DWORD);
	STATUS(WINAPI *VerifySignature)(PROV, KEY, VOID *, PBYTE, DWORD, PBYTE, DWORD, DWORD);
	STATUS(WINAPI *PromptUser)(PROV, KEY, LPCWSTR, DWORD);
	STATUS(WINAPI *NotifyChangeKey)(PROV, HANDLE *, DWORD);
	STATUS(WINAPI *SecretAgreement)(PROV, KEY, KEY, NCRYPT_SECRET_HANDLE *, DWORD);
	STATUS(WINAPI *DeriveKey)(PROV, NCRYPT_SECRET_HANDLE, LPCWSTR, NCryptBufferDesc *, PBYTE, DWORD, DWORD *, ULONG);
	STATUS(WINAPI *FreeSecret)(PROV, NCRYPT_SECRET_HANDLE);
};

#define LAYOUT(type, size) _Static_assert(sizeof(type) == (size), #type)

LAYOUT(void *, 8);
LAYOUT(PROV, 8);
LAYOUT(KEY, 8);
LAYOUT(STATUS, 4);
LAYOUT(BCRYPT_INTERFACE_VERSION, 4);
LAYOUT(struct table, 8 + 26 * 8);
LAYOUT(NCryptAlgorithmName, 24);
LAYOUT(NCryptKeyName, 24);
LAYOUT(NCRYPT_SUPPORTED_LENGTHS, 16);
LAYOUT(BCRYPT_PKCS1_PADDING_INFO, 8);
LAYOUT(BCRYPT_RSAKEY_BLOB, 24);
LAYOUT(CRYPT_KEY_PROV_INFO, 48);
_Static_assert(offsetof(struct table, OpenProvider) == 8 && offsetof(struct table, FreeSecret) == 8 + 25 * 8, "order");

/* Limits of the protocol (cmd/internal/kspagent). */
#define MAX_FRAME 1024
#define MAX_CONTAINER 64
#define MAX_MODULUS 512
#define MAX_READER 128
#define MAX_SIGN 102 /* bytes that the chip signs */

/* What open returns. */
struct public_key {
	ULONG number;   /* of the key in the agent */
	ULONG exponent;
	DWORD size;     /* of the modulus */
	BYTE modulus[MAX_MODULUS];
	WCHAR reader[MAX_READER + 1]; /* empty: the card is in none */
};

/* agent.c. An agent is counted: agent_get starts the one of this process if there is none,
 * agent_put ends it with the last user. */
struct agent;

STATUS agent_get(struct agent **agent);
void agent_hold(struct agent *agent);
void agent_put(struct agent *agent);
BOOL agent_lost(struct agent *agent);
STATUS agent_open(struct agent *agent, const char *container, struct public_key *key);
STATUS agent_sign(struct agent *agent, const volatile LONG *cancelled, const struct public_key *key, HWND window, BOOL silent,
                  BYTE hash, const BYTE *data, DWORD size, BYTE *signature);
/* Cancels the signatures of agent_sign with this flag, which is set before. One that was not
 * sent yet is not sent any more. */
void agent_cancel(struct agent *agent, const volatile LONG *cancelled);
void agent_close(struct agent *agent, ULONG number);
/* At the end of the library. */
void agent_drop(void);

void *take_memory(SIZE_T size);
void free_memory(void *p);

#endif
