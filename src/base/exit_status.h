/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The exit status of this project's programs. Not part of libholdfast-fw: what a VMM's exit statuses mean is its own.
 */
#ifndef HF_EXIT_STATUS_H
#define HF_EXIT_STATUS_H

#include <holdfast/error.h>

/* 0 done, 1 failed, 2 usage, 3 refused, 4 not found, 5 damaged, 6 owned or locked elsewhere, 7 done but not synced.
 * `code` has either sign. */
static inline int hf_exit_status(int code)
{
    switch (code < 0 ? -code : code) {
    case HF_OK:
        return 0;
    case HF_EUSAGE:
        return 2;
    case HF_EREFUSED:
    case HF_EVERSION:
        return 3;
    case HF_ENOTFOUND:
        return 4;
    case HF_EDAMAGED:
        return 5;
    case HF_EOWNED:
        return 6;
    case HF_EUNSYNCED:
        return 7;
    default:
        return 1;
    }
}

#endif
