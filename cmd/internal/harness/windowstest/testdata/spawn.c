/* spawn FD FILE FD FILE ... -- PROGRAM ARG...: runs a program with files open
 * as file descriptors of the C runtime, as cmd.exe does for "3< file". */
#include <fcntl.h>
#include <io.h>
#include <process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
		int writes = argv[i + 1][0] == '>';
		int fd = _open(argv[i + 1] + writes, (writes ? _O_WRONLY | _O_CREAT : _O_RDONLY) | _O_BINARY, 0600);

		if (fd < 0 || _dup2(fd, atoi(argv[i])) != 0)
			return 99;
		if (fd != atoi(argv[i]))
			_close(fd);
	}
	if (i + 1 >= argc)
		return 98;
	return (int)_spawnv(_P_WAIT, argv[i + 1], (const char *const *)argv + i + 1);
}
