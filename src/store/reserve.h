/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to the store: rows of `chunk` from this id on only hold room; an interrupted reservation leaves them, the
 * next one removes them. */
#ifndef HF_RESERVE_H
#define HF_RESERVE_H

#define HF_RESERVE_FIRST ((int64_t)1 << 48)

#endif
