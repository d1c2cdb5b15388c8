/* bench MODULE PIN: executes the steps of a program with the card, one for each line of
 * standard input, and prints the cost of each: "CPU-us wall-us resident-kB". */
#include <sys/resource.h>
#include <time.h>

#include "common.h"

static CK_FUNCTION_LIST *f;
static CK_SLOT_ID slot;
static CK_SESSION_HANDLE s;
static CK_OBJECT_HANDLE key;

static long long cpu(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000LL + r.ru_utime.tv_usec + r.ru_stime.tv_usec;
}

static long long wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static long resident(void)
{
	FILE *p = fopen("/proc/self/status", "r");
	char line[200];
	long kb = 0;

	while (p != NULL && fgets(line, sizeof line, p))
		sscanf(line, "VmRSS: %ld", &kb);
	if (p != NULL)
		fclose(p);
	return kb;
}

static void sign(void)
{
	CK_MECHANISM m = {CKM_SHA256_RSA_PKCS, NULL, 0};
	CK_BYTE sig[256];
	CK_ULONG n = sizeof sig;

	MUST(f->C_SignInit(s, &m, key));
	MUST(f->C_Sign(s, (CK_BYTE *)"x", 1, sig, &n));
}

int main(int argc, char **argv)
{
	char line[100];
	void *lib = NULL;

	(void)argc;
	setvbuf(stdout, NULL, _IONBF, 0);
	while (fgets(line, sizeof line, stdin)) {
		long long c = cpu(), w = wall();
		long r = resident();

		line[strcspn(line, "\n")] = 0;
		if (strcmp(line, "load") == 0) {
			lib = open_library(argv[1]);
			f = function_list(lib);
		} else if (strcmp(line, "slots") == 0) {
			MUST(f->C_Initialize(NULL));
			slot = token_slot(f);
		} else if (strcmp(line, "login") == 0) {
			CK_ATTRIBUTE a = {CKA_VALUE, NULL, 0};

			MUST(f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s));
			MUST(f->C_Login(s, CKU_USER, (CK_UTF8CHAR *)argv[2], 8));
			MUST(f->C_GetAttributeValue(s, find(f, s, CKO_CERTIFICATE), &a, 1));
			key = find(f, s, CKO_PRIVATE_KEY);
			sign();
		} else if (strcmp(line, "sign") == 0) {
			sign();
		}
		printf("%lld %lld %ld\n", cpu() - c, wall() - w, resident() - r);
	}
	if (f != NULL)
		MUST(f->C_Finalize(NULL));
	return 0;
}
