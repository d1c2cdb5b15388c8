/* fakeagent: replaces cie.exe ksp-agent and answers the library wrongly, late or not at all, in
 * the way that the name of the container says. What is not named below answers an open rightly,
 * with a key of zeros. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static HANDLE in, out;

static int get(void *p, DWORD n)
{
	DWORD got;
	unsigned char *q = p;

	for (; n > 0; n -= got, q += got)
		if (!ReadFile(in, q, n, &got, NULL) || got == 0)
			return 0;
	return 1;
}

static void put(const void *p, DWORD n)
{
	DWORD done;

	if (!WriteFile(out, p, n, &done, NULL))
		ExitProcess(1); /* the library does not read any more */
}

/* frame writes length, number, status and size bytes of body. */
static void frame(uint32_t length, uint32_t id, uint32_t status, const unsigned char *body, DWORD size)
{
	uint32_t head[3] = {length, id, status};

	put(head, sizeof head);
	put(body, size);
}

static void stall(void)
{
	Sleep(INFINITE);
}

/* drip writes a frame that ends later than any limit, a byte at a time. */
static void drip(uint32_t id)
{
	uint32_t head[3] = {1024, id, 0};
	unsigned char zero = 0;

	for (put(head, sizeof head);; Sleep(50))
		put(&zero, 1);
}

static void open_key(const char *name, uint32_t id)
{
	unsigned char answer[2048] = {1, 0, 0, 0, 1, 0, 1, 0, 0, 1};
	DWORD size = 10 + 256;

	if (strcmp(name, "exit") == 0)
		ExitProcess(0);
	else if (strcmp(name, "never") == 0)
		return;
	else if (strcmp(name, "drip") == 0)
		drip(id);
	else if (strcmp(name, "stall") == 0 || strcmp(name, "half") == 0) {
		frame(8 + size, id, 0, answer, 10);
		if (strcmp(name, "stall") == 0)
			stall();
		ExitProcess(0);
	} else if (strcmp(name, "endless") == 0) {
		for (frame(1024, id + 1, 0, answer, 1016);;)
			put(answer, sizeof answer);
	} else if (strcmp(name, "short") == 0)
		return frame(7, id, 0, NULL, 0);
	else if (strcmp(name, "long") == 0)
		return frame(0xFFFFFFFF, id, 0, answer, 1024);
	else if (strcmp(name, "too long") == 0)
		return frame(1025, id, 0, answer, 1017);
	else if (strcmp(name, "unknown number") == 0)
		return frame(8, id + 1, 0, NULL, 0);
	else if (strcmp(name, "empty") == 0)
		return frame(8, id, 0, NULL, 0);
	else if (strcmp(name, "positive status") == 0)
		return frame(8, id, 5, NULL, 0);
	else if (strcmp(name, "small modulus") == 0) {
		answer[8] = 127;
		answer[9] = 0;
		size = 10 + 127;
	} else if (strcmp(name, "missing modulus") == 0)
		size = 10 + 255;
	else if (strcmp(name, "large modulus") == 0) {
		answer[8] = 0xFF;
		answer[9] = 0xFF;
		size = 10 + 600;
	} else if (strcmp(name, "odd reader") == 0)
		size += 3;
	else if (strcmp(name, "long reader") == 0)
		size += 600;
	else if (strcmp(name, "no exponent") == 0)
		answer[4] = answer[6] = 0;
	frame(8 + size, id, 0, answer, size);
}

static void sign(const char *name, uint32_t id)
{
	unsigned char answer[256] = {0};

	if (strcmp(name, "no signature") == 0 || strcmp(name, "cancelled signature") == 0)
		return;
	if (strcmp(name, "drip signature") == 0)
		drip(id);
	if (strcmp(name, "half signature") == 0) {
		frame(8 + 256, id, 0, answer, 100);
		stall();
	}
	frame(8 + 255, id, 0, answer, 255); /* too short */
}

int main(void)
{
	unsigned char body[2048] = {0};
	char name[65] = ""; /* of the key that was opened last */
	uint32_t length, id, signing = 0;

	in = GetStdHandle(STD_INPUT_HANDLE);
	out = GetStdHandle(STD_OUTPUT_HANDLE);
	while (get(&length, 4) && length <= sizeof body && get(body, length)) {
		memcpy(&id, body + 1, 4);
		if (body[0] == 1) {
			memset(name, 0, sizeof name);
			memcpy(name, body + 5, length - 5);
			open_key(name, id);
		} else if (body[0] == 2) {
			signing = id;
			sign(name, id);
		} else if (body[0] == 3 && strcmp(name, "cancelled signature") == 0) {
			memcpy(&id, body + 5, 4);
			if (id == signing) /* not one that it has not read yet */
				frame(8, id, 0x8010006E, NULL, 0);
		}
	}
	return 0;
}
