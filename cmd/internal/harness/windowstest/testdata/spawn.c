/* spawn FD FILE FD FILE ... -- PROGRAM ARG...: runs a program with files open
 * as file descriptors of the C runtime, as cmd.exe does for "3< file". With
 * "env NAME=VALUE" in the place of a file the program gets that variable. */
#include <fcntl.h>
#include <io.h>
#include <process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* quote returns an argument as CommandLineToArgvW and the C runtime read it. */
static char *quote(const char *arg)
{
	char *out = malloc(2 * strlen(arg) + 3), *to = out;
	size_t slashes = 0;

	if (out == NULL)
		exit(96);
	*to++ = '"';
	for (; *arg != 0; arg++) {
		if (*arg == '"') {
			for (slashes++; slashes > 0; slashes--)
				*to++ = '\\';
		} else {
			slashes = *arg == '\\' ? slashes + 1 : 0;
		}
		*to++ = *arg;
	}
	for (; slashes > 0; slashes--)
		*to++ = '\\';
	*to++ = '"';
	*to = 0;
	return out;
}

int main(int argc, char **argv)
{
	int i, k;
	const char *program;

	for (i = 1; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
		int writes = argv[i + 1][0] == '>';
		int fd;

		if (strcmp(argv[i], "env") == 0) {
			if (_putenv(argv[i + 1]) != 0)
				return 97;
			continue;
		}
		fd = _open(argv[i + 1] + writes, (writes ? _O_WRONLY | _O_CREAT : _O_RDONLY) | _O_BINARY, 0600);

		if (fd < 0 || _dup2(fd, atoi(argv[i])) != 0)
			return 99;
		if (fd != atoi(argv[i]))
			_close(fd);
	}
	if (i + 1 >= argc)
		return 98;
	program = argv[i + 1];
	for (k = i + 1; k < argc; k++)
		argv[k] = quote(argv[k]);
	return (int)_spawnv(_P_WAIT, program, (const char *const *)argv + i + 1);
}
