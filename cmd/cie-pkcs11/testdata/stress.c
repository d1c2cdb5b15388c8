/* stress MODULE PIN THREADS SECONDS NUMBER: one process of the stress test. Its threads sign
 * until the time is over. It writes each signature to standard output as 16 bytes of data
 * and 256 bytes of signature, for verification by the reader. The last line on standard
 * error contains the number of signatures and the memory in use after a third of the time
 * and at the end, in kB. */
#include <pthread.h>
#include <time.h>

#include "common.h"

static CK_FUNCTION_LIST *f;
static CK_SLOT_ID slot;
static CK_OBJECT_HANDLE key;
static unsigned number;
static double end;
static unsigned long signatures;
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void *sign(void *arg)
{
	CK_MECHANISM m = {CKM_SHA256_RSA_PKCS, NULL, 0};
	CK_SESSION_HANDLE s;
	uint64_t i;

	MUST(f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s));
	for (i = 0; now() < end; i++) {
		CK_BYTE record[16 + 256];
		uint32_t who[2] = {number, (uint32_t)(uintptr_t)arg};
		CK_ULONG n = 256;

		memcpy(record, who, 8);
		memcpy(record + 8, &i, 8);
		MUST(f->C_SignInit(s, &m, key));
		MUST(f->C_Sign(s, record, 16, record + 16, &n));
		if (n != 256)
			exit(3);
		pthread_mutex_lock(&output);
		if (fwrite(record, sizeof record, 1, stdout) != 1)
			exit(3);
		signatures++;
		pthread_mutex_unlock(&output);
	}
	MUST(f->C_CloseSession(s));
	return NULL;
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

/* Returns the token. The first list of slots waits 5 seconds for it: a program that starts
 * while several others keep the card busy may have to wait longer. */
static CK_SLOT_ID wait_for_token(void)
{
	CK_SLOT_ID slots[16];
	int i;

	for (i = 0; i < 600; i++) {
		CK_ULONG n = 16;

		MUST(f->C_GetSlotList(1, slots, &n));
		if (n == 1)
			return slots[0];
		usleep(100 * 1000);
	}
	fprintf(stderr, "no token\n");
	exit(2);
}

int main(int argc, char **argv)
{
	int threads = atoi(argv[3]), i;
	double seconds = atof(argv[4]);
	pthread_t t[64];
	CK_SESSION_HANDLE s;
	long early;

	(void)argc;
	number = (unsigned)atoi(argv[5]);
	f = function_list(open_library(argv[1]));
	MUST(f->C_Initialize(NULL));
	slot = wait_for_token();
	MUST(f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s));
	MUST(f->C_Login(s, CKU_USER, (CK_UTF8CHAR *)argv[2], 8));
	key = find(f, s, CKO_PRIVATE_KEY);
	end = now() + seconds;
	for (i = 0; i < threads; i++)
		pthread_create(&t[i], NULL, sign, (void *)(intptr_t)i);
	usleep((useconds_t)(seconds / 3 * 1e6));
	early = resident();
	for (i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	fprintf(stderr, "%lu %ld %ld\n", signatures, early, resident());
	MUST(f->C_Finalize(NULL));
	return 0;
}
