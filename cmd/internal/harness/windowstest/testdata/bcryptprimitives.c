/* A bcryptprimitives.dll for a wine that has none (before 8.3): the Go runtime
 * takes its random numbers from there and does not start without it. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <ntsecapi.h> /* RtlGenRandom */

__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *data, SIZE_T length)
{
	while (length > 0) {
		ULONG n = length > 1 << 20 ? 1 << 20 : (ULONG)length;

		if (!RtlGenRandom(data, n))
			return FALSE;
		data += n;
		length -= n;
	}
	return TRUE;
}
