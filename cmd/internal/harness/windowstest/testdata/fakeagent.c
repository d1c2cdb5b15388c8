/* fakeagent: replaces cie.exe ksp-agent and answers the library wrongly, in the way that the
 * name of the container says. "good" answers an open rightly, with a key of zeros. */
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

	WriteFile(out, p, n, &done, NULL);
}

/* frame writes length, number, status and size bytes of body. */
static void frame(uint32_t length, uint32_t id, uint32_t status, const unsigned char *body, DWORD size)
{
	uint32_t head[3] = {length, id, status};

	put(head, sizeof head);
	put(body, size);
}

int main(void)
{
	unsigned char body[2048] = {0};
	uint32_t length, id;

	in = GetStdHandle(STD_INPUT_HANDLE);
	out = GetStdHandle(STD_OUTPUT_HANDLE);
	while (get(&length, 4) && length <= sizeof body && get(body, length)) {
		char name[65] = "";
		unsigned char answer[2048] = {1, 0, 0, 0, 1, 0, 1, 0, 0, 1};

		memcpy(&id, body + 1, 4);
		if (body[0] == 2) { /* sign: a signature that is too short */
			frame(8 + 255, id, 0, answer, 255);
			continue;
		}
		if (body[0] != 1)
			continue;
		memcpy(name, body + 5, length - 5);
		if (strcmp(name, "good") == 0)
			frame(8 + 10 + 256, id, 0, answer, 10 + 256);
		else if (strcmp(name, "exit") == 0)
			return 0;
		else if (strcmp(name, "half") == 0) {
			frame(8 + 10 + 256, id, 0, answer, 10);
			return 0;
		} else if (strcmp(name, "short") == 0)
			frame(7, id, 0, NULL, 0);
		else if (strcmp(name, "long") == 0)
			frame(0xFFFFFFFF, id, 0, answer, 1024);
		else if (strcmp(name, "too long") == 0)
			frame(1025, id, 0, answer, 1017);
		else if (strcmp(name, "unknown number") == 0)
			frame(8, id + 1, 0, NULL, 0);
		else if (strcmp(name, "empty") == 0)
			frame(8, id, 0, NULL, 0);
		else if (strcmp(name, "small modulus") == 0) {
			answer[8] = 127;
			answer[9] = 0;
			frame(8 + 10 + 127, id, 0, answer, 10 + 127);
		} else if (strcmp(name, "missing modulus") == 0)
			frame(8 + 10 + 255, id, 0, answer, 10 + 255);
		else if (strcmp(name, "large modulus") == 0) {
			answer[8] = 0xFF;
			answer[9] = 0xFF;
			frame(8 + 10 + 600, id, 0, answer, 10 + 600);
		} else if (strcmp(name, "odd reader") == 0)
			frame(8 + 10 + 256 + 3, id, 0, answer, 10 + 256 + 3);
		else if (strcmp(name, "long reader") == 0)
			frame(8 + 10 + 256 + 600, id, 0, answer, 10 + 256 + 600);
		else if (strcmp(name, "no exponent") == 0) {
			answer[4] = answer[6] = 0;
			frame(8 + 10 + 256, id, 0, answer, 10 + 256);
		} else if (strcmp(name, "positive status") == 0)
			frame(8, id, 5, NULL, 0);
	}
	return 0;
}
