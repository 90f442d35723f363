/* SPDX-License-Identifier: BSD-2-Clause */
/* data/aws-uefi/dict.v0, built in. */
#ifndef HF_AWS_DICTIONARY_H
#define HF_AWS_DICTIONARY_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t hf_aws_dictionary[];
extern const size_t hf_aws_dictionary_size;

#endif
