/* ksp: uses the key storage provider by commands on standard input, through its own table of
 * functions, as Chromium (net/ssl/ssl_platform_key_win.cc) and Mozilla (osclientcerts) do
 * through CNG. The places in the table are written as numbers, not taken from the provider's
 * header.
 *
 *   load DLL            loads the provider and opens it
 *   list                prints the containers of this provider in CURRENT_USER\My, as Chromium
 *                       finds them, and the certificate of the first one
 *   open NAME           opens a key
 *   property NAME       prints a property of the key
 *   provider NAME       prints a property of the provider
 *   window              gives the key a window of this process and shows whether it is enabled; its
 *                       thread handles no messages
 *   pump                gives the key a window whose thread handles messages
 *   destroy             destroys that window
 *   dpi NUMBER          notifies the open box of other dots per inch of its screen, and prints the
 *                       rectangles of its client area and controls
 *   export              prints the public key
 *   sign ALG HEX FLAGS  signs in two steps; ALG is - for none
 *   size ALG HEX FLAGS  only the first step
 *   type ANSWER...      what the next boxes get: digits, +digits with the last try confirmed, or
 *                       cancel; wait leaves the box open
 *   boxes               prints the number of boxes since the last seen
 *   seen                the same, and begins to count again
 *   text                prints the text about the tries of the last box
 *   abuse               calls every entry with bad arguments and prints the number of failures
 *   threads COUNT       signs in four threads, COUNT times in each
 *   churn COUNT         opens and closes the key and prints handles and memory that are left
 *   background HEX      begins a signature in a thread
 *   join                prints the result of that signature
 *   race COUNT          begins a signature and closes the key at once, COUNT times, and prints how
 *                       many signatures did not end as cancelled
 *   suspend             suspends the agents of this process
 *   kill                ends the agents of this process
 *   agents              prints the number of agents of this process
 *   close               closes the key
 *   end                 closes the provider
 *   die                 ends this process at once, without an answer
 *
 * The answer to each is one line: a status, and the result in hexadecimal. */
#define WIN32_LEAN_AND_MEAN
#define UNICODE
#define _WIN32_WINNT 0x0A00
#include <windows.h>
#include <psapi.h>
#include <tlhelp32.h>
#include <wincrypt.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef LONG (*any)(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t);

enum { OPEN_PROVIDER, OPEN_KEY, CREATE_KEY, GET_PROVIDER_PROPERTY, GET_KEY_PROPERTY, SET_PROVIDER_PROPERTY, SET_KEY_PROPERTY,
	FINALIZE_KEY, DELETE_KEY, FREE_PROVIDER, FREE_KEY, FREE_BUFFER, ENCRYPT, DECRYPT, IS_ALG, ENUM_ALGS, ENUM_KEYS, IMPORT_KEY,
	EXPORT_KEY, SIGN_HASH, VERIFY, PROMPT, NOTIFY, SECRET, DERIVE, FREE_SECRET, ENTRIES };

#define NO_LIBRARY 0x7FFF0001
#define INVALID_HANDLE ((LONG)0x80090026)
#define INVALID_PARAMETER ((LONG)0x80090027)
#define NOT_SUPPORTED ((LONG)0x80090029)
#define P(p) ((uintptr_t)(p))

static const unsigned char *table;
static uintptr_t provider, key;
static WCHAR container[80];

static LONG call(int i, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e, uintptr_t f, uintptr_t g, uintptr_t h, uintptr_t k)
{
	any entry;

	memcpy(&entry, table + 8 + 8 * i, sizeof entry);
	return entry(a, b, c, d, e, f, g, h, k);
}

static void answer(LONG status, const void *data, size_t n)
{
	const unsigned char *p = data;

	printf("%08lx ", (unsigned long)status);
	for (; n > 0; n--)
		printf("%02x", *p++);
	printf("\n");
	fflush(stdout);
}

static size_t unhex(const char *s, unsigned char *out)
{
	size_t n = 0;
	unsigned v;

	for (; sscanf(s, "%2x", &v) == 1; s += 2)
		out[n++] = (unsigned char)v;
	return n;
}

static LONG load(const char *path)
{
	HMODULE lib = LoadLibraryA(path);
	any get = lib == NULL ? NULL : (any)(uintptr_t)GetProcAddress(lib, "GetKeyStorageInterface");

	if (get == NULL || get(P(L"CIE Key Storage Provider"), P(&table), 0, 0, 0, 0, 0, 0, 0) != 0 || table[0] != 1)
		return NO_LIBRARY;
	return call(OPEN_PROVIDER, P(&provider), P(L"CIE Key Storage Provider"), 0, 0, 0, 0, 0, 0, 0);
}

/* As Chromium's ClientCertStoreWin: certificates with a key, without asking the provider. */
static void list(void)
{
	HCERTSTORE store = CertOpenStore(CERT_STORE_PROV_SYSTEM_W, 0, 0, CERT_SYSTEM_STORE_CURRENT_USER, L"MY");
	PCCERT_CONTEXT cert = NULL;
	unsigned char found[8192];
	size_t n = 0;

	while ((cert = CertEnumCertificatesInStore(store, cert)) != NULL) {
		DWORD size = 0;
		CRYPT_KEY_PROV_INFO *info;
		char line[256];

		if (!CertGetCertificateContextProperty(cert, CERT_KEY_PROV_INFO_PROP_ID, NULL, &size))
			continue;
		info = malloc(size);
		CertGetCertificateContextProperty(cert, CERT_KEY_PROV_INFO_PROP_ID, info, &size);
		snprintf(line, sizeof line, "%ls|%ls|%lu|%lu|%lu|", info->pwszProvName, info->pwszContainerName, (unsigned long)info->dwProvType,
		         (unsigned long)info->dwKeySpec, (unsigned long)cert->cbCertEncoded);
		if (n + strlen(line) + cert->cbCertEncoded < sizeof found) {
			memcpy(found + n, line, strlen(line));
			n += strlen(line);
			memcpy(found + n, cert->pbCertEncoded, cert->cbCertEncoded);
			n += cert->cbCertEncoded;
		}
		free(info);
	}
	CertCloseStore(store, 0);
	answer(0, found, n);
}

/* Boxes of the agent, found by the class of their windows. */

static char answers[16][32];
static volatile LONG given, wanted, seen;
static WCHAR last_text[512];

/* Sends a message to a box that may close meanwhile. */
static void send(HWND window, UINT message, WPARAM w, LPARAM l)
{
	DWORD_PTR result;

	SendMessageTimeoutW(window, message, w, l, SMTO_ABORTIFHUNG, 10000, &result);
}

static void fill_box(HWND box, const char *text)
{
	WCHAR digits[32];

	if (strcmp(text, "wait") == 0)
		return;
	if (strcmp(text, "cancel") == 0) {
		PostMessageW(box, WM_COMMAND, 2, 0);
		return;
	}
	if (text[0] == '+') {
		send(GetDlgItem(box, 101), BM_CLICK, 0, 0);
		text++;
	}
	MultiByteToWideChar(CP_ACP, 0, text, -1, digits, 32);
	send(GetDlgItem(box, 100), WM_SETTEXT, 0, (LPARAM)digits);
	PostMessageW(GetDlgItem(box, 1), BM_CLICK, 0, 0);
}

static DWORD WINAPI user(void *unused)
{
	HWND box, last = NULL;

	for (;; Sleep(20)) {
		box = FindWindowW(L"CIE-PIN", NULL);
		if (box == last)
			continue;
		last = box;
		if (box == NULL)
			continue;
		while (IsWindow(box) && !IsWindowVisible(box))
			Sleep(10);
		send(GetDlgItem(box, 103), WM_GETTEXT, 512, (LPARAM)last_text);
		InterlockedIncrement(&seen);
		fill_box(box, given < wanted ? answers[given++] : "cancel");
	}
	return 0;
}

static void set_answers(char *rest)
{
	char *word;

	given = wanted = 0;
	for (word = strtok(rest, " "); word != NULL && wanted < 16; word = strtok(NULL, " "))
		snprintf(answers[wanted++], sizeof answers[0], "%s", word);
}

static LPCWSTR algorithm(const char *name, WCHAR wide[16])
{
	if (strcmp(name, "-") == 0)
		return NULL;
	MultiByteToWideChar(CP_ACP, 0, name, -1, wide, 16);
	return wide;
}

/* Two steps as in both browsers: first the size, then the signature. */
static LONG sign(const char *alg, const unsigned char *data, size_t n, DWORD flags, unsigned char *signature, DWORD *size, BOOL only_size)
{
	WCHAR wide[16];
	struct {
		LPCWSTR name;
	} padding = {algorithm(alg, wide)};
	LONG status = call(SIGN_HASH, provider, key, P(&padding), P(data), n, 0, 0, P(size), flags);

	if (status != 0 || only_size)
		return status;
	return call(SIGN_HASH, provider, key, P(&padding), P(data), n, P(signature), *size, P(size), flags);
}

static void do_sign(char *rest, BOOL only_size)
{
	char alg[16], hex[512];
	unsigned char data[256], signature[1024];
	unsigned flags = 2;
	DWORD size = 0;
	LONG status;

	if (sscanf(rest, "%15s %511s %x", alg, hex, &flags) < 2)
		return answer(-1, NULL, 0);
	status = sign(alg, data, unhex(hex, data), flags, signature, &size, only_size);
	if (only_size)
		answer(status, &size, sizeof size);
	else
		answer(status, signature, status == 0 ? size : 0);
}

static DWORD WINAPI sign_many(void *count)
{
	unsigned char data[32] = {1}, signature[1024];
	DWORD size = 0;
	LONG status = 0;
	intptr_t i;

	for (i = 0; i < (intptr_t)count && status == 0; i++)
		status = sign("SHA256", data, sizeof data, 2, signature, &size, FALSE);
	return (DWORD)status;
}

static HANDLE background;
static unsigned char background_data[32];

static DWORD WINAPI sign_once(void *unused)
{
	unsigned char signature[1024];
	DWORD size = 0;

	return (DWORD)sign("SHA256", background_data, sizeof background_data, 2, signature, &size, FALSE);
}

static DWORD wait_thread(HANDLE thread)
{
	DWORD status = 1;

	WaitForSingleObject(thread, 120000);
	GetExitCodeThread(thread, &status);
	CloseHandle(thread);
	return status;
}

static void threads(intptr_t count)
{
	HANDLE list[4];
	DWORD status = 0, one;
	int i;

	for (i = 0; i < 4; i++)
		list[i] = CreateThread(NULL, 0, sign_many, (void *)count, 0, NULL);
	for (i = 0; i < 4; i++)
		if ((one = wait_thread(list[i])) != 0)
			status = one;
	answer((LONG)status, NULL, 0);
}

static LONG open_key(void)
{
	return call(OPEN_KEY, provider, P(&key), P(container), 0, 0, 0, 0, 0, 0);
}

static void churn(int count)
{
	PROCESS_MEMORY_COUNTERS_EX before, after;
	DWORD handles, left;
	uintptr_t more;
	LONG status = 0;
	char line[64];
	int i, warm = 50;

	for (i = 0; i < count + warm && status == 0; i++) {
		if (i == warm) {
			GetProcessHandleCount(GetCurrentProcess(), &handles);
			GetProcessMemoryInfo(GetCurrentProcess(), (PROCESS_MEMORY_COUNTERS *)&before, sizeof before);
		}
		status = call(OPEN_KEY, provider, P(&more), P(container), 0, 0, 0, 0, 0, 0);
		if (status == 0)
			status = call(FREE_KEY, provider, more, 0, 0, 0, 0, 0, 0, 0);
	}
	GetProcessHandleCount(GetCurrentProcess(), &left);
	GetProcessMemoryInfo(GetCurrentProcess(), (PROCESS_MEMORY_COUNTERS *)&after, sizeof after);
	snprintf(line, sizeof line, "%ld %ld", (long)left - (long)handles, ((long)after.PrivateUsage - (long)before.PrivateUsage) / 1024);
	answer(status, line, strlen(line));
}

static void race(int count)
{
	unsigned char wrong = 0;
	LONG status = 0;
	DWORD one;
	int i;

	for (i = 0; i < count && status == 0 && wrong == 0; i++) {
		status = open_key();
		if (status != 0)
			break;
		background = CreateThread(NULL, 0, sign_once, NULL, 0, NULL);
		Sleep((DWORD)i % 8);
		status = call(FREE_KEY, provider, key, 0, 0, 0, 0, 0, 0, 0);
		one = wait_thread(background);
		/* Without a handle there is no signature. */
		wrong += one != 0x8010006E && (LONG)one != INVALID_HANDLE;
	}
	answer(status, &wrong, 1);
}

static void suspend_threads(DWORD process)
{
	HANDLE all = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0), thread;
	THREADENTRY32 e = {.dwSize = sizeof e};
	BOOL more;

	for (more = Thread32First(all, &e); more; more = Thread32Next(all, &e)) {
		if (e.th32OwnerProcessID != process || (thread = OpenThread(THREAD_SUSPEND_RESUME, FALSE, e.th32ThreadID)) == NULL)
			continue;
		SuspendThread(thread);
		CloseHandle(thread);
	}
	CloseHandle(all);
}

enum { COUNT, SUSPEND, KILL };

/* Ends, suspends or counts the processes that this one started from cie.exe. */
static DWORD agents(int what)
{
	HANDLE all = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
	PROCESSENTRY32W e = {.dwSize = sizeof e};
	DWORD n = 0;
	BOOL more;

	for (more = Process32FirstW(all, &e); more; more = Process32NextW(all, &e)) {
		HANDLE p;

		if (e.th32ParentProcessID != GetCurrentProcessId())
			continue;
		p = OpenProcess(PROCESS_TERMINATE | SYNCHRONIZE, FALSE, e.th32ProcessID);
		if (p == NULL)
			continue;
		if (WaitForSingleObject(p, 0) == WAIT_TIMEOUT)
			n++;
		if (what == SUSPEND)
			suspend_threads(e.th32ProcessID);
		if (what == KILL) {
			TerminateProcess(p, 1);
			WaitForSingleObject(p, 10000);
		}
		CloseHandle(p);
	}
	CloseHandle(all);
	return n;
}

/* What is wrong with an answer to a bad call. */
static int failures;

static void expect(int entry, const char *what, LONG got, LONG want)
{
	if (got == want)
		return;
	failures++;
	fprintf(stderr, "entry %d, %s: %08lx, want %08lx\n", entry, what, (unsigned long)got, (unsigned long)want);
}

static void abuse(void)
{
	/* Entries with a key after the provider. */
	static const int with_key[] = {GET_KEY_PROPERTY, SET_KEY_PROPERTY, FREE_KEY, EXPORT_KEY, SIGN_HASH};
	static const int without[] = {CREATE_KEY, FINALIZE_KEY, DELETE_KEY, ENCRYPT, DECRYPT, IMPORT_KEY, VERIFY, PROMPT, NOTIFY, SECRET, DERIVE, FREE_SECRET};
	uintptr_t stale_provider = 0, stale_key = 0, out = 0, bad[8];
	unsigned char data[64] = {0}, short_buffer[4];
	DWORD size = 0;
	void *list = NULL, *state = NULL;
	struct {
		LPCWSTR name;
	} padding = {L"SHA256"};
	size_t i, j;

	failures = 0;
	expect(OPEN_PROVIDER, "stale", call(OPEN_PROVIDER, P(&stale_provider), 0, 0, 0, 0, 0, 0, 0, 0), 0);
	expect(FREE_PROVIDER, "stale", call(FREE_PROVIDER, stale_provider, 0, 0, 0, 0, 0, 0, 0, 0), 0);
	expect(OPEN_KEY, "stale", call(OPEN_KEY, provider, P(&stale_key), P(container), 0, 0, 0, 0, 0, 0), 0);
	expect(FREE_KEY, "stale", call(FREE_KEY, provider, stale_key, 0, 0, 0, 0, 0, 0, 0), 0);
	bad[0] = 0;
	bad[1] = 1;
	bad[2] = ~(uintptr_t)0;
	bad[3] = P(data);         /* a pointer to something else */
	bad[4] = P(data) + 1;     /* misaligned */
	bad[5] = key + 4;         /* another place in the table */
	bad[6] = stale_key;
	bad[7] = stale_provider;

	for (i = 0; i < 8; i++) {
		uintptr_t h = bad[i];

		expect(OPEN_KEY, "provider", call(OPEN_KEY, h, P(&out), P(container), 0, 0, 0, 0, 0, 0), INVALID_HANDLE);
		expect(FREE_PROVIDER, "provider", call(FREE_PROVIDER, h, 0, 0, 0, 0, 0, 0, 0, 0), INVALID_HANDLE);
		expect(GET_PROVIDER_PROPERTY, "provider", call(GET_PROVIDER_PROPERTY, h, P(L"Name"), 0, 0, P(&size), 0, 0, 0, 0), INVALID_HANDLE);
		expect(SET_PROVIDER_PROPERTY, "provider", call(SET_PROVIDER_PROPERTY, h, P(L"Use Context"), P(data), 2, 0, 0, 0, 0, 0), INVALID_HANDLE);
		expect(IS_ALG, "provider", call(IS_ALG, h, P(L"RSA"), 0, 0, 0, 0, 0, 0, 0), INVALID_HANDLE);
		expect(ENUM_ALGS, "provider", call(ENUM_ALGS, h, 0, P(&size), P(&list), 0, 0, 0, 0, 0), INVALID_HANDLE);
		expect(ENUM_KEYS, "provider", call(ENUM_KEYS, h, 0, P(&list), P(&state), 0, 0, 0, 0, 0), INVALID_HANDLE);
		expect(FREE_BUFFER, "pointer", call(FREE_BUFFER, h, 0, 0, 0, 0, 0, 0, 0, 0), INVALID_PARAMETER);
		for (j = 0; j < sizeof with_key / sizeof with_key[0]; j++) {
			expect(with_key[j], "key", call(with_key[j], provider, h, 0, 0, 0, 0, 0, 0, 0), INVALID_HANDLE);
			if (with_key[j] != FREE_KEY)
				expect(with_key[j], "provider", call(with_key[j], h, key, 0, 0, 0, 0, 0, 0, 0), INVALID_HANDLE);
		}
		for (j = 0; j < sizeof without / sizeof without[0]; j++)
			expect(without[j], "any", call(without[j], h, h, 0, 0, 0, 0, 0, 0, 0), NOT_SUPPORTED);
	}
	/* A key is no provider, and a provider no key. */
	expect(FREE_PROVIDER, "key", call(FREE_PROVIDER, key, 0, 0, 0, 0, 0, 0, 0, 0), INVALID_HANDLE);
	expect(FREE_KEY, "provider", call(FREE_KEY, provider, provider, 0, 0, 0, 0, 0, 0, 0), INVALID_HANDLE);

	/* Pointers that a caller left out. */
	expect(OPEN_PROVIDER, "null", call(OPEN_PROVIDER, 0, 0, 0, 0, 0, 0, 0, 0, 0), INVALID_PARAMETER);
	expect(OPEN_PROVIDER, "name", call(OPEN_PROVIDER, P(&out), P(L"Other"), 0, 0, 0, 0, 0, 0, 0), INVALID_PARAMETER);
	expect(OPEN_KEY, "null", call(OPEN_KEY, provider, 0, P(container), 0, 0, 0, 0, 0, 0), INVALID_PARAMETER);
	expect(OPEN_KEY, "no name", call(OPEN_KEY, provider, P(&out), 0, 0, 0, 0, 0, 0, 0), INVALID_PARAMETER);
	expect(OPEN_KEY, "unknown", call(OPEN_KEY, provider, P(&out), P(L"CIE-nothing"), 0, 0, 0, 0, 0, 0), (LONG)0x80090016);
	expect(OPEN_KEY, "odd name", call(OPEN_KEY, provider, P(&out), P(L"\x2603"), 0, 0, 0, 0, 0, 0), (LONG)0x80090016);
	expect(OPEN_KEY, "flags", call(OPEN_KEY, provider, P(&out), P(container), 0, 0x20, 0, 0, 0, 0), (LONG)0x80090009);
	expect(GET_PROVIDER_PROPERTY, "null", call(GET_PROVIDER_PROPERTY, provider, 0, 0, 0, P(&size), 0, 0, 0, 0), INVALID_PARAMETER);
	expect(GET_PROVIDER_PROPERTY, "no result", call(GET_PROVIDER_PROPERTY, provider, P(L"Name"), 0, 0, 0, 0, 0, 0, 0), INVALID_PARAMETER);
	expect(GET_KEY_PROPERTY, "null", call(GET_KEY_PROPERTY, provider, key, 0, 0, 0, P(&size), 0, 0, 0), INVALID_PARAMETER);
	expect(GET_KEY_PROPERTY, "short", call(GET_KEY_PROPERTY, provider, key, P(L"Algorithm Name"), P(short_buffer), 4, P(&size), 0, 0, 0), (LONG)0x80090028);
	expect(GET_KEY_PROPERTY, "unknown", call(GET_KEY_PROPERTY, provider, key, P(L"Nothing"), 0, 0, P(&size), 0, 0, 0), NOT_SUPPORTED);
	expect(SET_KEY_PROPERTY, "short", call(SET_KEY_PROPERTY, provider, key, P(L"HWND Handle"), P(data), 4, 0, 0, 0, 0), INVALID_PARAMETER);
	expect(SET_KEY_PROPERTY, "null", call(SET_KEY_PROPERTY, provider, key, P(L"HWND Handle"), 0, 8, 0, 0, 0, 0), INVALID_PARAMETER);
	expect(SET_KEY_PROPERTY, "PIN", call(SET_KEY_PROPERTY, provider, key, P(L"SmartCardPin"), P(data), 16, 0, 0, 0, 0), NOT_SUPPORTED);
	expect(IS_ALG, "null", call(IS_ALG, provider, 0, 0, 0, 0, 0, 0, 0, 0), INVALID_PARAMETER);
	expect(IS_ALG, "ECDSA", call(IS_ALG, provider, P(L"ECDSA_P256"), 0, 0, 0, 0, 0, 0, 0), NOT_SUPPORTED);
	expect(ENUM_ALGS, "null", call(ENUM_ALGS, provider, 0, 0, 0, 0, 0, 0, 0, 0), INVALID_PARAMETER);
	expect(ENUM_KEYS, "null", call(ENUM_KEYS, provider, 0, 0, 0, 0, 0, 0, 0, 0), INVALID_PARAMETER);
	state = data;
	expect(ENUM_KEYS, "state", call(ENUM_KEYS, provider, 0, P(&list), P(&state), 0, 0, 0, 0, 0), INVALID_PARAMETER);
	expect(EXPORT_KEY, "null", call(EXPORT_KEY, provider, key, 0, 0, 0, 0, 0, P(&size), 0), INVALID_PARAMETER);
	expect(EXPORT_KEY, "private", call(EXPORT_KEY, provider, key, 0, P(L"RSAFULLPRIVATEBLOB"), 0, 0, 0, P(&size), 0), NOT_SUPPORTED);
	expect(SIGN_HASH, "no hash", call(SIGN_HASH, provider, key, P(&padding), 0, 32, 0, 0, P(&size), 2), INVALID_PARAMETER);
	expect(SIGN_HASH, "no padding", call(SIGN_HASH, provider, key, 0, P(data), 32, 0, 0, P(&size), 2), INVALID_PARAMETER);
	expect(SIGN_HASH, "no result", call(SIGN_HASH, provider, key, P(&padding), P(data), 32, P(data), 64, 0, 2), INVALID_PARAMETER);
	expect(SIGN_HASH, "short hash", call(SIGN_HASH, provider, key, P(&padding), P(data), 31, 0, 0, P(&size), 2), (LONG)0x80090004);
	expect(SIGN_HASH, "short signature", call(SIGN_HASH, provider, key, P(&padding), P(data), 32, P(data), 64, P(&size), 2), (LONG)0x80090028);
	expect(SIGN_HASH, "flags", call(SIGN_HASH, provider, key, P(&padding), P(data), 32, 0, 0, P(&size), 0x1002), (LONG)0x80090009);

	/* A buffer is released once. */
	expect(ENUM_ALGS, "all", call(ENUM_ALGS, provider, 0, P(&size), P(&list), 0, 0, 0, 0, 0), 0);
	expect(ENUM_ALGS, "count", size, 1);
	expect(FREE_BUFFER, "first", call(FREE_BUFFER, P(list), 0, 0, 0, 0, 0, 0, 0, 0), 0);
	expect(FREE_BUFFER, "second", call(FREE_BUFFER, P(list), 0, 0, 0, 0, 0, 0, 0, 0), INVALID_PARAMETER);
	state = NULL;
	expect(ENUM_KEYS, "first", call(ENUM_KEYS, provider, 0, P(&list), P(&state), 0, 0, 0, 0, 0), 0);
	expect(FREE_BUFFER, "name", call(FREE_BUFFER, P(list), 0, 0, 0, 0, 0, 0, 0, 0), 0);
	expect(ENUM_KEYS, "end", call(ENUM_KEYS, provider, 0, P(&list), P(&state), 0, 0, 0, 0, 0), (LONG)0x8009002A);
	expect(FREE_BUFFER, "state", call(FREE_BUFFER, P(state), 0, 0, 0, 0, 0, 0, 0, 0), 0);
	answer(failures, NULL, 0);
}

static void property(int entry, const char *name)
{
	WCHAR wide[64];
	unsigned char value[4096];
	DWORD size = 0;
	LONG status;

	MultiByteToWideChar(CP_ACP, 0, name, -1, wide, 64);
	if (entry == GET_KEY_PROPERTY) {
		status = call(entry, provider, key, P(wide), 0, 0, P(&size), 0, 0, 0);
		if (status == 0)
			status = call(entry, provider, key, P(wide), P(value), sizeof value, P(&size), 0, 0, 0);
	} else {
		status = call(entry, provider, P(wide), P(value), sizeof value, P(&size), 0, 0, 0, 0);
	}
	answer(status, value, status == 0 ? size : 0);
}

/* A window whose thread handles messages. */
static HWND pumped;

static DWORD WINAPI pump(void *ready)
{
	MSG m;

	pumped = CreateWindowExW(0, L"STATIC", L"browser", WS_OVERLAPPEDWINDOW | WS_VISIBLE, 50, 50, 300, 200, NULL, NULL, NULL, NULL);
	SetEvent(ready);
	while (IsWindow(pumped) && GetMessageW(&m, NULL, 0, 0) > 0)
		DispatchMessageW(&m);
	return 0;
}

static LONG pump_window(void)
{
	HANDLE ready = CreateEventW(NULL, TRUE, FALSE, NULL);

	CloseHandle(CreateThread(NULL, 0, pump, ready, 0, NULL));
	WaitForSingleObject(ready, 30000);
	CloseHandle(ready);
	return call(SET_KEY_PROPERTY, provider, key, P(L"HWND Handle"), P(&pumped), sizeof pumped, 0, 0, 0, 0);
}

static size_t print_rect(char *out, RECT r)
{
	return (size_t)sprintf(out, "%ld %ld %ld %ld ", r.left, r.top, r.right, r.bottom);
}

static void rescale(UINT dpi)
{
	HWND box = FindWindowW(L"CIE-PIN", NULL), child = NULL;
	char text[2048];
	size_t n;
	RECT r;

	send(box, 0x2E0, MAKEWPARAM(dpi, dpi), 0);
	GetClientRect(box, &r);
	for (n = print_rect(text, r); (child = FindWindowExW(box, child, NULL, NULL)) != NULL; n += print_rect(text + n, r)) {
		GetWindowRect(child, &r);
		MapWindowPoints(NULL, box, (POINT *)&r, 2);
	}
	answer(box == NULL ? -1 : 0, text, n);
}

int main(void)
{
	static char line[16384];
	unsigned char blob[1024];
	DWORD size = 0;
	HWND window = NULL;

	CreateThread(NULL, 0, user, NULL, 0, NULL);
	while (fgets(line, sizeof line, stdin) != NULL) {
		char *rest = strchr(line, ' ');
		LONG status;

		line[strcspn(line, "\r\n")] = 0;
		if (rest != NULL)
			*rest++ = 0;
		if (strcmp(line, "load") == 0) {
			answer(load(rest), NULL, 0);
		} else if (strcmp(line, "list") == 0) {
			list();
		} else if (strcmp(line, "open") == 0) {
			MultiByteToWideChar(CP_ACP, 0, rest, -1, container, 80);
			answer(open_key(), NULL, 0);
		} else if (strcmp(line, "property") == 0) {
			property(GET_KEY_PROPERTY, rest);
		} else if (strcmp(line, "provider") == 0) {
			property(GET_PROVIDER_PROPERTY, rest);
		} else if (strcmp(line, "window") == 0) {
			if (window == NULL)
				window = CreateWindowExW(0, L"STATIC", L"browser", WS_OVERLAPPEDWINDOW | WS_VISIBLE, 50, 50, 300, 200, NULL, NULL, NULL, NULL);
			status = call(SET_KEY_PROPERTY, provider, key, P(L"HWND Handle"), P(&window), sizeof window, 0, 0, 0, 0);
			size = IsWindowEnabled(window);
			answer(status, &size, 1);
		} else if (strcmp(line, "pump") == 0) {
			answer(pump_window(), NULL, 0);
		} else if (strcmp(line, "destroy") == 0) {
			PostMessageW(pumped, WM_CLOSE, 0, 0);
			answer(0, NULL, 0);
		} else if (strcmp(line, "dpi") == 0) {
			rescale((UINT)atoi(rest));
		} else if (strcmp(line, "race") == 0) {
			race(atoi(rest));
		} else if (strcmp(line, "export") == 0) {
			size = 0;
			status = call(EXPORT_KEY, provider, key, 0, P(L"RSAPUBLICBLOB"), 0, 0, 0, P(&size), 0);
			if (status == 0)
				status = call(EXPORT_KEY, provider, key, 0, P(L"RSAPUBLICBLOB"), 0, P(blob), sizeof blob, P(&size), 0);
			answer(status, blob, size);
		} else if (strcmp(line, "sign") == 0) {
			do_sign(rest, FALSE);
		} else if (strcmp(line, "size") == 0) {
			do_sign(rest, TRUE);
		} else if (strcmp(line, "type") == 0) {
			set_answers(rest);
			answer(0, NULL, 0);
		} else if (strcmp(line, "seen") == 0) {
			unsigned char n = (unsigned char)InterlockedExchange(&seen, 0);

			answer(0, &n, 1);
		} else if (strcmp(line, "boxes") == 0) {
			unsigned char n = (unsigned char)seen;

			answer(0, &n, 1);
		} else if (strcmp(line, "text") == 0) {
			answer(0, last_text, 2 * wcslen(last_text));
		} else if (strcmp(line, "abuse") == 0) {
			abuse();
		} else if (strcmp(line, "threads") == 0) {
			threads(atoi(rest));
		} else if (strcmp(line, "churn") == 0) {
			churn(atoi(rest));
		} else if (strcmp(line, "background") == 0) {
			background = CreateThread(NULL, 0, sign_once, NULL, 0, NULL);
			answer(0, NULL, 0);
		} else if (strcmp(line, "join") == 0) {
			answer((LONG)wait_thread(background), NULL, 0);
		} else if (strcmp(line, "kill") == 0 || strcmp(line, "suspend") == 0 || strcmp(line, "agents") == 0) {
			unsigned char n = (unsigned char)agents(line[0] == 'k' ? KILL : line[0] == 's' ? SUSPEND : COUNT);

			answer(0, &n, 1);
		} else if (strcmp(line, "close") == 0) {
			answer(call(FREE_KEY, provider, key, 0, 0, 0, 0, 0, 0, 0), NULL, 0);
		} else if (strcmp(line, "die") == 0) {
			TerminateProcess(GetCurrentProcess(), 1);
		} else if (strcmp(line, "end") == 0) {
			answer(call(FREE_PROVIDER, provider, 0, 0, 0, 0, 0, 0, 0, 0), NULL, 0);
		} else {
			answer(-1, NULL, 0);
		}
	}
	return 0;
}
