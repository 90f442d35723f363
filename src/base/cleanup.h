/* SPDX-License-Identifier: BSD-2-Clause */
/* Scope-bound cleanup for hosted code: an early return stays correct when someone adds a line. */
#ifndef HF_CLEANUP_H
#define HF_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* hf_auto(fn) TYPE x = ...; calls fn(&x) when x goes out of scope. */
#define hf_auto(fn) __attribute__((cleanup(fn)))

/* Hands x to someone else: the cleanup then finds NULL (or -1). */
#define hf_take_ptr(x)                                                                                                 \
    ({                                                                                                                 \
        __typeof__(x) hf_taken_ = (x);                                                                                 \
        (x) = NULL;                                                                                                    \
        hf_taken_;                                                                                                     \
    })
#define hf_take_fd(x)                                                                                                  \
    ({                                                                                                                 \
        int hf_taken_ = (x);                                                                                           \
        (x) = -1;                                                                                                      \
        hf_taken_;                                                                                                     \
    })

#define HF_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline void hf_cleanup_free(void *p)
{
    free(*(void **)p);
}

static inline void hf_cleanup_close(int *fd)
{
    int saved = errno;

    if (*fd >= 0)
        (void)close(*fd);
    errno = saved;
}

#endif
