/* Functions that keep the module from disturbing the program that loaded it. */
#ifndef GUEST_H
#define GUEST_H
#include <signal.h>
#include <stdint.h>

#include "cryptoki.h"

/* Set in a child that was forked from a process with the module. */
extern volatile sig_atomic_t guest_forked;

#define GUEST_ARGS 9

/* A function exported by Go as one of integers. Its parameters are integers and
 * pointers, which every calling convention in use passes in the same way. A function with
 * fewer parameters ignores the rest. */
typedef CK_RV (*guest_function)(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t);

/* Calls f on a thread of the module and waits for it. */
CK_RV guest_call(guest_function f, const uintptr_t args[GUEST_ARGS]);

#endif
