/* SPDX-License-Identifier: BSD-2-Clause */
#include "life_record.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "state.h"

enum field_type { FIELD_FLAG, FIELD_U32, FIELD_I64, FIELD_TEXT, FIELD_DIGEST, FIELD_LIFE, FIELD_VARIABLES };

struct field {
    const char *name;
    enum field_type type;
    size_t offset, size;
};

#define FIELD(name, type, member)                                                                                      \
    {                                                                                                                  \
        name, FIELD_##type, offsetof(struct hf_life_record, member), sizeof(((struct hf_life_record *)0)->member)      \
    }

static const struct field fields[] = {
    FIELD("life", LIFE, life),
    FIELD("life.changes", I64, changes),
    FIELD("trial.limit", U32, trial.limit),
    FIELD("trial.started", U32, trial.started),
    FIELD("trial.failed", U32, trial.failed),
    FIELD("trial.cut", U32, trial.cut),
    FIELD("trial.open", FLAG, trial.open),
    FIELD("trial.unwatched", FLAG, trial.unwatched),
    FIELD("trial.spoiled", FLAG, trial.spoiled),
    FIELD("trial.boot-id", TEXT, trial.boot_id),
    FIELD("applied.changed", FLAG, applied.changed),
    FIELD("applied.vars", DIGEST, applied.vars),
    FIELD("applied.since", I64, applied.since),
    FIELD("applied.staged-since", I64, applied.staged_since),
    FIELD("rollback.variables", VARIABLES, back.variables),
    FIELD("rollback.old-dbx", FLAG, back.old_dbx),
    FIELD("rollback.now", FLAG, back.now),
    FIELD("rollback.automatic", FLAG, back.automatic),
    FIELD("rollback.by-guest", FLAG, back.by_guest),
    FIELD("staged.held", TEXT, held),
    FIELD("staged.consent", FLAG, consent),
    FIELD("staged.no-secure-boot", FLAG, no_secure_boot),
    FIELD("staged.by-guest", FLAG, staged_by_guest),
    FIELD("staged.by-policy", FLAG, staged_by_policy),
    FIELD("policy.has-rejected", FLAG, has_rejected),
    FIELD("policy.rejected", DIGEST, rejected),
    FIELD("policy.offer", TEXT, offer),
    FIELD("suspended", FLAG, suspended.pending),
    FIELD("suspended.since", I64, suspended.since),
    FIELD("suspended.changes", I64, suspended.changes),
    FIELD("suspended.code", DIGEST, suspended.code),
    FIELD("vmm.version", TEXT, vmm),
    FIELD("vmm.machine", TEXT, machine),
    FIELD("guest.tpm", FLAG, tpm),
    FIELD("guest.unwatched", FLAG, unwatched),
};

const char *hf_life_field(size_t n)
{
    return n < HF_ARRAY_SIZE(fields) ? fields[n].name : NULL;
}

static int damaged(const struct field *f, const char *value, struct hf_error *err)
{
    return hf_error_set(err, HF_EDAMAGED, "state '%s': invalid value '%.80s'", f->name, value);
}

static int load_number(struct hf_container *c, const struct field *f, char *to, struct hf_error *err)
{
    int64_t value, max = f->type == FIELD_FLAG ? 1 : f->type == FIELD_U32 ? UINT32_MAX : INT64_MAX;
    char text[24];
    int r = hf_state_number(c, f->name, 0, &value, err);

    if (r < 0)
        return r;
    if (value < 0 || value > max) {
        snprintf(text, sizeof text, "%lld", (long long)value);
        return damaged(f, text, err);
    }
    if (f->type == FIELD_FLAG)
        *(bool *)to = value != 0;
    else if (f->type == FIELD_U32)
        *(uint32_t *)(void *)to = (uint32_t)value;
    else
        *(int64_t *)(void *)to = value;
    return 0;
}

static int parse_text(const struct field *f, const char *value, char *to, struct hf_error *err)
{
    switch (f->type) {
    case FIELD_LIFE:
        return value[0] == '\0' ? 0 : hf_life_parse(value, (enum hf_life *)(void *)to, err);
    case FIELD_DIGEST:
        if (value[0] != '\0' && !hf_digest_parse(value, (struct hf_digest *)(void *)to))
            return damaged(f, value, err);
        return 0;
    case FIELD_VARIABLES:
        if (value[0] != '\0' && strcmp(value, "fallback") != 0 && strcmp(value, "current") != 0)
            return damaged(f, value, err);
        *(enum hf_rollback_variables *)(void *)to =
            strcmp(value, "current") == 0 ? HF_VARIABLES_CURRENT : HF_VARIABLES_FALLBACK;
        return 0;
    default:
        if (strlen(value) >= f->size)
            return damaged(f, value, err);
        memcpy(to, value, strlen(value) + 1);
        return 0;
    }
}

static int load_field(struct hf_container *c, const struct field *f, char *to, struct hf_error *err)
{
    char value[HF_STATE_VALUE_SIZE];
    int r;

    if (f->type == FIELD_FLAG || f->type == FIELD_U32 || f->type == FIELD_I64)
        return load_number(c, f, to, err);
    r = hf_state_text(c, f->name, value, err);
    return r < 0 ? r : parse_text(f, value, to, err);
}

int hf_life_load(struct hf_container *c, struct hf_life_record *record, struct hf_error *err)
{
    struct hf_life_record loaded;

    memset(&loaded, 0, sizeof loaded);
    for (size_t i = 0; i < HF_ARRAY_SIZE(fields); i++) {
        int r = load_field(c, &fields[i], (char *)&loaded + fields[i].offset, err);

        if (r < 0)
            return r;
    }
    *record = loaded;
    return 0;
}

static int save_field(struct hf_container *c, const struct field *f, const char *from, struct hf_error *err)
{
    char text[HF_DIGEST_TEXT_SIZE];

    switch (f->type) {
    case FIELD_FLAG:
        return hf_state_set_number(c, f->name, *(const bool *)from, err);
    case FIELD_U32:
        return hf_state_set_number(c, f->name, *(const uint32_t *)(const void *)from, err);
    case FIELD_I64:
        return hf_state_set_number(c, f->name, *(const int64_t *)(const void *)from, err);
    case FIELD_LIFE:
        return hf_state_set_text(c, f->name, hf_life_name(*(const enum hf_life *)(const void *)from), err);
    case FIELD_VARIABLES:
        return hf_state_set_text(
            c, f->name,
            *(const enum hf_rollback_variables *)(const void *)from == HF_VARIABLES_CURRENT ? "current" : "fallback",
            err);
    case FIELD_DIGEST:
        return hf_state_set_text(c, f->name, hf_digest_text((const struct hf_digest *)(const void *)from, text), err);
    case FIELD_TEXT:
    default:
        return hf_state_set_text(c, f->name, from, err);
    }
}

static bool field_equal(const struct field *f, const char *a, const char *b)
{
    return f->type == FIELD_TEXT ? strcmp(a, b) == 0 : memcmp(a, b, f->size) == 0;
}

int hf_life_save(struct hf_container *c, const struct hf_life_record *was, const struct hf_life_record *now,
                 struct hf_error *err)
{
    for (size_t i = 0; i < HF_ARRAY_SIZE(fields); i++) {
        const struct field *f = &fields[i];
        int r = 0;

        if (!field_equal(f, (const char *)was + f->offset, (const char *)now + f->offset))
            r = save_field(c, f, (const char *)now + f->offset, err);
        if (r < 0)
            return r;
    }
    return 0;
}
