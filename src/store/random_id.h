/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HF_RANDOM_ID_H
#define HF_RANDOM_ID_H

#include "container.h"

/* 128 random bits as text. */
int hf_random_id(char id[HF_ID_TEXT_SIZE], struct hf_error *err);

#endif
