/* load MODULE HOW: ways to load, use and leave the module, and to end. */
#include <pthread.h>

#include "common.h"

static CK_FUNCTION_LIST *f;

static void *wait_for_ever(void *arg)
{
	CK_SLOT_ID slot;

	(void)arg;
	for (;;)
		if (f->C_WaitForSlotEvent(0, &slot, NULL) != CKR_OK)
			return NULL;
}

static void *end_program(void *arg)
{
	(void)arg;
	exit(0);
}

static void finalize_at_exit(void) { f->C_Finalize(NULL); }

int main(int argc, char **argv)
{
	const char *how = argv[2];
	pthread_t t;
	CK_ULONG n = 0;
	int i;

	(void)argc;
	for (i = 0; i < 20; i++) {
		void *lib = open_library(argv[1]);

		f = function_list(lib);
		if (i % 2) {
			MUST(f->C_Initialize(NULL));
			MUST(f->C_GetSlotList(0, NULL, &n));
			MUST(f->C_Finalize(NULL));
		}
		if (dlclose(lib) != 0)
			FAIL("dlclose: %s", dlerror());
	}
	f = function_list(open_library(argv[1]));
	MUST(f->C_Initialize(NULL));
	MUST(f->C_GetSlotList(0, NULL, &n));
	if (strcmp(how, "dlclose") == 0) {
		MUST(f->C_Finalize(NULL));
		return failures;
	}
	if (strcmp(how, "unfinished") == 0)
		return failures; /* without C_Finalize */
	if (strcmp(how, "waiting") == 0) {
		pthread_create(&t, NULL, wait_for_ever, NULL);
		usleep(20 * 1000);
		return failures;
	}
	if (strcmp(how, "thread") == 0) {
		pthread_create(&t, NULL, wait_for_ever, NULL);
		pthread_create(&t, NULL, end_program, NULL);
		pthread_join(t, NULL);
	}
	if (strcmp(how, "atexit") == 0) {
		atexit(finalize_at_exit);
		pthread_create(&t, NULL, wait_for_ever, NULL);
		return failures;
	}
	if (strcmp(how, "_exit") == 0)
		_exit(failures);
	return 3;
}
