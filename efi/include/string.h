/* SPDX-License-Identifier: BSD-2-Clause */
/* What the driver and the library's freestanding parts use of <string.h>; defined in freestanding.c. */
#ifndef HF_EFI_STRING_H
#define HF_EFI_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);

#endif
