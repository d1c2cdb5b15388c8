/* The types of the PC/SC framework of macOS that the programs use, for the
 * compile check on another system (../../check). On a Mac the header of the
 * framework is used. */
#ifndef CIE_WINTYPES_H
#define CIE_WINTYPES_H

#include <stdint.h>

typedef const char *LPCSTR;
typedef char *LPSTR;

#endif
