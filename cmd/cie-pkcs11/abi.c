/* The C ABI: every C_ function checks the fork flag and enters Go, on a thread of
 * the module (guest.c). */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "_cgo_export.h"

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#define EXPORT __declspec(dllexport)
#define FORKED 0

static const char here;

/* The threads of the Go runtime continue after the last user of the library has
 * closed it, so it must stay loaded until the process ends. */
__attribute__((constructor)) static void stay_loaded(void)
{
	HMODULE module;

	GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (const WCHAR *)&here, &module);
}
#else
#include "guest.h"

#define EXPORT __attribute__((visibility("default")))
#define FORKED guest_forked
#endif

/* GO(name, (a, b)) is the result of a function exported by Go. */
#ifdef _WIN32
#define GO(name, args) cie##name args
#define NONE ()
#else
#define CAST1(a) (uintptr_t)(a)
#define CAST2(a, ...) (uintptr_t)(a), CAST1(__VA_ARGS__)
#define CAST3(a, ...) (uintptr_t)(a), CAST2(__VA_ARGS__)
#define CAST4(a, ...) (uintptr_t)(a), CAST3(__VA_ARGS__)
#define CAST5(a, ...) (uintptr_t)(a), CAST4(__VA_ARGS__)
#define CAST6(a, ...) (uintptr_t)(a), CAST5(__VA_ARGS__)
#define CAST7(a, ...) (uintptr_t)(a), CAST6(__VA_ARGS__)
#define CAST8(a, ...) (uintptr_t)(a), CAST7(__VA_ARGS__)
#define CAST9(a, ...) (uintptr_t)(a), CAST8(__VA_ARGS__)
#define PICK(a1, a2, a3, a4, a5, a6, a7, a8, a9, cast, ...) cast
#define CAST(...) PICK(__VA_ARGS__, CAST9, CAST8, CAST7, CAST6, CAST5, CAST4, CAST3, CAST2, CAST1, )(__VA_ARGS__)
#define GO(name, args) guest_call((guest_function)(void (*)(void))cie##name, (const uintptr_t[GUEST_ARGS]){CAST args})
#define NONE (0)
#endif

/* The return value of a function in a forked child. C_Initialize may not return
 * CKR_CRYPTOKI_NOT_INITIALIZED (5.4). */
static inline CK_RV child_rv(const char *name)
{
	return strcmp(name, "C_Initialize") == 0 ? CKR_FUNCTION_FAILED : CKR_CRYPTOKI_NOT_INITIALIZED;
}

#define FUNCTION(linkage, name, params, call) \
	linkage name params \
	{ \
		if (FORKED) \
			return child_rv(#name); \
		return call; \
	}

/* The layouts that programs were compiled with (2.1): packed, with numbers of 4
 * bytes, on Windows, aligned elsewhere. */
#define LAYOUT(type, windows, lp64) \
	_Static_assert(sizeof(type) == (sizeof(CK_ULONG) == 4 && sizeof(void *) == 8 ? (windows) : (lp64)) || sizeof(void *) != 8, #type)

LAYOUT(CK_ULONG, 4, 8);
LAYOUT(CK_VERSION, 2, 2);
LAYOUT(CK_INFO, 72, 88);
LAYOUT(CK_SLOT_INFO, 104, 112);
LAYOUT(CK_TOKEN_INFO, 160, 208);
LAYOUT(CK_SESSION_INFO, 16, 32);
LAYOUT(CK_ATTRIBUTE, 16, 24);
LAYOUT(CK_MECHANISM, 16, 24);
LAYOUT(CK_MECHANISM_INFO, 12, 24);
LAYOUT(CK_C_INITIALIZE_ARGS, 44, 48);
LAYOUT(CK_INTERFACE, 20, 24);
LAYOUT(CK_FUNCTION_LIST, 2 + 68 * 8, 8 + 68 * 8);
LAYOUT(CK_FUNCTION_LIST_3_0, 2 + 92 * 8, 8 + 92 * 8);

/* Go aborts the program if it finds a small number in place of a pointer. The lowest
 * address that it accepts as a pointer is unreadable too, but reading it is only a
 * panic. */
#define P(p) ((p) != NULL && (uintptr_t)(p) < 4096 ? (void *)4096 : (p))

#define WRAP(name, params, args) FUNCTION(EXPORT CK_RV, C_##name, params, GO(name, args))
#define WRAP_INIT(name, params) FUNCTION(EXPORT CK_RV, C_##name, params, GO(NoMechanism, (s, P(m))))
#define WRAP_NEVER(name, params) FUNCTION(EXPORT CK_RV, C_##name, params, GO(NeverInitialized, (s)))
#define WRAP_UNSUPPORTED(name, params) FUNCTION(EXPORT CK_RV, C_##name, params, GO(Unsupported, NONE))

CRYPTOKI_FIRST(WRAP)
CRYPTOKI_REST(WRAP, WRAP_INIT, WRAP_NEVER, WRAP_UNSUPPORTED)

/* Only the functions that v2.40 has, and the two that lead to the others, are
 * exported by name; the rest of v3.0 is reached through C_GetInterface. */
#define WRAP_30(name, params, args) FUNCTION(static CK_RV, v30_##name, params, GO(name, args))
#define WRAP_30_UNSUPPORTED(name, params) FUNCTION(static CK_RV, v30_##name, params, GO(Unsupported, NONE))

CRYPTOKI_30(WRAP_30)
CRYPTOKI_30_MESSAGES(WRAP_30_UNSUPPORTED)

/* C_GetInfo of the 3.0 table returns its own version. */
static CK_RV v30_GetInfo(CK_INFO *info)
{
	CK_RV rv = C_GetInfo(info);

	if (rv == CKR_OK) {
		info->cryptokiVersion.major = 3;
		info->cryptokiVersion.minor = 0;
	}
	return rv;
}

EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list);
EXPORT CK_RV C_GetInterfaceList(CK_INTERFACE *list, CK_ULONG *count);
EXPORT CK_RV C_GetInterface(CK_UTF8CHAR *name, CK_VERSION *version, CK_INTERFACE **found, CK_FLAGS flags);

#define ENTRY(name, params, args) C_##name,
#define ENTRY2(name, params) C_##name,
#define ENTRY_30(name, params, args) v30_##name,
#define ENTRY_UNSUPPORTED(name, params) v30_##name,

static CK_FUNCTION_LIST list_240 = {
	{2, 40},
	CRYPTOKI_FIRST(ENTRY)
	C_GetFunctionList,
	CRYPTOKI_REST(ENTRY, ENTRY2, ENTRY2, ENTRY2)
};

static CK_FUNCTION_LIST_3_0 list_30 = {
	{3, 0},
	C_Initialize,
	C_Finalize,
	v30_GetInfo,
	C_GetFunctionList,
	CRYPTOKI_REST(ENTRY, ENTRY2, ENTRY2, ENTRY2)
	C_GetInterfaceList,
	C_GetInterface,
	CRYPTOKI_30(ENTRY_30)
	CRYPTOKI_30_MESSAGES(ENTRY_UNSUPPORTED)
};

/* The first one is the default. None is fork safe. */
static CK_INTERFACE interfaces[] = {
	{(CK_CHAR *)"PKCS 11", &list_30, 0},
	{(CK_CHAR *)"PKCS 11", &list_240, 0},
};

#define INTERFACES (sizeof interfaces / sizeof interfaces[0])

/* The functions that lead to the others need no Go, and so work in a forked child
 * as well. */

EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	if (list == NULL)
		return CKR_ARGUMENTS_BAD;
	*list = &list_240;
	return CKR_OK;
}

EXPORT CK_RV C_GetInterfaceList(CK_INTERFACE *list, CK_ULONG *count)
{
	CK_ULONG room;

	if (count == NULL)
		return CKR_ARGUMENTS_BAD;
	room = *count;
	*count = INTERFACES;
	if (list == NULL)
		return CKR_OK;
	if (room < INTERFACES)
		return CKR_BUFFER_TOO_SMALL;
	memcpy(list, interfaces, sizeof interfaces);
	return CKR_OK;
}

EXPORT CK_RV C_GetInterface(CK_UTF8CHAR *name, CK_VERSION *version, CK_INTERFACE **found, CK_FLAGS flags)
{
	size_t i;

	if (found == NULL)
		return CKR_ARGUMENTS_BAD;
	for (i = 0; i < INTERFACES; i++) {
		const CK_VERSION *v = interfaces[i].pFunctionList;

		if (name != NULL && strcmp((const char *)name, (const char *)interfaces[i].pInterfaceName) != 0)
			continue;
		if (version != NULL && (version->major != v->major || version->minor != v->minor))
			continue;
		if ((interfaces[i].flags & flags) != flags)
			continue;
		*found = &interfaces[i];
		return CKR_OK;
	}
	return CKR_FUNCTION_FAILED;
}
