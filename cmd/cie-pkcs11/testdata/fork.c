/* fork MODULE PIN: in children forked at every stage every function fails at once, with a
 * value that the standard permits; the parent continues. */
#include <signal.h>
#include <sys/wait.h>

#include "common.h"

static CK_FUNCTION_LIST *f;
static CK_FUNCTION_LIST_3_0 *f30;

static int child_main(void)
{
	int i, n, bad = 0;
	any *all = functions(f30, &n);
	static char junk[1 << 12];
	CK_FUNCTION_LIST *list = NULL;
	uintptr_t j = (uintptr_t)junk;

	alarm(20); /* a child that hangs is a failure, not a hang of the test */
	for (i = 0; i < n; i++) {
		CK_RV rv, want = CKR_CRYPTOKI_NOT_INITIALIZED;

		switch (i) {
		case INITIALIZE:
			want = CKR_FUNCTION_FAILED;
			break;
		case GET_FUNCTION_LIST:
		case GET_INTERFACE_LIST:
		case GET_INTERFACE:
			continue; /* they lead to the others, and work */
		}
		rv = all[i](1, j, j, j, j, j, j, j, j);
		if (rv != want) {
			fprintf(stderr, "function %d in a child: 0x%lX\n", i, rv);
			bad = 1;
		}
	}
	if (f->C_Initialize(NULL) != CKR_FUNCTION_FAILED || f->C_GetFunctionList(&list) != CKR_OK || list != f) {
		fprintf(stderr, "C_Initialize or C_GetFunctionList in a child\n");
		bad = 1;
	}
	return bad;
}

static void child(const char *when, int deep)
{
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int bad = child_main();

		if (deep) { /* a child's child */
			pid_t p = fork();

			if (p == 0)
				_exit(child_main());
			if (waitpid(p, &status, 0) != p || status != 0)
				bad = 1;
		}
		exit(bad); /* runs destructors */
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		FAIL("child %s: status 0x%x", when, status);
}

int main(int argc, char **argv)
{
	void *lib = open_library(argv[1]);
	CK_UTF8CHAR *pin = (CK_UTF8CHAR *)argv[2];
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE key;
	CK_MECHANISM m = {CKM_SHA256_RSA_PKCS, NULL, 0};
	CK_BYTE sig[256];
	CK_ULONG n;
	int i;

	(void)argc;
	f = function_list(lib);
	f30 = function_list_30(lib);
	child("between dlopen and C_Initialize", 1);
	MUST(f->C_Initialize(NULL));
	child("after C_Initialize", 0);
	MUST(f->C_OpenSession(token_slot(f), CKF_SERIAL_SESSION, NULL, NULL, &s));
	child("with a session", 0);
	MUST(f->C_Login(s, CKU_USER, pin, 8));
	key = find(f, s, CKO_PRIVATE_KEY);
	for (i = 0; i < 3; i++) {
		child("logged in", 1);
		MUST(f->C_SignInit(s, &m, key));
		child("during a signature", 0);
		n = sizeof sig;
		MUST(f->C_Sign(s, pin, 8, sig, &n));
	}
	MUST(f->C_Finalize(NULL));
	child("after C_Finalize", 0);
	MUST(f->C_Initialize(NULL));
	MUST(f->C_Finalize(NULL));
	return failures ? 1 : 0;
}
