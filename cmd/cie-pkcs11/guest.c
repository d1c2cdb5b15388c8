//go:build !windows

/* Guards between the module and the program that loaded it, its host.
 *
 * Fork. A child forked from the host has no Go runtime: its threads stayed in
 * the parent, and a call would never return. pthread_atfork marks the
 * child, from a constructor, so also between dlopen and C_Initialize.
 *
 * Signals. A handler of the host without SA_ONSTACK runs on the stack of the
 * interrupted thread. Stacks of Go are too small for that, and a signal that
 * the host waits for with sigwait must not reach a thread that does not block
 * it. So threads of the Go runtime block every signal but those that the
 * runtime unblocks in each thread (CONSUMERS.md names them), and threads of the
 * host never run Go: workers with the same mask do, while the thread of the
 * host waits in C. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "guest.h"

volatile sig_atomic_t guest_forked;

static void in_child(void) { guest_forked = 1; }

__attribute__((constructor)) static void guard_fork(void) { pthread_atfork(NULL, NULL, in_child); }

/* The runtime's first thread inherits the mask of the thread in dlopen, and
 * every later one gets that mask again (runtime.initSigmask). Constructors with
 * a priority run before Go's, which has none; one without runs after Go's,
 * because Go's object comes first in the link. TestThreadsBlockSignalsOfHost checks both. */
static sigset_t host_mask;

static void block_all(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

__attribute__((constructor(101))) static void block_signals(void) { block_all(&host_mask); }

__attribute__((constructor)) static void restore_signals(void) { pthread_sigmask(SIG_SETMASK, &host_mask, NULL); }

struct call {
	guest_function f;
	const uintptr_t *a;
	CK_RV rv;
	int done;
	pthread_cond_t returned;
	struct call *next;
};

/* Room for the runtime's scheduler and for libpcsclite. */
#define WORKER_STACK (1 << 20)

/* Seconds after which a worker without work ends, unless it is the only one. */
#define WORKER_IDLE 10

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows and every struct call */
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static struct call *first, **last = &first; /* calls that no worker has taken */
static int waiting;                         /* their number */
static int idle;                            /* workers without work */

static CK_RV run(const struct call *c)
{
	const uintptr_t *a = c->a;

	return c->f(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8]);
}

/* Waits for a call and returns it; NULL if this worker is not needed. */
static struct call *take(void)
{
	struct call *c;

	while (first == NULL) {
		struct timespec end;
		int rv = 0;

		clock_gettime(CLOCK_REALTIME, &end);
		end.tv_sec += WORKER_IDLE;
		/* The only idle worker stays, without waking an idle host. */
		if (idle++ == 0)
			pthread_cond_wait(&work, &lock);
		else
			rv = pthread_cond_timedwait(&work, &lock, &end);
		idle--;
		if (rv == ETIMEDOUT && first == NULL && idle > 0)
			return NULL;
	}
	c = first;
	first = c->next;
	if (first == NULL)
		last = &first;
	waiting--;
	return c;
}

static void *worker(void *unused)
{
	struct call *c;

	pthread_mutex_lock(&lock);
	while ((c = take()) != NULL) {
		CK_RV rv;

		pthread_mutex_unlock(&lock);
		rv = run(c);
		pthread_mutex_lock(&lock);
		c->rv = rv;
		c->done = 1;
		pthread_cond_signal(&c->returned);
	}
	pthread_mutex_unlock(&lock);
	return unused;
}

/* Starts a worker, which blocks all signals. */
static int start_worker(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t mask;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, WORKER_STACK);
	block_all(&mask);
	err = pthread_create(&thread, &attr, worker, NULL);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	pthread_attr_destroy(&attr);
	return err;
}

CK_RV guest_call(guest_function f, const uintptr_t args[GUEST_ARGS])
{
	struct call c = {.f = f, .a = args, .returned = PTHREAD_COND_INITIALIZER};
	int state;

	/* A thread cancelled during the wait would leave the call on its stack. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_mutex_lock(&lock);
	if (waiting >= idle && start_worker() != 0) {
		/* No thread to be had: the caller's has to do, deaf to signals. */
		sigset_t mask;

		pthread_mutex_unlock(&lock);
		block_all(&mask);
		c.rv = run(&c);
		pthread_sigmask(SIG_SETMASK, &mask, NULL);
	} else {
		*last = &c;
		last = &c.next;
		waiting++;
		pthread_cond_signal(&work);
		while (!c.done)
			pthread_cond_wait(&c.returned, &lock);
		pthread_mutex_unlock(&lock);
	}
	pthread_cond_destroy(&c.returned);
	pthread_setcancelstate(state, NULL);
	return c.rv;
}
