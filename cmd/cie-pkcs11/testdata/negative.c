/* negative MODULE PIN|- storm|calm: wrong calls to every function. Every one has
 * to return a defined code; AddressSanitizer watches this program, and the module
 * too where that is built so. With a PIN a card is in a reader. "calm" leaves out
 * the storm, in which the module is made to touch memory that is not there. */
#include <pthread.h>
#include <sys/mman.h>

#include "common.h"

static CK_FUNCTION_LIST *f;
static CK_FUNCTION_LIST_3_0 *f30;

/* Codes of v2.40 and v3.0 are below 0x210, with gaps. */
static int defined(CK_RV rv) { return rv <= 0x203; }

static uint32_t seed = 1;

static uint32_t next(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

/* Interfaces before anything else. */
static void interfaces(void *lib)
{
	CK_RV (*list)(CK_INTERFACE *, CK_ULONG *) = dlsym(lib, "C_GetInterfaceList");
	CK_RV (*get)(CK_UTF8CHAR *, CK_VERSION *, CK_INTERFACE **, CK_FLAGS) = dlsym(lib, "C_GetInterface");
	CK_INTERFACE two[2], *one;
	CK_VERSION v240 = {2, 40}, v9 = {9, 0};
	CK_ULONG n = 0;

	WANT(f->C_GetFunctionList(NULL), CKR_ARGUMENTS_BAD);
	WANT(list(NULL, NULL), CKR_ARGUMENTS_BAD);
	WANT(list(NULL, &n), CKR_OK);
	if (n != 2)
		FAIL("%lu interfaces", n);
	n = 1;
	WANT(list(two, &n), CKR_BUFFER_TOO_SMALL);
	WANT(list(two, &n), CKR_OK);
	WANT(get(NULL, NULL, NULL, 0), CKR_ARGUMENTS_BAD);
	WANT(get(NULL, NULL, &one, 0), CKR_OK);
	if (((CK_VERSION *)one->pFunctionList)->major != 3 || one->flags != 0)
		FAIL("the default interface is not 3.0");
	WANT(get((CK_UTF8CHAR *)"PKCS 11", &v240, &one, 0), CKR_OK);
	if (one->pFunctionList != f)
		FAIL("two lists for 2.40");
	WANT(get((CK_UTF8CHAR *)"PKCS 11", &v9, &one, 0), CKR_FUNCTION_FAILED);
	WANT(get((CK_UTF8CHAR *)"Vendor", NULL, &one, 0), CKR_FUNCTION_FAILED);
	WANT(get(NULL, NULL, &one, 1 /* fork safe */), CKR_FUNCTION_FAILED);
}

static void not_initialized(const char *when)
{
	int i, n;
	any *all = functions(f30, &n);
	static char junk[1 << 12];

	for (i = 0; i < n; i++) {
		uintptr_t j = (uintptr_t)junk;
		CK_RV a, b;

		if (i == INITIALIZE || i == GET_FUNCTION_LIST || i == GET_INTERFACE_LIST || i == GET_INTERFACE)
			continue;
		a = all[i](0, 0, 0, 0, 0, 0, 0, 0, 0);
		b = all[i](j, j, j, j, j, j, j, j, j);
		if (a != CKR_CRYPTOKI_NOT_INITIALIZED || b != CKR_CRYPTOKI_NOT_INITIALIZED)
			FAIL("function %d %s: 0x%lX and 0x%lX", i, when, a, b);
	}
}

static CK_RV mutex(void *p) { (void)p; return CKR_OK; }

static void initialize(void)
{
	CK_C_INITIALIZE_ARGS args = {0};
	CK_INFO info;

	args.pReserved = &args;
	WANT(f->C_Initialize(&args), CKR_ARGUMENTS_BAD);
	memset(&args, 0, sizeof args);
	args.LockMutex = (void *)mutex;
	WANT(f->C_Initialize(&args), CKR_ARGUMENTS_BAD);
	args.CreateMutex = args.DestroyMutex = args.UnlockMutex = (void *)mutex;
	WANT(f->C_Initialize(&args), CKR_OK);
	WANT(f->C_Initialize(&args), CKR_ALREADY_INITIALIZED);
	WANT(f->C_Initialize(NULL), CKR_ALREADY_INITIALIZED);
	WANT(f->C_GetInfo(&info), CKR_OK);
	if (info.cryptokiVersion.major != 2 || info.cryptokiVersion.minor != 40)
		FAIL("version %d.%d", info.cryptokiVersion.major, info.cryptokiVersion.minor);
	WANT(f30->C_GetInfo(&info), CKR_OK);
	if (info.cryptokiVersion.major != 3 || info.cryptokiVersion.minor != 0)
		FAIL("version %d.%d", info.cryptokiVersion.major, info.cryptokiVersion.minor);
	WANT(f30->C_GetInfo(NULL), CKR_ARGUMENTS_BAD);
	WANT(f->C_Finalize(&info), CKR_ARGUMENTS_BAD);
	WANT(f->C_Finalize(NULL), CKR_OK);
	memset(&args, 0, sizeof args);
	args.flags = 3; /* NSS: system's locks, no threads */
	WANT(f->C_Initialize(&args), CKR_OK);
}

/* Calls every function with combinations of wrong arguments: NULL, small numbers, valid
 * handles, huge counts, existing memory (full of zeros or of ones, or of templates whose
 * values are at small addresses), memory that does not exist, read-only memory. */
static void storm(CK_SLOT_ID slot, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, int rounds)
{
	int i, n, round;
	any *all = functions(f30, &n);
	char *zeros = calloc(1, 1 << 20), *ones = malloc(1 << 20);
	CK_ATTRIBUTE *small = calloc(4096, sizeof *small);
	char *nothing = mmap(NULL, 1 << 16, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *fixed = mmap(NULL, 1 << 16, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t values[] = {
		0, 1, 2, 3, 8, 100, 256, 4096, 65536, 0xFFFFFFFFu, (uintptr_t)1 << 40, ~(uintptr_t)0, ~(uintptr_t)0 >> 1,
		slot, session, session, session, object, object,
		(uintptr_t)zeros, (uintptr_t)zeros, (uintptr_t)ones, (uintptr_t)nothing, (uintptr_t)fixed, 16,
		(uintptr_t)small, (uintptr_t)small,
	};
	enum { VALUES = sizeof values / sizeof values[0] };

	for (i = 0; i < 4096; i++) {
		static const CK_ULONG types[] = {CKA_CLASS, CKA_VALUE, CKA_MODULUS};

		small[i].type = types[i % 3];
		small[i].pValue = (void *)(uintptr_t)i;
		small[i].ulValueLen = i % 5 ? sizeof(CK_ULONG) : 4096;
	}
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < n; i++) {
			uintptr_t a[9];
			int k;
			CK_RV rv;

			if (i == INITIALIZE || i == FINALIZE || i == GET_FUNCTION_LIST || i >= GET_INTERFACE_LIST)
				if (i <= GET_INTERFACE)
					continue;
			for (k = 0; k < 9; k++)
				a[k] = values[next() % VALUES];
			if (next() % 4)
				a[0] = session;
			if (i == WAIT_FOR_SLOT_EVENT)
				a[0] = CKF_DONT_BLOCK;
			memset(ones, 0xFF, 4096);
			memset(zeros, 0, 4096);
			rv = all[i](a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8]);
			if (!defined(rv))
				FAIL("function %d: 0x%lX", i, rv);
			/* The storm closes sessions, too. */
			if (f->C_GetSessionInfo(session, (CK_SESSION_INFO *)zeros) != CKR_OK && slot != 0) {
				f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
				values[14] = values[15] = values[16] = session;
			}
		}
	}
	free(zeros);
	free(ones);
	free(small);
	munmap(nothing, 1 << 16);
	munmap(fixed, 1 << 16);
	f->C_CloseAllSessions(slot);
}

/* Length queries and short buffers: nothing is written beyond them. The buffers come from
 * malloc, so that AddressSanitizer detects a single byte too much. */
static void buffers(CK_SLOT_ID slot, CK_SESSION_HANDLE s)
{
	CK_OBJECT_HANDLE cert = find(f, s, CKO_CERTIFICATE), key = find(f, s, CKO_PRIVATE_KEY);
	CK_OBJECT_HANDLE pub = find(f, s, CKO_PUBLIC_KEY);
	CK_MECHANISM sign = {CKM_SHA256_RSA_PKCS, NULL, 0}, digest = {CKM_SHA256, NULL, 0};
	CK_ULONG n, full, list;
	CK_BYTE data[] = "data";

	CK_ATTRIBUTE value = {CKA_VALUE, NULL, 0};
	WANT(f->C_GetAttributeValue(s, cert, &value, 1), CKR_OK);
	full = value.ulValueLen;
	for (n = 0; n <= full + 1; n += n < full - 2 ? full / 7 : 1) {
		CK_ATTRIBUTE a = {CKA_VALUE, malloc(n ? n : 1), n};

		WANT(f->C_GetAttributeValue(s, cert, &a, 1), n < full ? CKR_BUFFER_TOO_SMALL : CKR_OK);
		if (a.ulValueLen != (n < full ? ~0UL : full))
			FAIL("length %lu", a.ulValueLen);
		free(a.pValue);
	}

	MUST(f->C_SignInit(s, &sign, key));
	for (n = 0; n <= 256; n += 64) {
		CK_BYTE *sig = malloc(n ? n : 1);
		CK_ULONG len = n;

		WANT(f->C_Sign(s, data, sizeof data, sig, &len), n < 256 ? CKR_BUFFER_TOO_SMALL : CKR_OK);
		if (len != 256)
			FAIL("length %lu", len);
		if (n == 256) {
			MUST(f->C_VerifyInit(s, &sign, pub));
			WANT(f->C_Verify(s, data, sizeof data, sig, len), CKR_OK);
		}
		free(sig);
	}
	MUST(f->C_DigestInit(s, &digest));
	for (n = 0; n <= 32; n += 8) {
		CK_BYTE *out = malloc(n ? n : 1);
		CK_ULONG len = n;

		WANT(f->C_Digest(s, data, sizeof data, out, &len), n < 32 ? CKR_BUFFER_TOO_SMALL : CKR_OK);
		if (len != 32)
			FAIL("length %lu", len);
		free(out);
	}
	MUST(f->C_GetMechanismList(slot, NULL, &list));
	for (n = 0; n <= list; n++) {
		CK_MECHANISM_TYPE *types = malloc(n ? n * sizeof *types : 1);
		CK_ULONG len = n;

		WANT(f->C_GetMechanismList(slot, types, &len), n < list ? CKR_BUFFER_TOO_SMALL : CKR_OK);
		free(types);
	}
	for (n = 1; n <= 4; n++) {
		CK_OBJECT_HANDLE *found = malloc(n * sizeof *found);
		CK_ULONG len;

		MUST(f->C_FindObjectsInit(s, NULL, 0));
		WANT(f->C_FindObjects(s, found, n, &len), CKR_OK);
		if (len > n)
			FAIL("%lu objects in %lu places", len, n);
		MUST(f->C_FindObjectsFinal(s));
		free(found);
	}
	{
	/* An impossible count, and one that is merely large: each attribute is processed, and
	 * the unknown one does not hide the others. */
		CK_ULONG many = 20000, i;
		CK_ATTRIBUTE *t = calloc(many, sizeof *t);

		for (i = 0; i < many; i++)
			t[i].type = CKA_VALUE;
		WANT(f->C_GetAttributeValue(s, cert, t, many), CKR_OK);
		for (i = 0; i < many; i++)
			if (t[i].ulValueLen != full)
				FAIL("attribute %lu has length %lu", i, t[i].ulValueLen);
		t[100].type = 0x7FFFFFFF;
		memset(&t[many - 1].ulValueLen, 0, sizeof t->ulValueLen);
		WANT(f->C_GetAttributeValue(s, cert, t, many), CKR_ATTRIBUTE_TYPE_INVALID);
		if (t[100].ulValueLen != ~0UL || t[many - 1].ulValueLen != full)
			FAIL("lengths %lu and %lu", t[100].ulValueLen, t[many - 1].ulValueLen);
		WANT(f->C_GetAttributeValue(s, cert, t, ~0UL), CKR_ARGUMENTS_BAD);
		WANT(f->C_FindObjectsInit(s, t, 5000), CKR_ARGUMENTS_BAD);
		t[100].type = CKA_VALUE;
		WANT(f->C_FindObjectsInit(s, t, ~0UL), CKR_ARGUMENTS_BAD);
		WANT(f->C_GetAttributeValue(s, cert, t, 1000), CKR_OK);
		free(t);
	}
	{
	/* Structures have the sizes of C. */
		CK_TOKEN_INFO *t = malloc(sizeof *t);
		CK_SLOT_INFO *i = malloc(sizeof *i);
		CK_SESSION_INFO *si = malloc(sizeof *si);
		CK_MECHANISM_INFO *mi = malloc(sizeof *mi);

		MUST(f->C_GetTokenInfo(slot, t));
		if (t->ulMaxPinLen != 8 || t->ulMinPinLen != 8 || memcmp(t->label, "CIE ", 4) != 0 || t->label[8] != ' ' || t->hardwareVersion.major != 3)
			FAIL("token information");
		MUST(f->C_GetSlotInfo(slot, i));
		if ((i->flags & 7) != 7)
			FAIL("slot flags 0x%lX", i->flags);
		MUST(f->C_GetSessionInfo(s, si));
		if (si->slotID != slot || si->state != 3 || si->flags != 6)
			FAIL("session information");
		MUST(f->C_GetMechanismInfo(slot, CKM_RSA_PKCS, mi));
		if (mi->ulMinKeySize != 2048 || mi->ulMaxKeySize != 2048)
			FAIL("mechanism information");
		free(t);
		free(i);
		free(si);
		free(mi);
	}
}

static CK_ULONG waited_slot;

static void *wait_for_event(void *arg)
{
	(void)arg;
	return (void *)f->C_WaitForSlotEvent(0, &waited_slot, NULL);
}

int main(int argc, char **argv)
{
	void *lib = open_library(argv[1]);
	CK_UTF8CHAR *pin = (CK_UTF8CHAR *)(strcmp(argv[2], "-") != 0 ? argv[2] : NULL);
	int calm = strcmp(argv[3], "calm") == 0;
	CK_SESSION_HANDLE s = 0x1234;
	CK_SLOT_ID slot = 0;
	CK_ULONG n = 0;
	pthread_t waiter;
	void *rv;

	(void)argc;
	f = function_list(lib);
	f30 = function_list_30(lib);
	interfaces(lib);
	not_initialized("before C_Initialize");
	initialize();
	if (pin != NULL) {
		slot = token_slot(f);
		MUST(f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
		WANT(f->C_Login(s, CKU_USER, pin, 4), 0xA2 /* CKR_PIN_LEN_RANGE */);
		WANT(f->C_Login(s, CKU_USER, pin, ~0UL), CKR_ARGUMENTS_BAD);
		WANT(f->C_Login(s, CKU_USER, NULL, 8), CKR_ARGUMENTS_BAD);
		MUST(f->C_Login(s, CKU_USER, pin, 8));
		buffers(slot, s);
		if (!calm)
			storm(slot, s, find(f, s, CKO_PRIVATE_KEY), 400);
	} else {
		MUST(f->C_GetSlotList(0, NULL, &n));
		if (n != 0)
			FAIL("%lu slots without a service", n);
		if (!calm)
			storm(slot, s, 1, 100);
	}
	pthread_create(&waiter, NULL, wait_for_event, NULL);
	usleep(50 * 1000);
	WANT(f->C_Finalize(NULL), CKR_OK);
	pthread_join(waiter, &rv);
	if ((CK_RV)rv != CKR_CRYPTOKI_NOT_INITIALIZED && (CK_RV)rv != CKR_OK)
		FAIL("C_WaitForSlotEvent: 0x%lX", (CK_RV)rv);
	WANT(f->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	not_initialized("after C_Finalize");
	MUST(f->C_Initialize(NULL));
	if (pin != NULL) {
		/* The storm was no login and spent no try. */
		slot = token_slot(f);
		MUST(f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s));
		MUST(f->C_Login(s, CKU_USER, pin, 8));
	}
	MUST(f->C_Finalize(NULL));
	dlclose(lib);
	return failures ? 1 : 0;
}
