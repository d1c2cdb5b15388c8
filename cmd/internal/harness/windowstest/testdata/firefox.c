/* firefox LOCK: imitates a running browser. It starts a second process of itself
 * and keeps the lock of its profile open exclusively. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <stdio.h>

int main(int argc, char **argv)
{
	char line[16], self[MAX_PATH], command[MAX_PATH + 16];
	STARTUPINFOA startup = {sizeof startup};
	PROCESS_INFORMATION child;

	if (argc > 1 && lstrcmpA(argv[1], "-contentproc") == 0) {
		Sleep(INFINITE);
		return 0;
	}
	if (argc < 2 || CreateFileA(argv[1], GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL) == INVALID_HANDLE_VALUE)
		return 1;
	GetModuleFileNameA(NULL, self, sizeof self);
	snprintf(command, sizeof command, "\"%s\" -contentproc", self);
	if (!CreateProcessA(self, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &child))
		return 2;
	printf("%lu\n", GetCurrentProcessId());
	fflush(stdout);
	fgets(line, sizeof line, stdin); /* until the test closes it */
	TerminateProcess(child.hProcess, 0);
	return 0;
}
