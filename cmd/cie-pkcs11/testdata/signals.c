/* signals MODULE PIN mask|shot|prompt|sigwait: a host with signals of its own.
 *
 * mask     every thread that the module started blocks all signals but those
 *          that Go unblocks, and the mask of the host's thread is as before.
 * shot     a handler without SA_ONSTACK, installed after dlopen, is called all
 *          the time while the program signs.
 * prompt   a handler without SA_ONSTACK for every signal is there while the
 *          program logs in and signs, as in OpenSSL while it asks for a PIN;
 *          no signal comes from the module.
 * sigwait  the program blocks a signal in all its threads, after dlopen, and
 *          waits for it with sigwait. */
#include "common.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

static CK_FUNCTION_LIST *f;
static CK_UTF8CHAR *pin;
static volatile sig_atomic_t stop;

#define BIT(n) (1ULL << ((n) - 1))

/* The signals that Go unblocks in each of its threads, and those that cannot be blocked. */
static unsigned long long unblocked(void)
{
	return BIT(SIGILL) | BIT(SIGTRAP) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGSEGV) | BIT(SIGSTKFLT) | BIT(SIGCHLD) |
	       BIT(SIGPROF) | BIT(32) | BIT(33) | BIT(34) | BIT(SIGKILL) | BIT(SIGSTOP);
}

static unsigned long long mask_of(const char *tid)
{
	char path[300], line[300];
	unsigned long long mask = 0;
	FILE *in;

	snprintf(path, sizeof path, "/proc/self/task/%s/status", tid);
	if ((in = fopen(path, "r")) == NULL)
		return ~0ULL; /* it ended */
	while (fgets(line, sizeof line, in))
		sscanf(line, "SigBlk: %llx", &mask);
	fclose(in);
	return mask;
}

/* Checks every thread that is not in the list of the host's. */
static int check_masks(const char *when, const int *own, int owned, const unsigned long long want)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *e;
	int i, n = 0;

	while ((e = readdir(tasks)) != NULL) {
		int tid = atoi(e->d_name);
		unsigned long long mask;

		if (tid == 0)
			continue;
		mask = mask_of(e->d_name);
		for (i = 0; i < owned; i++)
			if (own[i] == tid)
				break;
		if (i < owned) {
			if (mask != want)
				FAIL("%s: the host's thread blocks %llx, before it was %llx", when, mask, want);
			continue;
		}
		n++;
		if ((mask | unblocked()) != ~0ULL)
			FAIL("%s: thread %d blocks only %llx", when, tid, mask);
	}
	closedir(tasks);
	return n;
}

static void sign_once(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key)
{
	CK_MECHANISM m = {CKM_SHA256_RSA_PKCS, NULL, 0};
	CK_BYTE sig[256];
	CK_ULONG len = sizeof sig;

	MUST(f->C_SignInit(s, &m, key));
	MUST(f->C_Sign(s, pin, 8, sig, &len));
}

static void *sign_some(void *arg)
{
	CK_SESSION_HANDLE s;
	int i;

	MUST(f->C_OpenSession(*(CK_SLOT_ID *)arg, CKF_SERIAL_SESSION, NULL, NULL, &s));
	for (i = 0; i < 3; i++)
		sign_once(s, find(f, s, CKO_PRIVATE_KEY));
	MUST(f->C_CloseSession(s));
	return NULL;
}

static void masks(const char *so)
{
	int self = (int)syscall(SYS_gettid), i;
	unsigned long long before;
	char name[30];
	sigset_t some;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE s;
	pthread_t threads[8];

	sigemptyset(&some);
	sigaddset(&some, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &some, NULL);
	snprintf(name, sizeof name, "%d", self);
	before = mask_of(name);
	f = function_list(open_library(so));
	if (mask_of(name) != before)
		FAIL("dlopen changed the mask of its thread");
	MUST(f->C_Initialize(NULL));
	if (check_masks("after C_Initialize", &self, 1, before) == 0)
		FAIL("the module has no thread");
	slot = token_slot(f);
	MUST(f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s));
	MUST(f->C_Login(s, CKU_USER, pin, 8));
	for (i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, sign_some, &slot);
	for (i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	if (check_masks("after signatures", &self, 1, before) < 3)
		FAIL("too few threads");
	MUST(f->C_Finalize(NULL));
	check_masks("after C_Finalize", &self, 1, before);
}

static volatile sig_atomic_t shots;

/* A small handler: a little stack, no SA_ONSTACK. */
static void handler(int sig)
{
	volatile char room[256];

	room[0] = (char)sig;
	room[255] = room[0];
	shots++;
}

static pthread_t target;

static void *shooter(void *own)
{
	struct timespec pause = {0, 50000};
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	while (!stop) {
		if (own != NULL)
			pthread_kill(target, SIGUSR1);
		else
			kill(getpid(), SIGUSR1);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

/* The signals go to the process, where the kernel chooses the thread, and then
 * to the thread that calls the module. */
static void shot(const char *so)
{
	struct sigaction act = {.sa_handler = handler, .sa_flags = SA_RESTART};
	int directed;

	f = function_list(open_library(so));
	sigaction(SIGUSR1, &act, NULL);
	target = pthread_self();
	for (directed = 0; directed < 2; directed++) {
		CK_SLOT_ID slot;
		CK_SESSION_HANDLE s;
		CK_OBJECT_HANDLE key;
		pthread_t t;
		int i;

		stop = 0;
		pthread_create(&t, NULL, shooter, directed ? &directed : NULL);
		MUST(f->C_Initialize(NULL));
		slot = token_slot(f);
		MUST(f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s));
		MUST(f->C_Login(s, CKU_USER, pin, 8));
		key = find(f, s, CKO_PRIVATE_KEY);
		for (i = 0; i < 30; i++)
			sign_once(s, key);
		for (i = 0; i < 20000; i++) {
			CK_SESSION_HANDLE other;

			MUST(f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &other));
			find(f, other, CKO_PRIVATE_KEY);
			MUST(f->C_CloseSession(other));
		}
		MUST(f->C_Finalize(NULL));
		stop = 1;
		pthread_join(t, NULL);
	}
	if (shots < 100)
		FAIL("only %d signals came", (int)shots);
}

static void *sign_in_turn(void *slot)
{
	int i;

	for (i = 0; i < 10; i++)
		sign_some(slot);
	return NULL;
}

static void prompt(const char *so)
{
	struct sigaction act = {.sa_handler = handler};
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE s;
	pthread_t threads[4];
	int i;

	f = function_list(open_library(so));
	for (i = 1; i < 32; i++)
		sigaction(i, &act, NULL); /* fails for the two that have no handler */
	MUST(f->C_Initialize(NULL));
	slot = token_slot(f);
	MUST(f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s));
	MUST(f->C_Login(s, CKU_USER, pin, 8));
	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, sign_in_turn, &slot);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	MUST(f->C_Finalize(NULL));
	if (shots != 0)
		FAIL("the module sent %d signals to its own threads", (int)shots);
}

static void *waiter(void *arg)
{
	sigset_t *set = arg;
	int sig, n;

	for (n = 0; n < 500; n++)
		if (sigwait(set, &sig) != 0 || sig != SIGUSR1)
			FAIL("sigwait: signal %d", sig);
	stop = 1;
	return NULL;
}

static void waits(const char *so)
{
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE key;
	pthread_t w, t;
	sigset_t set;

	f = function_list(open_library(so));
	MUST(f->C_Initialize(NULL));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_create(&w, NULL, waiter, &set);
	pthread_create(&t, NULL, shooter, NULL);
	MUST(f->C_OpenSession(token_slot(f), CKF_SERIAL_SESSION, NULL, NULL, &s));
	MUST(f->C_Login(s, CKU_USER, pin, 8));
	key = find(f, s, CKO_PRIVATE_KEY);
	do
		sign_once(s, key);
	while (!stop);
	pthread_join(w, NULL);
	pthread_join(t, NULL);
	MUST(f->C_Finalize(NULL));
}

int main(int argc, char **argv)
{
	(void)argc;
	pin = (CK_UTF8CHAR *)argv[2];
	if (strcmp(argv[3], "mask") == 0)
		masks(argv[1]);
	else if (strcmp(argv[3], "shot") == 0)
		shot(argv[1]);
	else if (strcmp(argv[3], "prompt") == 0)
		prompt(argv[1]);
	else
		waits(argv[1]);
	return failures != 0;
}
