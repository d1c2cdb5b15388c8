/* secrets MODULE: reads a PIN from standard input, logs in and signs, wipes its own copy and
 * logs out. It waits for a byte while it is logged in, after the logout and after C_Finalize. */
#include "common.h"

static void stop(const char *where)
{
	char go;

	printf("%s\n", where);
	if (read(0, &go, 1) != 1)
		exit(2);
}

int main(int argc, char **argv)
{
	CK_MECHANISM m = {CKM_SHA256_RSA_PKCS, NULL, 0};
	CK_FUNCTION_LIST *f = function_list(open_library(argv[1]));
	CK_SESSION_HANDLE s;
	CK_BYTE sig[256], pin[8];
	CK_ULONG n = sizeof sig;

	(void)argc;
	setvbuf(stdout, NULL, _IONBF, 0);
	MUST(f->C_Initialize(NULL));
	MUST(f->C_OpenSession(token_slot(f), CKF_SERIAL_SESSION, NULL, NULL, &s));
	if (read(0, pin, sizeof pin) != sizeof pin)
		return 2;
	MUST(f->C_Login(s, CKU_USER, pin, sizeof pin));
	explicit_bzero(pin, sizeof pin);
	MUST(f->C_SignInit(s, &m, find(f, s, CKO_PRIVATE_KEY)));
	MUST(f->C_Sign(s, (CK_BYTE *)"x", 1, sig, &n));
	stop("in");
	MUST(f->C_Logout(s));
	stop("out");
	MUST(f->C_Finalize(NULL));
	stop("end");
	return 0;
}
