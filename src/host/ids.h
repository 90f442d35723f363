/* SPDX-License-Identifier: BSD-2-Clause */
/* Identities as text: of containers, hosts, guests. */
#ifndef HF_IDS_H
#define HF_IDS_H

#include <holdfast/error.h>

#define HF_ID_TEXT_SIZE   33 /* 32 lower-case hexadecimal digits and the NUL */
#define HF_UUID_TEXT_SIZE 37 /* lower case, as 8-4-4-4-12 */
#define HF_HOST_NAME_SIZE 128

/* 128 random bits as text. HF_EIO. */
int hf_random_id(char id[HF_ID_TEXT_SIZE], struct hf_error *err);

#endif
