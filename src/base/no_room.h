/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of errno's numbers say that a file cannot grow: the disk, the quota, or the limit of `ulimit -f` is reached. */
#ifndef HF_NO_ROOM_H
#define HF_NO_ROOM_H

#include <errno.h>

#include <holdfast/error.h>

static inline enum hf_code hf_no_room_or_io(int number)
{
    return number == ENOSPC || number == EDQUOT || number == EFBIG ? HF_ENOSPC : HF_EIO;
}

#endif
