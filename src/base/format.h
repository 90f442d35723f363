/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bounded printf for code that has no libc: %s %.*s %c %d %i %u %x %X %o %%, with the flags 0 and -, a width, and the
 * lengths hh h l ll z, and %#x without a zero. Anything else prints its letter and takes no argument: a test looks for it.
 */
#ifndef HF_FORMAT_H
#define HF_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

#include <holdfast/error.h>

/* Writes at most `size` bytes including the NUL; a text that does not fit ends in "...". Returns the length written,
 * without the NUL. `size` must be at least 4. */
size_t hf_vformat(char *buf, size_t size, const char *fmt, va_list ap);
size_t hf_format(char *buf, size_t size, const char *fmt, ...) HF_PRINTF(3, 4);

#endif
