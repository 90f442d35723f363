/* SPDX-License-Identifier: BSD-2-Clause */
/* What `keys update` was asked to add: sets, files, another guest's keys. */
#ifndef HF_KEY_ADDITIONS_H
#define HF_KEY_ADDITIONS_H

#include "key_update.h"
#include "known_certificate.h"
#include "verb.h"

#define HF_KEY_ADDITIONS_MAX 64

struct hf_key_additions {
    struct hf_key_addition list[HF_KEY_ADDITIONS_MAX];
    struct hf_key_file files[HF_KEY_ADDITIONS_MAX]; /* of each; and the bytes it was read from */
    uint8_t *bytes[HF_KEY_ADDITIONS_MAX];
    char *origins[HF_KEY_ADDITIONS_MAX]; /* where each came from, for messages */
    size_t count;
};

#define HF_KEY_ADDITION_OPTIONS                                                                                        \
    {.name = "set",                                                                                                    \
     .arg = "SET",                                                                                                     \
     .help = "certificates that are built in",                                                                         \
     .words = HF_KEY_SET_WORDS,                                                                                        \
     .repeat = true},                                                                                                  \
        {.name = "pk", .arg = "FILE", .help = "the platform key: one certificate"},                                    \
        {.name = "kek", .arg = "FILE", .help = "keys that may sign updates of db and dbx", .repeat = true},            \
        {.name = "db", .arg = "FILE", .help = "who may sign what the guest boots", .repeat = true},                    \
        {.name = "dbx", .arg = "FILE", .help = "what must no longer run", .repeat = true},                             \
        {.name = "mok", .arg = "FILE", .help = "who else may sign what shim starts", .repeat = true},                  \
        {.name = "from", .arg = "STORE", .help = "KEK, db and dbx of another guest or template"},                      \
    {                                                                                                                  \
        .name = "owner", .arg = "GUID", .help = "who enrolls the certificates", .words = ""                            \
    }

/* From the options above. HF_EUSAGE when there is nothing to add; errors name option and file. End with
 * hf_key_additions_done(). */
int hf_key_additions_read(const struct hf_invocation *inv, struct hf_key_additions *ret, struct hf_error *err);
void hf_key_additions_done(struct hf_key_additions *additions);

#endif
