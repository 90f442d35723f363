/* SPDX-License-Identifier: BSD-2-Clause */
/* What the host replied, for people and as JSON. The host's texts are hostile: no control character gets through. */
#ifndef HF_GUEST_TELLING_H
#define HF_GUEST_TELLING_H

#include <stdbool.h>

#include <holdfast/error.h>

#include "mailbox_wire.h"

#define TELLING_SCHEMA 1

/* 0 when the reply says done; else what it says, with what can be done about it. */
int telling_check(const struct hf_mailbox_reply *reply, struct hf_error *err);

/* On standard output. `verb` is the JSON's; `hint` stands behind the facts, for people, and may be NULL. */
void telling_print(const char *verb, const struct hf_mailbox_reply *reply, const char *hint, bool json);

/* {"staged", "allowed", "offered"}: what the host has of Secure Boot keys. */
void telling_keys_json(const struct hf_mailbox_reply *reply);

/* An error as JSON on standard output: {"schema", "verb", "error": {"status", "rule", "text"}}. */
void telling_error(const char *verb, const struct hf_error *err);

#endif
