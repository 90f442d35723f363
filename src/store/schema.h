/* SPDX-License-Identifier: BSD-2-Clause */
/* schema.sql as the build found it: its CREATE statements in order, ended by NULL. */
#ifndef HF_SCHEMA_H
#define HF_SCHEMA_H

#define HF_APPLICATION_ID 0x686f6c64U /* "hold" */
#define HF_FORMAT         1U          /* what this program writes */
#define HF_FORMAT_READER  1U          /* the lowest format a reader of our files must know */
#define HF_USER_VERSION   (HF_FORMAT_READER << 16 | HF_FORMAT)

extern const char *const hf_schema[];

#endif
