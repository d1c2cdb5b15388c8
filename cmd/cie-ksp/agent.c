/* The process that uses the card: its start, and the protocol of cmd/internal/kspagent.
 *
 * Threads that wait for an answer take turns in reading: one reads a frame and hands it to the
 * thread whose request it answers. No thread of this library stays in the process. */
#include "ksp.h"

/* How long an agent may take. open waits for a reader; sign waits for a user, and the
 * agent's question itself has no limit. An agent that is late is ended. */
#define OPEN_TIME 60000
#define SIGN_TIME 900000
#define WRITE_TIME 10000

/* What a frame has before its body: length, number, status. */
#define HEAD 12

struct call {
	struct call *next;
	const void *owner;
	ULONG id;
	BOOL done;
	STATUS status;
	DWORD size;
	BYTE body[MAX_FRAME];
};

struct agent {
	LONG users; /* guarded by starting */
	HANDLE process, from, to, read_event, write_event;
	DWORD pid;

	SRWLOCK writing; /* one frame at a time; taken before lock */
	SRWLOCK lock;    /* guards the following */
	CONDITION_VARIABLE changed;
	BOOL lost, reading;
	ULONG last;
	struct call *calls;
};

/* The agent of this process. */
static struct agent *current;
static SRWLOCK starting = SRWLOCK_INIT;

static void close_handle(HANDLE h)
{
	if (h != NULL && h != INVALID_HANDLE_VALUE)
		CloseHandle(h);
}

static void put32(BYTE *p, ULONG v)
{
	memcpy(p, &v, 4);
}

static ULONG get32(const BYTE *p)
{
	ULONG v;

	memcpy(&v, p, 4);
	return v;
}

/* Marks an agent as unusable and ends its process: a request may have been read by halves. */
static void agent_fail(struct agent *a)
{
	AcquireSRWLockExclusive(&a->lock);
	if (!a->lost) {
		a->lost = TRUE;
		TerminateProcess(a->process, 1);
	}
	WakeAllConditionVariable(&a->changed);
	ReleaseSRWLockExclusive(&a->lock);
}

BOOL agent_lost(struct agent *a)
{
	BOOL lost;

	AcquireSRWLockShared(&a->lock);
	lost = a->lost;
	ReleaseSRWLockShared(&a->lock);
	return lost || WaitForSingleObject(a->process, 0) == WAIT_OBJECT_0;
}

/* Reads or writes size bytes, and fails when the process has ended: another process may hold
 * an end of the pipe, so that the pipe itself would not show it. */
static BOOL transfer(struct agent *a, BOOL write, BYTE *p, DWORD size, ULONGLONG deadline)
{
	HANDLE pipe = write ? a->to : a->from, events[2] = {write ? a->write_event : a->read_event, a->process};

	while (size > 0) {
		OVERLAPPED o = {.hEvent = events[0]};
		ULONGLONG now = GetTickCount64();
		DWORD done = 0;
		BOOL ok = write ? WriteFile(pipe, p, size, NULL, &o) : ReadFile(pipe, p, size, NULL, &o);

		if (!ok && GetLastError() != ERROR_IO_PENDING)
			return FALSE;
		if (WaitForMultipleObjects(2, events, FALSE, now < deadline ? (DWORD)(deadline - now) : 0) != WAIT_OBJECT_0)
			CancelIoEx(pipe, &o);
		if (!GetOverlappedResult(pipe, &o, &done, TRUE) || done == 0)
			return FALSE;
		p += done;
		size -= done;
	}
	return TRUE;
}

/* Reads one frame and hands it to its call. */
static BOOL read_frame(struct agent *a, ULONGLONG deadline)
{
	BYTE head[HEAD], body[MAX_FRAME];
	DWORD size;
	struct call *c;

	if (!transfer(a, FALSE, head, HEAD, deadline))
		return FALSE;
	size = get32(head);
	if (size < HEAD - 4 || size > MAX_FRAME)
		return FALSE;
	size -= HEAD - 4;
	if (!transfer(a, FALSE, body, size, deadline))
		return FALSE;
	AcquireSRWLockExclusive(&a->lock);
	for (c = a->calls; c != NULL && (c->id != get32(head + 4) || c->done); c = c->next)
		;
	if (c != NULL) {
		c->status = (STATUS)get32(head + 8);
		c->size = size;
		memcpy(c->body, body, size);
		c->done = TRUE;
	}
	ReleaseSRWLockExclusive(&a->lock);
	return c != NULL;
}

static BOOL send_frame(struct agent *a, BYTE operation, ULONG id, const BYTE *body, DWORD size)
{
	BYTE frame[9 + 14 + MAX_MODULUS];
	BOOL ok;

	if (size > sizeof frame - 9)
		return FALSE;
	put32(frame, 5 + size);
	frame[4] = operation;
	put32(frame + 5, id);
	memcpy(frame + 9, body, size);
	AcquireSRWLockExclusive(&a->writing);
	ok = transfer(a, TRUE, frame, 9 + size, GetTickCount64() + WRITE_TIME);
	ReleaseSRWLockExclusive(&a->writing);
	SecureZeroMemory(frame, sizeof frame);
	if (!ok)
		agent_fail(a);
	return ok;
}

/* Waits until a call is done, and reads for all calls while no other thread does. */
static void await(struct agent *a, struct call *c, ULONGLONG deadline)
{
	AcquireSRWLockExclusive(&a->lock);
	while (!c->done && !a->lost) {
		BOOL ok;
		ULONGLONG now;

		if (!a->reading) {
			a->reading = TRUE;
			ReleaseSRWLockExclusive(&a->lock);
			ok = read_frame(a, deadline);
			if (!ok)
				agent_fail(a);
			AcquireSRWLockExclusive(&a->lock);
			a->reading = FALSE;
			WakeAllConditionVariable(&a->changed);
			continue;
		}
		now = GetTickCount64();
		if (now >= deadline || !SleepConditionVariableSRW(&a->changed, &a->lock, (DWORD)(deadline - now), 0)) {
			if (GetTickCount64() < deadline)
				continue;
			ReleaseSRWLockExclusive(&a->lock);
			agent_fail(a); /* ends the thread that reads, too */
			AcquireSRWLockExclusive(&a->lock);
		}
	}
	ReleaseSRWLockExclusive(&a->lock);
}

/* Sends a request and waits for its answer. c has an owner, or none. */
static STATUS request(struct agent *a, struct call *c, BYTE operation, const BYTE *body, DWORD size, DWORD time)
{
	struct call **p;
	STATUS status;

	AcquireSRWLockExclusive(&a->lock);
	c->id = ++a->last;
	c->done = FALSE;
	c->next = a->calls;
	a->calls = c;
	ReleaseSRWLockExclusive(&a->lock);

	if (send_frame(a, operation, c->id, body, size))
		await(a, c, GetTickCount64() + time);

	AcquireSRWLockExclusive(&a->lock);
	for (p = &a->calls; *p != c; p = &(*p)->next)
		;
	*p = c->next;
	status = c->done ? c->status : NTE_DEVICE_NOT_READY;
	ReleaseSRWLockExclusive(&a->lock);
	/* Anything but success and an error is none of the agent's. */
	return status > 0 ? NTE_FAIL : status;
}

static STATUS malformed(struct agent *a)
{
	agent_fail(a);
	return NTE_DEVICE_NOT_READY;
}

STATUS agent_open(struct agent *a, const char *container, struct public_key *key)
{
	struct call *c = take_memory(sizeof *c);
	STATUS status;
	DWORD size, rest;

	if (c == NULL)
		return NTE_NO_MEMORY;
	status = request(a, c, 1, (const BYTE *)container, (DWORD)strlen(container), OPEN_TIME);
	if (status == ERROR_SUCCESS) {
		size = c->size < 10 ? 0 : c->body[8] | c->body[9] << 8;
		rest = c->size - 10 - size;
		if (size < 128 || size > MAX_MODULUS || size > c->size - 10 || rest % 2 != 0 || rest > 2 * MAX_READER || get32(c->body + 4) < 3) {
			status = malformed(a);
		} else {
			ZeroMemory(key, sizeof *key);
			key->number = get32(c->body);
			key->exponent = get32(c->body + 4);
			key->size = size;
			memcpy(key->modulus, c->body + 10, size);
			memcpy(key->reader, c->body + 10 + size, rest);
		}
	}
	free_memory(c);
	return status;
}

STATUS agent_sign(struct agent *a, const void *owner, const struct public_key *key, HWND window, BOOL silent,
                  BYTE hash, const BYTE *data, DWORD size, BYTE *signature)
{
	struct call *c = take_memory(sizeof *c);
	BYTE body[14 + MAX_SIGN];
	STATUS status;

	if (c == NULL)
		return NTE_NO_MEMORY;
	if (size > MAX_SIGN) {
		free_memory(c);
		return NTE_BAD_LEN;
	}
	put32(body, key->number);
	put32(body + 4, (ULONG)(ULONG_PTR)window); /* window handles have 32 significant bits */
	put32(body + 8, 0);
	body[12] = silent ? 1 : 0;
	body[13] = hash;
	memcpy(body + 14, data, size);
	if (!silent)
		AllowSetForegroundWindow(a->pid); /* the question comes from another process */
	c->owner = owner;
	status = request(a, c, 2, body, 14 + size, SIGN_TIME);
	if (status == ERROR_SUCCESS) {
		if (c->size == key->size)
			memcpy(signature, c->body, c->size);
		else
			status = malformed(a);
	}
	free_memory(c);
	return status;
}

void agent_cancel(struct agent *a, const void *owner)
{
	ULONG ids[16];
	DWORD n = 0, i;
	struct call *c;
	BYTE body[4];

	AcquireSRWLockShared(&a->lock);
	for (c = a->calls; c != NULL && n < 16; c = c->next)
		if (c->owner == owner && !c->done)
			ids[n++] = c->id;
	ReleaseSRWLockShared(&a->lock);
	for (i = 0; i < n; i++) {
		put32(body, ids[i]);
		if (!send_frame(a, 3, 0, body, 4))
			return;
	}
}

void agent_close(struct agent *a, ULONG number)
{
	BYTE body[4];

	put32(body, number);
	if (!agent_lost(a))
		send_frame(a, 4, 0, body, 4);
}

/* Makes one pipe: the end of this process for overlapped use, and not inheritable, and the end
 * of the child. Its name is random, and it has only one
 * instance, so that no other process can have opened it. */
static BOOL make_pipe(BOOL to_child, HANDLE *here, HANDLE *there)
{
	static const WCHAR digits[] = L"0123456789abcdef";
	WCHAR name[64] = L"\\\\.\\pipe\\cie-ksp-";
	SECURITY_ATTRIBUTES inherit = {sizeof inherit, NULL, TRUE};
	BYTE random[16];
	int i, n = lstrlenW(name);

	if (BCryptGenRandom(NULL, random, sizeof random, BCRYPT_USE_SYSTEM_PREFERRED_RNG) < 0)
		return FALSE;
	for (i = 0; i < 16; i++) {
		name[n++] = digits[random[i] >> 4];
		name[n++] = digits[random[i] & 15];
	}
	name[n] = 0;
	*here = CreateNamedPipeW(name, (to_child ? PIPE_ACCESS_OUTBOUND : PIPE_ACCESS_INBOUND) | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
	                         PIPE_TYPE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, 1, 4096, 4096, 0, NULL);
	if (*here == INVALID_HANDLE_VALUE)
		return FALSE;
	*there = CreateFileW(name, to_child ? GENERIC_READ : GENERIC_WRITE, 0, &inherit, OPEN_EXISTING, 0, NULL);
	return *there != INVALID_HANDLE_VALUE;
}

/* The path that the installer recorded: nothing that a user can change. */
static BOOL agent_path(WCHAR *path, DWORD size)
{
	return RegGetValueW(HKEY_LOCAL_MACHINE, REGISTRY_KEY, REGISTRY_AGENT, RRF_RT_REG_SZ | RRF_SUBKEY_WOW6464KEY, NULL, path, &size) == ERROR_SUCCESS &&
	       path[0] != 0 && path[1] == L':' && wcschr(path, L'"') == NULL;
}

/* Appends the handle of this process, by which the agent notices its end. */
static void append_handle(WCHAR *line, HANDLE h)
{
	int n = lstrlenW(line), shift;

	for (shift = 28; shift >= 0; shift -= 4)
		line[n++] = L"0123456789abcdef"[((ULONG)(ULONG_PTR)h >> shift) & 15];
	line[n] = 0;
}

static BOOL create_process(struct agent *a, HANDLE in, HANDLE out, HANDLE self)
{
	WCHAR path[MAX_PATH], line[MAX_PATH + 64], dir[MAX_PATH];
	HANDLE inherited[3] = {in, out, self};
	STARTUPINFOEXW start;
	PROCESS_INFORMATION info;
	SIZE_T size = 0;
	BOOL ok = FALSE;
	const DWORD flags = EXTENDED_STARTUPINFO_PRESENT | CREATE_NO_WINDOW;

	if (!agent_path(path, sizeof path) || !GetSystemDirectoryW(dir, MAX_PATH))
		return FALSE;
	lstrcpyW(line, L"\"");
	lstrcatW(line, path);
	lstrcatW(line, L"\" ksp-agent ");
	append_handle(line, self);

	ZeroMemory(&start, sizeof start);
	start.StartupInfo.cb = sizeof start;
	start.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
	start.StartupInfo.hStdInput = in;
	start.StartupInfo.hStdOutput = out;
	InitializeProcThreadAttributeList(NULL, 1, 0, &size);
	start.lpAttributeList = take_memory(size);
	if (start.lpAttributeList == NULL)
		return FALSE;
	if (InitializeProcThreadAttributeList(start.lpAttributeList, 1, 0, &size)) {
		if (UpdateProcThreadAttribute(start.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, inherited, sizeof inherited, NULL, NULL)) {
			/* A job of the browser must not end the agent or forbid it windows; not
			 * every job lets a process out. */
			ok = CreateProcessW(path, line, NULL, NULL, TRUE, flags | CREATE_BREAKAWAY_FROM_JOB, NULL, dir, &start.StartupInfo, &info) ||
			     CreateProcessW(path, line, NULL, NULL, TRUE, flags, NULL, dir, &start.StartupInfo, &info);
		}
		DeleteProcThreadAttributeList(start.lpAttributeList);
	}
	free_memory(start.lpAttributeList);
	if (ok) {
		CloseHandle(info.hThread);
		a->process = info.hProcess;
		a->pid = info.dwProcessId;
	}
	return ok;
}

static void agent_free(struct agent *a)
{
	close_handle(a->to); /* the agent ends */
	close_handle(a->from);
	close_handle(a->process);
	close_handle(a->read_event);
	close_handle(a->write_event);
	free_memory(a);
}

static struct agent *agent_start(void)
{
	struct agent *a = take_memory(sizeof *a);
	HANDLE in = NULL, out = NULL, self = NULL, me = GetCurrentProcess();
	BOOL ok;

	if (a == NULL)
		return NULL;
	InitializeSRWLock(&a->writing);
	InitializeSRWLock(&a->lock);
	InitializeConditionVariable(&a->changed);
	a->read_event = CreateEventW(NULL, TRUE, FALSE, NULL);
	a->write_event = CreateEventW(NULL, TRUE, FALSE, NULL);
	ok = a->read_event != NULL && a->write_event != NULL && make_pipe(TRUE, &a->to, &in) && make_pipe(FALSE, &a->from, &out) &&
	     DuplicateHandle(me, me, me, &self, SYNCHRONIZE, TRUE, 0) && create_process(a, in, out, self);
	close_handle(in);
	close_handle(out);
	close_handle(self);
	if (!ok) {
		agent_free(a);
		return NULL;
	}
	return a;
}

STATUS agent_get(struct agent **agent)
{
	AcquireSRWLockExclusive(&starting);
	if (current != NULL && agent_lost(current))
		current = NULL; /* its users release it */
	if (current == NULL)
		current = agent_start();
	*agent = current;
	if (current != NULL)
		current->users++;
	ReleaseSRWLockExclusive(&starting);
	return *agent != NULL ? ERROR_SUCCESS : NTE_DEVICE_NOT_READY;
}

void agent_hold(struct agent *a)
{
	AcquireSRWLockExclusive(&starting);
	a->users++;
	ReleaseSRWLockExclusive(&starting);
}

void agent_put(struct agent *a)
{
	BOOL last;

	AcquireSRWLockExclusive(&starting);
	last = --a->users == 0;
	if (last && current == a)
		current = NULL;
	ReleaseSRWLockExclusive(&starting);
	if (last)
		agent_free(a);
}

void agent_drop(void)
{
	struct agent *a = current;

	current = NULL;
	if (a != NULL)
		agent_free(a);
}
