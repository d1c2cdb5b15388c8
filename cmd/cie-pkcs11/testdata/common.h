/* Common functions of the test programs: loading the module, and checking codes. */
#ifndef COMMON_H
#define COMMON_H
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../cryptoki.h"

#define CKF_RW_SESSION 2UL
#define CKF_SERIAL_SESSION 4UL
#define CKF_DONT_BLOCK 1UL
#define CKU_SO 0UL
#define CKU_USER 1UL
#define CKA_CLASS 0UL
#define CKA_VALUE 0x11UL
#define CKA_MODULUS 0x120UL
#define CKO_CERTIFICATE 1UL
#define CKO_PUBLIC_KEY 2UL
#define CKO_PRIVATE_KEY 3UL
#define CKM_RSA_PKCS 1UL
#define CKM_SHA256_RSA_PKCS 0x40UL
#define CKM_SHA256 0x250UL
#define CKR_NO_EVENT 8UL
#define CKR_GENERAL_ERROR 5UL
#define CKR_ATTRIBUTE_TYPE_INVALID 0x12UL
#define CKR_ALREADY_INITIALIZED 0x191UL
#define CKR_SESSION_HANDLE_INVALID 0xB3UL
#define CKR_USER_ALREADY_LOGGED_IN 0x100UL

__attribute__((unused)) static int failures;

#define FAIL(...) \
	do { \
		failures++; \
		fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
		fprintf(stderr, __VA_ARGS__); \
		fputc('\n', stderr); \
	} while (0)

#define WANT(call, want) \
	do { \
		CK_RV got_ = (call); \
		if (got_ != (want)) \
			FAIL("%s: 0x%lX, want 0x%lX", #call, got_, (CK_ULONG)(want)); \
	} while (0)

#define MUST(call) \
	do { \
		CK_RV got_ = (call); \
		if (got_ != CKR_OK) { \
			fprintf(stderr, "%s:%d: %s: 0x%lX\n", __FILE__, __LINE__, #call, got_); \
			exit(2); \
		} \
	} while (0)

static void *open_library(const char *path)
{
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (lib == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		exit(2);
	}
	return lib;
}

static CK_FUNCTION_LIST *function_list(void *lib)
{
	CK_RV (*get)(CK_FUNCTION_LIST **) = dlsym(lib, "C_GetFunctionList");
	CK_FUNCTION_LIST *f = NULL;

	if (get == NULL || get(&f) != CKR_OK || f == NULL) {
		fprintf(stderr, "C_GetFunctionList fails\n");
		exit(2);
	}
	return f;
}

__attribute__((unused)) static CK_FUNCTION_LIST_3_0 *function_list_30(void *lib)
{
	CK_RV (*get)(CK_UTF8CHAR *, CK_VERSION *, CK_INTERFACE **, CK_FLAGS) = dlsym(lib, "C_GetInterface");
	CK_VERSION version = {3, 0};
	CK_INTERFACE *interface = NULL;

	if (get == NULL || get((CK_UTF8CHAR *)"PKCS 11", &version, &interface, 0) != CKR_OK || interface == NULL) {
		fprintf(stderr, "C_GetInterface fails\n");
		exit(2);
	}
	return interface->pFunctionList;
}

/* The slot with a card; the programs that need one run with one. */
__attribute__((unused)) static CK_SLOT_ID token_slot(CK_FUNCTION_LIST *f)
{
	CK_SLOT_ID slots[16];
	CK_ULONG n = 16;

	MUST(f->C_GetSlotList(1, NULL, &n));
	MUST(f->C_GetSlotList(1, slots, &n));
	if (n != 1) {
		fprintf(stderr, "%lu slots with a token\n", n);
		exit(2);
	}
	return slots[0];
}

__attribute__((unused)) static CK_OBJECT_HANDLE find(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, CK_ULONG class)
{
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}};
	CK_OBJECT_HANDLE o = 0;
	CK_ULONG n = 0;

	MUST(f->C_FindObjectsInit(s, template, 1));
	MUST(f->C_FindObjects(s, &o, 1, &n));
	MUST(f->C_FindObjectsFinal(s));
	if (n != 1) {
		fprintf(stderr, "no object of class %lu\n", class);
		exit(2);
	}
	return o;
}

/* A function of the table as an element of an array: all have integers and pointers as
 * parameters, at most nine. */
typedef CK_RV (*any)(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t);

__attribute__((unused)) static any *functions(CK_FUNCTION_LIST_3_0 *f, int *count)
{
	*count = (int)((sizeof *f - offsetof(CK_FUNCTION_LIST_3_0, C_Initialize)) / sizeof(any));
	return (any *)&f->C_Initialize;
}

enum { INITIALIZE, FINALIZE, GET_INFO, GET_FUNCTION_LIST, WAIT_FOR_SLOT_EVENT = 67, GET_INTERFACE_LIST, GET_INTERFACE };

#endif
