/* token: uses copies of the PKCS#11 module by commands on standard input, so
 * that a test decides what happens to the card between them. Sizes and places
 * in structures are written as numbers, not taken from the module's own header.
 *
 *   load N DLL        loads copy N and initializes it
 *   open N            opens a session with the first token
 *   login N PIN       logs in
 *   cert N            prints the first certificate
 *   sign N TEXT       prints a signature, CKM_SHA256_RSA_PKCS
 *   threads N COUNT   signs in four threads, COUNT times in each
 *   tokens N          prints how many tokens there are
 *   logout N, close N, finalize N
 *
 * The answer to each is one line: the return value, and the result in hexadecimal. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint32_t ulong; /* CK_ULONG */
typedef ulong (*any)(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t);

/* Places in the table of functions. */
enum { INITIALIZE, FINALIZE, GET_SLOT_LIST = 4, OPEN_SESSION = 12, CLOSE_SESSION = 13, LOGIN = 18, LOGOUT = 19,
	GET_ATTRIBUTE_VALUE = 24, FIND_OBJECTS_INIT = 26, FIND_OBJECTS = 27, FIND_OBJECTS_FINAL = 28, SIGN_INIT = 42, SIGN = 43 };

enum { CKF_SERIAL_SESSION = 4, CKU_USER = 1, CKA_CLASS = 0, CKA_VALUE = 0x11, CKO_CERTIFICATE = 1, CKO_PRIVATE_KEY = 3,
	CKM_SHA256_RSA_PKCS = 0x40, NO_OBJECT = 0xFFFF0001, NO_TOKEN = 0xFFFF0002, NO_LIBRARY = 0xFFFF0003 };

#define P(p) ((uintptr_t)(p))

static struct copy {
	const unsigned char *table;
	ulong slot, session;
} copies[4];

static ulong call(struct copy *c, int i, uintptr_t a, uintptr_t b, uintptr_t d, uintptr_t e, uintptr_t g)
{
	any f;

	memcpy(&f, c->table + 2 + 8 * i, sizeof f); /* packed: right after the version */
	return f(a, b, d, e, g, 0, 0, 0, 0);
}

/* put writes a CK_ATTRIBUTE or a CK_MECHANISM: type, pointer, length; packed. */
static void put(unsigned char at[16], ulong type, const void *value, ulong length)
{
	memcpy(at, &type, 4);
	memcpy(at + 4, &value, 8);
	memcpy(at + 12, &length, 4);
}

static ulong load(struct copy *c, const char *path)
{
	HMODULE lib = LoadLibraryA(path);
	any list;

	if (lib == NULL)
		return NO_LIBRARY;
	list = (any)(uintptr_t)GetProcAddress(lib, "C_GetFunctionList");
	if (list == NULL || list(P(&c->table), 0, 0, 0, 0, 0, 0, 0, 0) != 0)
		return NO_LIBRARY;
	return call(c, INITIALIZE, 0, 0, 0, 0, 0);
}

static ulong tokens(struct copy *c, ulong *slots, ulong *n)
{
	return call(c, GET_SLOT_LIST, 1, P(slots), P(n), 0, 0);
}

static ulong find(struct copy *c, ulong session, ulong class, ulong *object)
{
	unsigned char template[16];
	ulong rv, n = 0;

	put(template, CKA_CLASS, &class, sizeof class);
	if ((rv = call(c, FIND_OBJECTS_INIT, session, P(template), 1, 0, 0)) != 0)
		return rv;
	rv = call(c, FIND_OBJECTS, session, P(object), 1, P(&n), 0);
	call(c, FIND_OBJECTS_FINAL, session, 0, 0, 0, 0);
	return rv != 0 ? rv : n == 1 ? 0 : NO_OBJECT;
}

static ulong sign(struct copy *c, ulong session, const char *text, unsigned char *signature, ulong *n)
{
	unsigned char mechanism[16];
	ulong rv, key;

	if ((rv = find(c, session, CKO_PRIVATE_KEY, &key)) != 0)
		return rv;
	put(mechanism, CKM_SHA256_RSA_PKCS, NULL, 0);
	if ((rv = call(c, SIGN_INIT, session, P(mechanism), key, 0, 0)) != 0)
		return rv;
	return call(c, SIGN, session, P(text), strlen(text), P(signature), P(n));
}

struct work {
	struct copy *copy;
	int count;
	unsigned char want[512];
	ulong length;
};

/* storm signs in a session of its own and compares: PKCS #1 1.5 gives the same
 * signature each time. */
static DWORD WINAPI storm(void *arg)
{
	struct work *w = arg;
	unsigned char got[512];
	ulong rv, n, session;
	int i;

	if ((rv = call(w->copy, OPEN_SESSION, w->copy->slot, CKF_SERIAL_SESSION, 0, 0, P(&session))) != 0)
		return rv;
	for (i = 0; i < w->count; i++) {
		n = sizeof got;
		if ((rv = sign(w->copy, session, "storm", got, &n)) != 0)
			return rv;
		if (n != w->length || memcmp(got, w->want, n) != 0)
			return NO_OBJECT;
	}
	return call(w->copy, CLOSE_SESSION, session, 0, 0, 0, 0);
}

static ulong threads(struct copy *c, int count)
{
	struct work w = {c, count, {0}, sizeof w.want};
	HANDLE thread[4];
	DWORD code;
	ulong rv;
	int i;

	if ((rv = sign(c, c->session, "storm", w.want, &w.length)) != 0)
		return rv;
	for (i = 0; i < 4; i++)
		thread[i] = CreateThread(NULL, 0, storm, &w, 0, NULL);
	for (i = 0; i < 4; i++) {
		WaitForSingleObject(thread[i], INFINITE);
		GetExitCodeThread(thread[i], &code);
		if (rv == 0)
			rv = code;
	}
	return rv;
}

int main(void)
{
	char line[1024], verb[16], rest[900];

	while (fgets(line, sizeof line, stdin) != NULL) {
		unsigned char out[4096], attribute[16];
		ulong slots[16], rv = 0, n = 0, i, object;
		struct copy *c;
		int number = 0;

		line[strcspn(line, "\r\n")] = 0;
		rest[0] = 0;
		if (sscanf(line, "%15s %d %899[^\n]", verb, &number, rest) < 2 || number < 0 || number > 3)
			return 97;
		c = &copies[number];
		if (strcmp(verb, "load") == 0) {
			rv = load(c, rest);
		} else if (c->table == NULL) {
			rv = NO_LIBRARY;
		} else if (strcmp(verb, "tokens") == 0) {
			n = 16;
			rv = tokens(c, slots, &n);
			out[0] = (unsigned char)n;
			n = 1;
		} else if (strcmp(verb, "open") == 0) {
			i = 16;
			rv = tokens(c, slots, &i);
			if (rv == 0 && i == 0)
				rv = NO_TOKEN;
			if (rv == 0) {
				c->slot = slots[0];
				rv = call(c, OPEN_SESSION, c->slot, CKF_SERIAL_SESSION, 0, 0, P(&c->session));
			}
		} else if (strcmp(verb, "login") == 0) {
			rv = call(c, LOGIN, c->session, CKU_USER, P(rest), strlen(rest), 0);
		} else if (strcmp(verb, "cert") == 0) {
			rv = find(c, c->session, CKO_CERTIFICATE, &object);
			put(attribute, CKA_VALUE, out, sizeof out);
			if (rv == 0)
				rv = call(c, GET_ATTRIBUTE_VALUE, c->session, object, P(attribute), 1, 0);
			if (rv == 0)
				memcpy(&n, attribute + 12, 4);
		} else if (strcmp(verb, "sign") == 0) {
			n = sizeof out;
			rv = sign(c, c->session, rest, out, &n);
		} else if (strcmp(verb, "threads") == 0) {
			rv = threads(c, atoi(rest));
		} else if (strcmp(verb, "logout") == 0) {
			rv = call(c, LOGOUT, c->session, 0, 0, 0, 0);
		} else if (strcmp(verb, "close") == 0) {
			rv = call(c, CLOSE_SESSION, c->session, 0, 0, 0, 0);
		} else if (strcmp(verb, "finalize") == 0) {
			rv = call(c, FINALIZE, 0, 0, 0, 0, 0);
		} else {
			return 96;
		}
		printf("%lX ", (unsigned long)rv);
		for (i = 0; rv == 0 && i < n; i++)
			printf("%02x", out[i]);
		printf("\n");
		fflush(stdout);
	}
	return 0;
}
