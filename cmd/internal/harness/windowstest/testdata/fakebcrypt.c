/* fakebcrypt: replaces bcrypt.dll, whose functions for the registration of providers Wine
 * only has in name. It writes what it is given to C:\bcrypt.txt, one call per line. The
 * structures are read at the places that Windows gives them, not by a header. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define EXPORT __declspec(dllexport) LONG WINAPI

static const void *at(const void *p, int offset)
{
	const void *v;

	memcpy(&v, (const char *)p + offset, sizeof v);
	return v;
}

static uint32_t number(const void *p, int offset)
{
	uint32_t v;

	memcpy(&v, (const char *)p + offset, sizeof v);
	return v;
}

static void line(const char *text)
{
	FILE *f = fopen("C:\\bcrypt.txt", "a");

	if (f != NULL) {
		fprintf(f, "%s\n", text);
		fclose(f);
	}
}

EXPORT BCryptRegisterProvider(const WCHAR *name, ULONG flags, const void *reg)
{
	char text[512];
	const void *user = at(reg, 16), *usage;

	usage = at(at(user, 16), 0);
	snprintf(text, sizeof text, "register %ls, flags %lu, aliases %u, kernel %d, image %ls, interfaces %u: %u, flags %u, functions %u: %ls", name,
	         (unsigned long)flags, number(reg, 0), at(reg, 24) != NULL, (const WCHAR *)at(user, 0), number(user, 8), number(usage, 0),
	         number(usage, 4), number(usage, 8), (const WCHAR *)at(at(usage, 16), 0));
	line(text);
	return 0;
}

EXPORT BCryptUnregisterProvider(const WCHAR *name)
{
	char text[512];

	snprintf(text, sizeof text, "unregister %ls", name);
	line(text);
	return 0;
}

EXPORT BCryptAddContextFunctionProvider(ULONG table, const WCHAR *context, ULONG id, const WCHAR *function, const WCHAR *name, ULONG position)
{
	char text[512];

	snprintf(text, sizeof text, "add table %lu, context %d, interface %lu, %ls, %ls, position %lu", (unsigned long)table, context != NULL,
	         (unsigned long)id, function, name, (unsigned long)position);
	line(text);
	return 0;
}

/* As if nothing were there: STATUS_NOT_FOUND. */
EXPORT BCryptRemoveContextFunctionProvider(ULONG table, const WCHAR *context, ULONG id, const WCHAR *function, const WCHAR *name)
{
	char text[512];

	snprintf(text, sizeof text, "remove table %lu, context %d, interface %lu, %ls, %ls", (unsigned long)table, context != NULL,
	         (unsigned long)id, function, name);
	line(text);
	return (LONG)0xC0000225;
}
