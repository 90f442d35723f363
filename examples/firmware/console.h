/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CONSOLE_H
#define CONSOLE_H

/* %s, %d (unsigned), %x. To the debug console. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

#endif
