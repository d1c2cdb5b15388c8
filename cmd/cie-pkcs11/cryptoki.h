/* The C side of Cryptoki (PKCS #11 v2.40 and v3.0), as far as the module needs
 * it: numbers and layouts are those of the standard. Structures are packed to
 * one byte on Windows and aligned naturally everywhere else (2.1). */
#ifndef CIE_CRYPTOKI_H
#define CIE_CRYPTOKI_H

#ifdef _WIN32
#pragma pack(push, cryptoki, 1)
#endif

typedef unsigned char CK_BYTE;
typedef CK_BYTE CK_CHAR;
typedef CK_BYTE CK_UTF8CHAR;
typedef CK_BYTE CK_BBOOL;
typedef unsigned long CK_ULONG;
typedef CK_ULONG CK_RV;
typedef CK_ULONG CK_FLAGS;
typedef CK_ULONG CK_SLOT_ID;
typedef CK_ULONG CK_SESSION_HANDLE;
typedef CK_ULONG CK_OBJECT_HANDLE;
typedef CK_ULONG CK_USER_TYPE;
typedef CK_ULONG CK_MECHANISM_TYPE;
typedef CK_ULONG CK_ATTRIBUTE_TYPE;

#define CKR_OK 0x00UL
#define CKR_FUNCTION_FAILED 0x06UL
#define CKR_ARGUMENTS_BAD 0x07UL
#define CKR_BUFFER_TOO_SMALL 0x150UL
#define CKR_CRYPTOKI_NOT_INITIALIZED 0x190UL

typedef struct CK_VERSION {
	CK_BYTE major;
	CK_BYTE minor;
} CK_VERSION;

typedef struct CK_INFO {
	CK_VERSION cryptokiVersion;
	CK_UTF8CHAR manufacturerID[32];
	CK_FLAGS flags;
	CK_UTF8CHAR libraryDescription[32];
	CK_VERSION libraryVersion;
} CK_INFO;

typedef struct CK_SLOT_INFO {
	CK_UTF8CHAR slotDescription[64];
	CK_UTF8CHAR manufacturerID[32];
	CK_FLAGS flags;
	CK_VERSION hardwareVersion;
	CK_VERSION firmwareVersion;
} CK_SLOT_INFO;

typedef struct CK_TOKEN_INFO {
	CK_UTF8CHAR label[32];
	CK_UTF8CHAR manufacturerID[32];
	CK_UTF8CHAR model[16];
	CK_CHAR serialNumber[16];
	CK_FLAGS flags;
	CK_ULONG ulMaxSessionCount;
	CK_ULONG ulSessionCount;
	CK_ULONG ulMaxRwSessionCount;
	CK_ULONG ulRwSessionCount;
	CK_ULONG ulMaxPinLen;
	CK_ULONG ulMinPinLen;
	CK_ULONG ulTotalPublicMemory;
	CK_ULONG ulFreePublicMemory;
	CK_ULONG ulTotalPrivateMemory;
	CK_ULONG ulFreePrivateMemory;
	CK_VERSION hardwareVersion;
	CK_VERSION firmwareVersion;
	CK_CHAR utcTime[16];
} CK_TOKEN_INFO;

typedef struct CK_SESSION_INFO {
	CK_SLOT_ID slotID;
	CK_ULONG state;
	CK_FLAGS flags;
	CK_ULONG ulDeviceError;
} CK_SESSION_INFO;

typedef struct CK_ATTRIBUTE {
	CK_ATTRIBUTE_TYPE type;
	void *pValue;
	CK_ULONG ulValueLen;
} CK_ATTRIBUTE;

typedef struct CK_MECHANISM {
	CK_MECHANISM_TYPE mechanism;
	void *pParameter;
	CK_ULONG ulParameterLen;
} CK_MECHANISM;

typedef struct CK_MECHANISM_INFO {
	CK_ULONG ulMinKeySize;
	CK_ULONG ulMaxKeySize;
	CK_FLAGS flags;
} CK_MECHANISM_INFO;

typedef struct CK_C_INITIALIZE_ARGS {
	void *CreateMutex;
	void *DestroyMutex;
	void *LockMutex;
	void *UnlockMutex;
	CK_FLAGS flags;
	void *pReserved;
} CK_C_INITIALIZE_ARGS;

typedef struct CK_INTERFACE {
	CK_CHAR *pInterfaceName;
	void *pFunctionList;
	CK_FLAGS flags;
} CK_INTERFACE;

typedef CK_RV (*CK_NOTIFY)(CK_SESSION_HANDLE session, CK_ULONG event, void *application);

/* Every function of v2.40 but C_GetFunctionList, in the order of the function
 * list up to it and after it: as F(name, parameters, arguments) those that Go
 * answers, with pointers as P(pointer); as I(name, parameters) initialisations for which the chip has no
 * mechanism, as N the functions that would follow these, as U those that the
 * module does not have. */
#define CRYPTOKI_FIRST(F) \
	F(Initialize, (void *args), (P(args))) \
	F(Finalize, (void *reserved), (P(reserved))) \
	F(GetInfo, (CK_INFO *info), (P(info)))

#define CRYPTOKI_REST(F, I, N, U) \
	F(GetSlotList, (CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count), (present, P(list), P(count))) \
	F(GetSlotInfo, (CK_SLOT_ID slot, CK_SLOT_INFO *info), (slot, P(info))) \
	F(GetTokenInfo, (CK_SLOT_ID slot, CK_TOKEN_INFO *info), (slot, P(info))) \
	F(GetMechanismList, (CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count), (slot, P(list), P(count))) \
	F(GetMechanismInfo, (CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info), (slot, type, P(info))) \
	F(InitToken, (CK_SLOT_ID slot, CK_UTF8CHAR *pin, CK_ULONG n, CK_UTF8CHAR *label), (slot, P(pin), n, P(label))) \
	F(InitPIN, (CK_SESSION_HANDLE s, CK_UTF8CHAR *pin, CK_ULONG n), (s, P(pin), n)) \
	F(SetPIN, (CK_SESSION_HANDLE s, CK_UTF8CHAR *old, CK_ULONG oldLen, CK_UTF8CHAR *pin, CK_ULONG n), (s, P(old), oldLen, P(pin), n)) \
	F(OpenSession, (CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *s), (slot, flags, P(application), notify, P(s))) \
	F(CloseSession, (CK_SESSION_HANDLE s), (s)) \
	F(CloseAllSessions, (CK_SLOT_ID slot), (slot)) \
	F(GetSessionInfo, (CK_SESSION_HANDLE s, CK_SESSION_INFO *info), (s, P(info))) \
	U(GetOperationState, (CK_SESSION_HANDLE s, CK_BYTE *state, CK_ULONG *n)) \
	U(SetOperationState, (CK_SESSION_HANDLE s, CK_BYTE *state, CK_ULONG n, CK_OBJECT_HANDLE ek, CK_OBJECT_HANDLE ak)) \
	F(Login, (CK_SESSION_HANDLE s, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG n), (s, user, P(pin), n)) \
	F(Logout, (CK_SESSION_HANDLE s), (s)) \
	F(CreateObject, (CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *o), (s, P(t), n, P(o))) \
	F(CopyObject, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *copy), (s, o, P(t), n, P(copy))) \
	F(DestroyObject, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o), (s, o)) \
	F(GetObjectSize, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ULONG *size), (s, o, P(size))) \
	F(GetAttributeValue, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, CK_ULONG n), (s, o, P(t), n)) \
	F(SetAttributeValue, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, CK_ULONG n), (s, o, P(t), n)) \
	F(FindObjectsInit, (CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, CK_ULONG n), (s, P(t), n)) \
	F(FindObjects, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *o, CK_ULONG max, CK_ULONG *n), (s, P(o), max, P(n))) \
	F(FindObjectsFinal, (CK_SESSION_HANDLE s), (s)) \
	I(EncryptInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE k)) \
	N(Encrypt, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *outLen)) \
	N(EncryptUpdate, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *outLen)) \
	N(EncryptFinal, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG *outLen)) \
	I(DecryptInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE k)) \
	N(Decrypt, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *outLen)) \
	N(DecryptUpdate, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *outLen)) \
	N(DecryptFinal, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG *outLen)) \
	F(DigestInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m), (s, P(m))) \
	F(Digest, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *outLen), (s, P(in), n, P(out), P(outLen))) \
	F(DigestUpdate, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n), (s, P(in), n)) \
	F(DigestKey, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE k), (s, k)) \
	F(DigestFinal, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG *outLen), (s, P(out), P(outLen))) \
	F(SignInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE k), (s, P(m), k)) \
	F(Sign, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *outLen), (s, P(in), n, P(out), P(outLen))) \
	F(SignUpdate, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n), (s, P(in), n)) \
	F(SignFinal, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG *outLen), (s, P(out), P(outLen))) \
	U(SignRecoverInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE k)) \
	U(SignRecover, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *outLen)) \
	F(VerifyInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE k), (s, P(m), k)) \
	F(Verify, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *sig, CK_ULONG sigLen), (s, P(in), n, P(sig), sigLen)) \
	F(VerifyUpdate, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n), (s, P(in), n)) \
	F(VerifyFinal, (CK_SESSION_HANDLE s, CK_BYTE *sig, CK_ULONG sigLen), (s, P(sig), sigLen)) \
	U(VerifyRecoverInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE k)) \
	U(VerifyRecover, (CK_SESSION_HANDLE s, CK_BYTE *sig, CK_ULONG sigLen, CK_BYTE *out, CK_ULONG *outLen)) \
	U(DigestEncryptUpdate, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *outLen)) \
	U(DecryptDigestUpdate, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *outLen)) \
	U(SignEncryptUpdate, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *outLen)) \
	U(DecryptVerifyUpdate, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *outLen)) \
	F(GenerateKey, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *k), (s, P(m), P(t), n, P(k))) \
	F(GenerateKeyPair, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ATTRIBUTE *pub, CK_ULONG pubLen, CK_ATTRIBUTE *priv, CK_ULONG privLen, CK_OBJECT_HANDLE *pubKey, CK_OBJECT_HANDLE *privKey), (s, P(m), P(pub), pubLen, P(priv), privLen, P(pubKey), P(privKey))) \
	U(WrapKey, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE wk, CK_OBJECT_HANDLE k, CK_BYTE *out, CK_ULONG *outLen)) \
	U(UnwrapKey, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE uk, CK_BYTE *in, CK_ULONG inLen, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *k)) \
	U(DeriveKey, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE bk, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *k)) \
	F(SeedRandom, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n), (s, P(in), n)) \
	F(GenerateRandom, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG n), (s, P(out), n)) \
	F(GetFunctionStatus, (CK_SESSION_HANDLE s), (s)) \
	F(CancelFunction, (CK_SESSION_HANDLE s), (s)) \
	F(WaitForSlotEvent, (CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved), (flags, P(slot), P(reserved)))

/* What v3.0 adds after C_GetInterfaceList and C_GetInterface. */
#define CRYPTOKI_30(F) \
	F(LoginUser, (CK_SESSION_HANDLE s, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG n, CK_UTF8CHAR *name, CK_ULONG nameLen), (s, user, P(pin), n, P(name), nameLen)) \
	F(SessionCancel, (CK_SESSION_HANDLE s, CK_FLAGS flags), (s, flags))

/* The message functions of v3.0, which the module does not have. */
#define CRYPTOKI_30_MESSAGES(U) \
	U(MessageEncryptInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE k)) \
	U(EncryptMessage, (CK_SESSION_HANDLE s, void *p, CK_ULONG np, CK_BYTE *ad, CK_ULONG nad, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *outLen)) \
	U(EncryptMessageBegin, (CK_SESSION_HANDLE s, void *p, CK_ULONG np, CK_BYTE *ad, CK_ULONG nad)) \
	U(EncryptMessageNext, (CK_SESSION_HANDLE s, void *p, CK_ULONG np, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *outLen, CK_FLAGS flags)) \
	U(MessageEncryptFinal, (CK_SESSION_HANDLE s)) \
	U(MessageDecryptInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE k)) \
	U(DecryptMessage, (CK_SESSION_HANDLE s, void *p, CK_ULONG np, CK_BYTE *ad, CK_ULONG nad, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *outLen)) \
	U(DecryptMessageBegin, (CK_SESSION_HANDLE s, void *p, CK_ULONG np, CK_BYTE *ad, CK_ULONG nad)) \
	U(DecryptMessageNext, (CK_SESSION_HANDLE s, void *p, CK_ULONG np, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *outLen, CK_FLAGS flags)) \
	U(MessageDecryptFinal, (CK_SESSION_HANDLE s)) \
	U(MessageSignInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE k)) \
	U(SignMessage, (CK_SESSION_HANDLE s, void *p, CK_ULONG np, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *outLen)) \
	U(SignMessageBegin, (CK_SESSION_HANDLE s, void *p, CK_ULONG np)) \
	U(SignMessageNext, (CK_SESSION_HANDLE s, void *p, CK_ULONG np, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *outLen)) \
	U(MessageSignFinal, (CK_SESSION_HANDLE s)) \
	U(MessageVerifyInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE k)) \
	U(VerifyMessage, (CK_SESSION_HANDLE s, void *p, CK_ULONG np, CK_BYTE *in, CK_ULONG n, CK_BYTE *sig, CK_ULONG nsig)) \
	U(VerifyMessageBegin, (CK_SESSION_HANDLE s, void *p, CK_ULONG np)) \
	U(VerifyMessageNext, (CK_SESSION_HANDLE s, void *p, CK_ULONG np, CK_BYTE *in, CK_ULONG n, CK_BYTE *sig, CK_ULONG nsig)) \
	U(MessageVerifyFinal, (CK_SESSION_HANDLE s))

/* The function lists. */
#define CRYPTOKI_MEMBER(name, params, args) CK_RV (*C_##name) params;
#define CRYPTOKI_MEMBER2(name, params) CK_RV (*C_##name) params;

typedef struct CK_FUNCTION_LIST CK_FUNCTION_LIST;
struct CK_FUNCTION_LIST {
	CK_VERSION version;
	CRYPTOKI_FIRST(CRYPTOKI_MEMBER)
	CK_RV (*C_GetFunctionList)(CK_FUNCTION_LIST **list);
	CRYPTOKI_REST(CRYPTOKI_MEMBER, CRYPTOKI_MEMBER2, CRYPTOKI_MEMBER2, CRYPTOKI_MEMBER2)
};

typedef struct CK_FUNCTION_LIST_3_0 {
	CK_VERSION version;
	CRYPTOKI_FIRST(CRYPTOKI_MEMBER)
	CK_RV (*C_GetFunctionList)(CK_FUNCTION_LIST **list);
	CRYPTOKI_REST(CRYPTOKI_MEMBER, CRYPTOKI_MEMBER2, CRYPTOKI_MEMBER2, CRYPTOKI_MEMBER2)
	CK_RV (*C_GetInterfaceList)(CK_INTERFACE *list, CK_ULONG *count);
	CK_RV (*C_GetInterface)(CK_UTF8CHAR *name, CK_VERSION *version, CK_INTERFACE **found, CK_FLAGS flags);
	CRYPTOKI_30(CRYPTOKI_MEMBER)
	CRYPTOKI_30_MESSAGES(CRYPTOKI_MEMBER2)
} CK_FUNCTION_LIST_3_0;

#ifdef _WIN32
#pragma pack(pop, cryptoki)
#endif

#endif
