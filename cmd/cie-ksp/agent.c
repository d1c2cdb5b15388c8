/* The process that uses the card: its start, and the protocol of cmd/internal/kspagent.
 *
 * Threads that wait for an answer take turns in reading: one reads a frame and hands it to the
 * thread whose request it answers. No thread of this library stays in the process. */
#include "ksp.h"

/* How long an agent may take, in milliseconds. An agent that is late is ended. open waits for
 * a reader; so does sign, and if it may ask, for a user too: the agent's question itself has no
 * limit. A cancelled call waits for the end of a command of the card. Tests build the library
 * with shorter limits. */
#ifndef OPEN_TIME
#define OPEN_TIME 60000
#endif
#ifndef SIGN_TIME
#define SIGN_TIME 900000
#endif
#ifndef CANCEL_TIME
#define CANCEL_TIME 10000
#endif
#define WRITE_TIME 10000

/* What a frame has before its body: length, number, status. */
#define HEAD 12

struct call {
	struct call *next;
	const volatile LONG *cancelled; /* not 0: the caller no longer waits; it may be NULL */
	ULONG id;
	ULONGLONG deadline;
	BOOL done;
	STATUS status;
	DWORD size;
	BYTE body[MAX_FRAME];
};

struct agent {
	LONG users; /* guarded by starting */
	HANDLE process, from, to, read_event, write_event;
	HANDLE hurry; /* set when the deadline of a call became earlier */
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

static ULONGLONG deadline_of(struct agent *a, const struct call *c)
{
	ULONGLONG deadline;

	AcquireSRWLockShared(&a->lock);
	deadline = c->deadline;
	ReleaseSRWLockShared(&a->lock);
	return deadline;
}

static DWORD time_until(ULONGLONG deadline)
{
	ULONGLONG now = GetTickCount64();

	return now < deadline ? (DWORD)(deadline - now) : 0;
}

/* Waits for the end of a transfer, and cancels it at the deadline or when the process has
 * ended: another process may hold an end of the pipe, so that the pipe itself would not show
 * it. */
static BOOL finish(struct agent *a, HANDLE pipe, OVERLAPPED *o, const struct call *reader, ULONGLONG deadline, DWORD *done)
{
	HANDLE events[3] = {o->hEvent, a->process, a->hurry};
	DWORD event;

	do {
		if (reader != NULL)
			deadline = deadline_of(a, reader);
		event = WaitForMultipleObjects(reader != NULL ? 3 : 2, events, FALSE, time_until(deadline));
	} while (event == WAIT_OBJECT_0 + 2);
	if (event != WAIT_OBJECT_0)
		CancelIoEx(pipe, o);
	return GetOverlappedResult(pipe, o, done, TRUE) && *done > 0;
}

/* Writes size bytes until a deadline. */
static BOOL write_all(struct agent *a, const BYTE *p, DWORD size, ULONGLONG deadline)
{
	DWORD done = 0;

	for (; size > 0; p += done, size -= done) {
		OVERLAPPED o = {.hEvent = a->write_event};

		if (!WriteFile(a->to, p, size, NULL, &o) && GetLastError() != ERROR_IO_PENDING)
			return FALSE;
		if (!finish(a, a->to, &o, NULL, deadline, &done))
			return FALSE;
	}
	return TRUE;
}

/* Reads size bytes until the deadline of the call whose thread reads. */
static BOOL read_all(struct agent *a, BYTE *p, DWORD size, const struct call *reader)
{
	DWORD done = 0;

	for (; size > 0; p += done, size -= done) {
		OVERLAPPED o = {.hEvent = a->read_event};

		if (!ReadFile(a->from, p, size, NULL, &o) && GetLastError() != ERROR_IO_PENDING)
			return FALSE;
		if (!finish(a, a->from, &o, reader, 0, &done))
			return FALSE;
	}
	return TRUE;
}

/* Reads one frame and hands it to its call. */
static BOOL read_frame(struct agent *a, const struct call *reader)
{
	BYTE head[HEAD], body[MAX_FRAME];
	DWORD size;
	struct call *c;

	if (!read_all(a, head, HEAD, reader))
		return FALSE;
	size = get32(head);
	if (size < HEAD - 4 || size > MAX_FRAME)
		return FALSE;
	size -= HEAD - 4;
	if (!read_all(a, body, size, reader))
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

/* Sends a request, unless it is cancelled: the agent knows only requests that it has read, so
 * the flag is looked at under the lock under which a cancel is written. */
static BOOL send_frame(struct agent *a, BYTE operation, ULONG id, const BYTE *body, DWORD size, const volatile LONG *cancelled)
{
	BYTE frame[9 + 14 + MAX_MODULUS];
	BOOL wanted, ok = TRUE;

	if (size > sizeof frame - 9)
		return FALSE;
	put32(frame, 5 + size);
	frame[4] = operation;
	put32(frame + 5, id);
	memcpy(frame + 9, body, size);
	AcquireSRWLockExclusive(&a->writing);
	wanted = cancelled == NULL || *cancelled == 0;
	if (wanted)
		ok = write_all(a, frame, 9 + size, GetTickCount64() + WRITE_TIME);
	ReleaseSRWLockExclusive(&a->writing);
	SecureZeroMemory(frame, sizeof frame);
	if (!ok)
		agent_fail(a);
	return wanted && ok;
}

/* Waits until a call is done, and reads for all calls while no other thread does. */
static void await(struct agent *a, struct call *c)
{
	AcquireSRWLockExclusive(&a->lock);
	while (!c->done && !a->lost) {
		BOOL ok;

		if (!a->reading) {
			a->reading = TRUE;
			ReleaseSRWLockExclusive(&a->lock);
			ok = read_frame(a, c);
			if (!ok)
				agent_fail(a);
			AcquireSRWLockExclusive(&a->lock);
			a->reading = FALSE;
			WakeAllConditionVariable(&a->changed);
			continue;
		}
		if (time_until(c->deadline) == 0) {
			ReleaseSRWLockExclusive(&a->lock);
			agent_fail(a); /* ends the thread that reads, too */
			AcquireSRWLockExclusive(&a->lock);
			continue;
		}
		SleepConditionVariableSRW(&a->changed, &a->lock, time_until(c->deadline), 0);
	}
	ReleaseSRWLockExclusive(&a->lock);
}

/* Sends a request and waits for its answer. */
static STATUS request(struct agent *a, struct call *c, BYTE operation, const BYTE *body, DWORD size, DWORD time)
{
	struct call **p;
	STATUS status;

	AcquireSRWLockExclusive(&a->lock);
	c->id = ++a->last;
	c->done = FALSE;
	c->deadline = GetTickCount64() + time;
	c->next = a->calls;
	a->calls = c;
	ReleaseSRWLockExclusive(&a->lock);

	if (send_frame(a, operation, c->id, body, size, c->cancelled))
		await(a, c);

	AcquireSRWLockExclusive(&a->lock);
	for (p = &a->calls; *p != c; p = &(*p)->next)
		;
	*p = c->next;
	if (c->done)
		status = c->status;
	else if (!a->lost)
		status = SCARD_W_CANCELLED_BY_USER; /* before it was sent */
	else
		status = NTE_DEVICE_NOT_READY;
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

STATUS agent_sign(struct agent *a, const volatile LONG *cancelled, const struct public_key *key, HWND window, BOOL silent,
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
	c->cancelled = cancelled;
	status = request(a, c, 2, body, 14 + size, silent ? OPEN_TIME : SIGN_TIME);
	if (status == ERROR_SUCCESS) {
		if (c->size == key->size)
			memcpy(signature, c->body, c->size);
		else
			status = malformed(a);
	}
	free_memory(c);
	return status;
}

void agent_cancel(struct agent *a, const volatile LONG *cancelled)
{
	const ULONGLONG deadline = GetTickCount64() + CANCEL_TIME;
	ULONG ids[16];
	DWORD n = 0, i;
	struct call *c;
	BYTE body[4];

	AcquireSRWLockExclusive(&a->lock);
	for (c = a->calls; c != NULL; c = c->next) {
		if (c->cancelled != cancelled || c->done)
			continue;
		if (deadline < c->deadline)
			c->deadline = deadline;
		if (n < 16)
			ids[n++] = c->id;
	}
	WakeAllConditionVariable(&a->changed);
	ReleaseSRWLockExclusive(&a->lock);
	SetEvent(a->hurry);
	for (i = 0; i < n; i++) {
		put32(body, ids[i]);
		if (!send_frame(a, 3, 0, body, 4, NULL))
			return;
	}
}

void agent_close(struct agent *a, ULONG number)
{
	BYTE body[4];

	put32(body, number);
	if (!agent_lost(a))
		send_frame(a, 4, 0, body, 4, NULL);
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
	close_handle(a->hurry);
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
	a->hurry = CreateEventW(NULL, FALSE, FALSE, NULL);
	ok = a->read_event != NULL && a->write_event != NULL && a->hurry != NULL && make_pipe(TRUE, &a->to, &in) && make_pipe(FALSE, &a->from, &out) &&
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
