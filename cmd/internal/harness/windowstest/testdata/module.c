/* module DLL HOW: uses the module as a Windows program does. Sizes and places in
 * structures are written as numbers, not taken from the module's own header. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint32_t ulong; /* CK_ULONG */
typedef ulong (*any)(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t);

enum {
	OK = 0, SLOT_ID_INVALID = 3, GENERAL_ERROR = 5, ARGUMENTS_BAD = 7, NO_EVENT = 8, CANT_LOCK = 0xA,
	SESSION_HANDLE_INVALID = 0xB3, BUFFER_TOO_SMALL = 0x150, NOT_INITIALIZED = 0x190, ALREADY_INITIALIZED = 0x191,
	FUNCTION_FAILED = 6
};

/* Places in the table of functions. */
enum { INITIALIZE, FINALIZE, GET_INFO, GET_FUNCTION_LIST, GET_SLOT_LIST, GET_SLOT_INFO, GET_TOKEN_INFO,
	OPEN_SESSION = 12, GET_SESSION_INFO = 15, LOGIN = 18, WAIT_FOR_SLOT_EVENT = 67, FUNCTIONS = 68, FUNCTIONS_30 = 92 };

static int failures;

#define FAIL(...) (failures++, fprintf(stderr, "%d: ", __LINE__), fprintf(stderr, __VA_ARGS__), fputc('\n', stderr))
#define WANT(got, want) do { ulong g_ = (got); if (g_ != (ulong)(want)) FAIL("%s: 0x%lX, want 0x%lX", #got, (unsigned long)g_, (unsigned long)(want)); } while (0)
#define P(p) ((uintptr_t)(p))
#define CALL(f, a, b, c) call(f, P(a), P(b), P(c))

static ulong call(any f, uintptr_t a, uintptr_t b, uintptr_t c) { return f(a, b, c, 0, 0, 0, 0, 0, 0); }

static any function(const unsigned char *table, int i)
{
	any f;

	memcpy(&f, table + 2 + 8 * i, sizeof f); /* packed: right after the version */
	return f;
}

static ulong number(const unsigned char *at)
{
	ulong n;

	memcpy(&n, at, 4);
	return n;
}

static void text(const char *what, const unsigned char *at, int n, const char *want)
{
	char padded[65];

	memset(padded, ' ', sizeof padded);
	memcpy(padded, want, strlen(want));
	if (memcmp(at, padded, n) != 0)
		FAIL("%s: \"%.*s\"", what, n, at);
}

static DWORD WINAPI storm(void *arg)
{
	const unsigned char *table = arg;
	unsigned char info[72];
	ulong n;
	int i;

	for (i = 0; i < 500; i++) {
		n = 0;
		if (CALL(function(table, GET_INFO), info, 0, 0) != OK || CALL(function(table, GET_SLOT_LIST), 0, 0, &n) != OK)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"C_Initialize", "C_Finalize", "C_GetInfo", "C_GetFunctionList", "C_GetSlotList"};
	const char *how = argc > 2 ? argv[2] : "";
	HMODULE lib = argc > 1 ? LoadLibraryA(argv[1]) : NULL;
	const unsigned char *table = NULL, *table30, *interface;
	unsigned char info[72], version[2] = {2, 40}, list[40], args[44];
	HANDLE threads[4];
	any get_list, get_interface, get_interfaces;
	ulong n, rv;
	int i;

	if (lib == NULL) {
		fprintf(stderr, "LoadLibrary: error %lu\n", GetLastError());
		return 2;
	}
	get_list = (any)(uintptr_t)GetProcAddress(lib, "C_GetFunctionList");
	get_interface = (any)(uintptr_t)GetProcAddress(lib, "C_GetInterface");
	get_interfaces = (any)(uintptr_t)GetProcAddress(lib, "C_GetInterfaceList");
	if (!get_list || !get_interface || !get_interfaces || GetProcAddress(lib, "cieInitialize")) {
		fprintf(stderr, "the exports are not those of Cryptoki\n");
		return 2;
	}

	/* Tables and interfaces, before anything else. */
	WANT(CALL(get_list, 0, 0, 0), ARGUMENTS_BAD);
	WANT(CALL(get_list, &table, 0, 0), OK);
	if (table[0] != 2 || table[1] != 40)
		FAIL("version %d.%d", table[0], table[1]);
	for (i = 0; i < 5; i++)
		if (function(table, i) != (any)(uintptr_t)GetProcAddress(lib, names[i]))
			FAIL("%s is not function %d of the table", names[i], i);
	if (function(table, FUNCTIONS - 1) != (any)(uintptr_t)GetProcAddress(lib, "C_WaitForSlotEvent"))
		FAIL("the table does not end with C_WaitForSlotEvent");
	WANT(CALL(get_interfaces, 0, 0, 0), ARGUMENTS_BAD);
	n = 0;
	WANT(CALL(get_interfaces, 0, &n, 0), OK);
	WANT(n, 2);
	n = 1;
	WANT(CALL(get_interfaces, list, &n, 0), BUFFER_TOO_SMALL);
	WANT(CALL(get_interfaces, list, &n, 0), OK);
	if (strcmp(*(char **)list, "PKCS 11") != 0 || strcmp(*(char **)(list + 20), "PKCS 11") != 0)
		FAIL("names of the interfaces");
	WANT(get_interface(0, 0, 0, 0, 0, 0, 0, 0, 0), ARGUMENTS_BAD);
	WANT(get_interface(0, 0, P(&interface), 0, 0, 0, 0, 0, 0), OK);
	memcpy(&table30, interface + 8, 8);
	if (table30[0] != 3 || table30[1] != 0 || number(interface + 16) != 0)
		FAIL("the default interface is %d.%d", table30[0], table30[1]);
	WANT(get_interface(P("PKCS 11"), P(version), P(&interface), 0, 0, 0, 0, 0, 0), OK);
	if (memcmp(interface + 8, &table, 8) != 0)
		FAIL("two tables for 2.40");
	version[0] = 9;
	WANT(get_interface(0, P(version), P(&interface), 0, 0, 0, 0, 0, 0), FUNCTION_FAILED);

	/* Every function but those that work always says that nothing is initialised. */
	for (i = FINALIZE; i < FUNCTIONS_30; i++)
		if (i != GET_FUNCTION_LIST && i != 68 && i != 69 && call(function(table30, i), 0, 0, 0) != NOT_INITIALIZED)
			FAIL("function %d before C_Initialize: 0x%lX", i, (unsigned long)call(function(table30, i), 0, 0, 0));

	/* The arguments of C_Initialize: four pointers, flags, a pointer; packed. */
	memset(args, 0, sizeof args);
	args[0] = 1; /* one of the four callbacks */
	WANT(CALL(function(table, INITIALIZE), args, 0, 0), ARGUMENTS_BAD);
	args[0] = 0;
	args[36] = 1; /* pReserved */
	WANT(CALL(function(table, INITIALIZE), args, 0, 0), ARGUMENTS_BAD);
	args[36] = 0;
	args[32] = 2; /* CKF_OS_LOCKING_OK */
	WANT(CALL(function(table, INITIALIZE), args, 0, 0), OK);
	WANT(CALL(function(table, INITIALIZE), 0, 0, 0), ALREADY_INITIALIZED);

	/* CK_INFO: version, 32 characters, flags, 32 characters, version. */
	memset(info, 0xEE, sizeof info);
	WANT(CALL(function(table, GET_INFO), 0, 0, 0), ARGUMENTS_BAD);
	WANT(CALL(function(table, GET_INFO), info, 0, 0), OK);
	if (info[0] != 2 || info[1] != 40 || number(info + 34) != 0 || info[70] == 0xEE || info[71] == 0xEE)
		FAIL("C_GetInfo: %d.%d, flags %lX", info[0], info[1], (unsigned long)number(info + 34));
	text("manufacturer", info + 2, 32, argc > 3 ? argv[3] : "");
	WANT(CALL(function(table30, GET_INFO), info, 0, 0), OK);
	if (info[0] != 3)
		FAIL("C_GetInfo of 3.0 says %d", info[0]);

	/* Slots: there is no reader here, or not even a service. */
	WANT(CALL(function(table, GET_SLOT_LIST), 0, 0, 0), ARGUMENTS_BAD);
	n = 99;
	WANT(CALL(function(table, GET_SLOT_LIST), 0, 0, &n), OK);
	WANT(n, 0);
	n = 0;
	WANT(CALL(function(table, GET_SLOT_LIST), 1, list, &n), OK);
	WANT(CALL(function(table, GET_SLOT_INFO), 7, info, 0), SLOT_ID_INVALID);
	WANT(CALL(function(table, GET_TOKEN_INFO), 0xFFFFFFFF, info, 0), SLOT_ID_INVALID);
	WANT(function(table, OPEN_SESSION)(7, 4, 0, 0, P(&n), 0, 0, 0, 0), SLOT_ID_INVALID);
	WANT(CALL(function(table, GET_SESSION_INFO), 1, info, 0), SESSION_HANDLE_INVALID);
	WANT(function(table, LOGIN)(1, 1, P("00000000"), 8, 0, 0, 0, 0, 0), SESSION_HANDLE_INVALID);
	WANT(CALL(function(table, WAIT_FOR_SLOT_EVENT), 1, &n, 0), NO_EVENT);

	/* A pointer to nowhere is an error of the call, not the end of the program. */
	rv = CALL(function(table, GET_INFO), 16, 0, 0);
	if (rv != GENERAL_ERROR && rv != ARGUMENTS_BAD)
		FAIL("C_GetInfo with a bad pointer: 0x%lX", (unsigned long)rv);
	rv = CALL(function(table, GET_SLOT_LIST), 0, 0, 0x10000);
	if (rv != GENERAL_ERROR && rv != ARGUMENTS_BAD)
		FAIL("C_GetSlotList with a bad pointer: 0x%lX", (unsigned long)rv);

	for (i = 0; i < 4; i++)
		threads[i] = CreateThread(NULL, 0, storm, (void *)table, 0, NULL);
	for (i = 0; i < 4; i++) {
		DWORD code = 1;

		WaitForSingleObject(threads[i], INFINITE);
		GetExitCodeThread(threads[i], &code);
		WANT(code, 0);
	}
	if (strcmp(how, "unfinished") == 0)
		goto end; /* the program ends without C_Finalize */

	WANT(CALL(function(table, FINALIZE), 1, 0, 0), ARGUMENTS_BAD);
	WANT(CALL(function(table, FINALIZE), 0, 0, 0), OK);
	WANT(CALL(function(table, FINALIZE), 0, 0, 0), NOT_INITIALIZED);

	/* The library stays, however often it is let go. */
	for (i = 0; i < 5; i++)
		FreeLibrary(lib);
	if (GetModuleHandleA(argv[1]) != lib)
		FAIL("FreeLibrary unloads the module");
	WANT(CALL(function(table, INITIALIZE), 0, 0, 0), OK);
	WANT(CALL(function(table, GET_INFO), info, 0, 0), OK);
	WANT(CALL(function(table, FINALIZE), 0, 0, 0), OK);
end:
	printf("%d failures\n", failures);
	fflush(stdout);
	return failures ? 1 : 0;
}
