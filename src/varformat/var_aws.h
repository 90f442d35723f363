/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `uefi-data`, AWS's form of a variable store: base64 of "AMZNUEFI", a CRC32C, a version (0) and a zlib stream with a
 * preset dictionary; inside, a count and for each variable name (UTF-8), data, GUID, attributes and, where its time is
 * authenticated, its time and the digest of who may change it. It has no certdb: that is made from the digests.
 */
#ifndef HF_VAR_AWS_H
#define HF_VAR_AWS_H

#include "var_set.h"

#define HF_VAR_AWS_MAX (1u << 20) /* bytes of the text and of what is inside */

/* By its first characters. */
bool hf_var_aws_is(const void *bytes, size_t size);

/* HF_EDAMAGED: the text names the field; HF_EVERSION; HF_EREFUSED "size"; HF_ENOMEM. */
int hf_var_aws_read(const void *text, size_t size, struct hf_var_set *set, struct hf_error *err);

/* What is inside the stream, without the wrapping. */
int hf_var_aws_parse(const void *bytes, size_t size, struct hf_var_set *set, struct hf_error *err);

/* One line without its end; *text is allocated and ends in a NUL. What hf_var_losses() reports is left out. */
int hf_var_aws_write(const struct hf_var *vars, size_t count, char **text, struct hf_error *err);

#endif
