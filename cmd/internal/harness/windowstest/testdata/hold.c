/* hold DLL: keeps a library loaded until its input ends, as a browser does. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <stdio.h>

int main(int argc, char **argv)
{
	char line[16];

	if (argc < 2 || LoadLibraryA(argv[1]) == NULL)
		return 1;
	puts("loaded");
	fflush(stdout);
	fgets(line, sizeof line, stdin);
	return 0;
}
