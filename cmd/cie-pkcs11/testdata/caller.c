/* caller MODULE PIN: a long-running program that reads a request from each line and prints
 * an answer: "CODE what". */
#include "common.h"

static CK_FUNCTION_LIST *f;
static const char *what;

#define TRY(name, call) \
	do { \
		what = name; \
		if ((rv = (call)) != CKR_OK) \
			goto out; \
	} while (0)

/* All steps from the slot to a verified signature. */
static CK_RV attempt(CK_UTF8CHAR *pin)
{
	CK_SLOT_ID slots[16];
	CK_SESSION_HANDLE s = 0;
	CK_ULONG n = 16, class = CKO_PRIVATE_KEY, found = 0, len = 256;
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}};
	CK_OBJECT_HANDLE key, pub;
	CK_MECHANISM m = {CKM_SHA256_RSA_PKCS, NULL, 0};
	CK_BYTE sig[256];
	CK_RV rv;

	TRY("C_GetSlotList", f->C_GetSlotList(1, slots, &n));
	if (n == 0) {
		what = "no token";
		return 0xE0; /* CKR_TOKEN_NOT_PRESENT */
	}
	TRY("C_OpenSession", f->C_OpenSession(slots[0], CKF_SERIAL_SESSION, NULL, NULL, &s));
	TRY("C_Login", f->C_Login(s, CKU_USER, pin, 8));
	TRY("C_FindObjectsInit", f->C_FindObjectsInit(s, template, 1));
	TRY("C_FindObjects", f->C_FindObjects(s, &key, 1, &found));
	TRY("C_FindObjectsFinal", f->C_FindObjectsFinal(s));
	class = CKO_PUBLIC_KEY;
	TRY("C_FindObjectsInit", f->C_FindObjectsInit(s, template, 1));
	TRY("C_FindObjects", f->C_FindObjects(s, &pub, 1, &found));
	TRY("C_FindObjectsFinal", f->C_FindObjectsFinal(s));
	if (found != 1) {
		what = "no key";
		rv = CKR_GENERAL_ERROR;
		goto out;
	}
	TRY("C_SignInit", f->C_SignInit(s, &m, key));
	TRY("C_Sign", f->C_Sign(s, pin, 8, sig, &len));
	TRY("C_VerifyInit", f->C_VerifyInit(s, &m, pub));
	TRY("C_Verify", f->C_Verify(s, pin, 8, sig, len));
	what = "signed";
out:
	/* C_CloseSession leaves the card a moment later, and the next attempt could
	 * find the channel of this one. */
	f->C_Logout(s);
	f->C_CloseSession(s);
	return rv;
}

int main(int argc, char **argv)
{
	char line[100];

	(void)argc;
	setvbuf(stdout, NULL, _IONBF, 0);
	f = function_list(open_library(argv[1]));
	MUST(f->C_Initialize(NULL));
	while (fgets(line, sizeof line, stdin)) {
		CK_RV rv = CKR_OK;

		what = "";
		if (strncmp(line, "attempt", 7) == 0) {
			rv = attempt((CK_UTF8CHAR *)argv[2]);
		} else if (strncmp(line, "sleep", 5) == 0) {
			usleep(300 * 1000);
		} else if (strncmp(line, "wait", 4) == 0) {
			CK_SLOT_ID slot;

			rv = f->C_WaitForSlotEvent(0, &slot, NULL);
		} else if (strncmp(line, "tokens", 6) == 0) {
			CK_SLOT_ID slots[16];
			CK_ULONG n = 16;

			MUST(f->C_GetSlotList(1, slots, &n));
			rv = n;
		} else if (strncmp(line, "slots", 5) == 0) {
			CK_SLOT_ID slots[16];
			CK_ULONG n = 16;

			MUST(f->C_GetSlotList(0, slots, &n));
			rv = n;
		}
		printf("%lu %s\n", rv, what);
	}
	MUST(f->C_Finalize(NULL));
	return 0;
}
