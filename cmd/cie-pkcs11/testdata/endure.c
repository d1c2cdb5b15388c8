/* endure MODULE PIN NUMBER: a program that signs until its standard input ends, and goes on after
 * every error: the card may be removed, the service may restart. It writes each signature to
 * standard output as 16 bytes of data and 256 bytes of signature. The last line on
 * standard error contains the numbers of signatures and errors and the longest time
 * without a signature in ms, while the program waited for the card. */
#include <poll.h>
#include <time.h>

#include "common.h"

#define CKR_PIN_INCORRECT 0xA0UL
#define CKR_PIN_LOCKED 0xA4UL

static CK_FUNCTION_LIST *f;
static CK_UTF8CHAR *pin;
static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE key;

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static int ended(void)
{
	struct pollfd p = {0, POLLIN, 0};

	return poll(&p, 1, 0) > 0;
}

/* Finds the card, logs in and finds the key. */
static CK_RV begin(void)
{
	CK_ULONG class = CKO_PRIVATE_KEY, n = 16;
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}};
	CK_SLOT_ID slots[16];
	CK_RV rv;

	if (session != 0)
		f->C_CloseSession(session);
	session = 0;
	if ((rv = f->C_GetSlotList(1, slots, &n)) != CKR_OK)
		return rv;
	if (n == 0)
		return CKR_GENERAL_ERROR;
	if ((rv = f->C_OpenSession(slots[0], CKF_SERIAL_SESSION, NULL, NULL, &session)) != CKR_OK)
		return rv;
	rv = f->C_Login(session, CKU_USER, pin, 8);
	if (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED) {
		fprintf(stderr, "the right PIN is refused: 0x%lX\n", rv);
		exit(3);
	}
	if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
		return rv;
	if ((rv = f->C_FindObjectsInit(session, template, 1)) != CKR_OK)
		return rv;
	rv = f->C_FindObjects(session, &key, 1, &n);
	f->C_FindObjectsFinal(session);
	return rv == CKR_OK && n != 1 ? CKR_GENERAL_ERROR : rv;
}

int main(int argc, char **argv)
{
	CK_MECHANISM m = {CKM_SHA256_RSA_PKCS, NULL, 0};
	unsigned long signatures = 0, errors = 0;
	long long last, longest = 0;
	uint32_t number;

	if (argc != 4)
		return 2;
	pin = (CK_UTF8CHAR *)argv[2];
	number = (uint32_t)atoi(argv[3]);
	f = function_list(open_library(argv[1]));
	MUST(f->C_Initialize(NULL));
	for (last = now(); !ended();) {
		CK_BYTE record[16 + 256] = {0};
		CK_ULONG n = 256;
		CK_RV rv = CKR_OK;

		memcpy(record, &number, 4);
		memcpy(record + 8, &signatures, 8);
		if (session == 0)
			rv = begin();
		if (rv == CKR_OK)
			rv = f->C_SignInit(session, &m, key);
		if (rv == CKR_OK)
			rv = f->C_Sign(session, record, 16, record + 16, &n);
		if (now() - last > longest)
			longest = now() - last;
		if (rv != CKR_OK) {
			errors++;
			if (session != 0)
				f->C_CloseSession(session);
			session = 0;
			usleep(200 * 1000);
			continue;
		}
		last = now();
		if (n != 256 || fwrite(record, sizeof record, 1, stdout) != 1)
			return 4;
		fflush(stdout);
		signatures++;
		usleep(20 * 1000);
	}
	fprintf(stderr, "%lu %lu %lld\n", signatures, errors, longest);
	MUST(f->C_Finalize(NULL));
	return 0;
}
