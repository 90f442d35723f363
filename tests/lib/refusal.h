/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One call to the system, or for memory, that fails. The linker sends the program's own calls here (refusal.c, and
 * `refusal_link_args` in meson.build); SQLite's requests for memory come by its own hook. libcrypto's are left alone:
 * what a digest does without memory is said in digest.h.
 */
#ifndef HF_TEST_REFUSAL_H
#define HF_TEST_REFUSAL_H

enum refusal_kind { REFUSE_SYSTEM, REFUSE_MEMORY, REFUSAL_KINDS };

/* Once, before SQLite is used. */
void refusal_init(void);

/* From now on calls count, and the nth of this kind (from 1; 0: none) fails once; `code`: the errno of a system call. */
void refusal_begin(enum refusal_kind kind, unsigned nth, int code);
/* From now on system calls count; before the nth, `happens` is called, and the call goes on. */
void refusal_meanwhile(unsigned nth, void (*happens)(void));
/* Calls do not count any more. How many of the kind there were. */
unsigned refusal_end(void);
/* The call that failed, or that `happens` was called before; or NULL. */
const char *refusal_happened(void);

#endif
