/* A library that says that it was loaded: it writes a file of its name beside
 * the program. */
#define WIN32_LEAN_AND_MEAN /* which leaves winscard.h out */
#include <windows.h>

BOOL WINAPI DllMain(HINSTANCE self, DWORD reason, LPVOID reserved)
{
	(void)reserved;
	if (reason == DLL_PROCESS_ATTACH) {
		char name[MAX_PATH + 8];
		DWORD n = GetModuleFileNameA(self, name, MAX_PATH);
		lstrcpyA(name + n, ".was");
		HANDLE f = CreateFileA(name, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
		if (f != INVALID_HANDLE_VALUE)
			CloseHandle(f);
	}
	return TRUE;
}

__declspec(dllexport) LONG WINAPI SCardEstablishContext(DWORD scope, LPCVOID a, LPCVOID b, LPVOID context)
{
	(void)scope; (void)a; (void)b; (void)context;
	return 0x8010001D; /* SCARD_E_NO_SERVICE */
}
