/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine_record.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"

static const struct field {
    const char *name;
    size_t offset, size;
} fields[] = {
    {"machine.devices", offsetof(struct hf_machine_record, devices), HF_MACHINE_DEVICES_MAX + 1},
    {"machine.arguments", offsetof(struct hf_machine_record, arguments), HF_MACHINE_ARGUMENTS_MAX + 1},
};

static void part_name(const struct field *f, size_t n, char name[HF_STATE_NAME_SIZE])
{
    (void)snprintf(name, HF_STATE_NAME_SIZE, "%s.%zu", f->name, n);
}

static size_t parts_of(const struct field *f)
{
    return (f->size - 1) / (HF_STATE_VALUE_SIZE - 1);
}

static int load_field(struct hf_container *c, const struct field *f, char *to, struct hf_error *err)
{
    char name[HF_STATE_NAME_SIZE], value[HF_STATE_VALUE_SIZE];
    size_t used = 0;

    to[0] = '\0';
    for (size_t n = 0; n < parts_of(f); n++) {
        int r;

        part_name(f, n, name);
        r = hf_state_text(c, name, value, err);
        if (r < 0 || value[0] == '\0')
            return r;
        used += (size_t)snprintf(to + used, f->size - used, "%s", value);
    }
    return 0;
}

static int save_field(struct hf_container *c, const struct field *f, const char *from, struct hf_error *err)
{
    char name[HF_STATE_NAME_SIZE], value[HF_STATE_VALUE_SIZE];
    int r = 0;

    for (size_t n = 0; r == 0 && n < parts_of(f); n++) {
        int used = snprintf(value, sizeof value, "%s", from);

        part_name(f, n, name);
        r = used > 0 ? hf_state_set_text(c, name, value, err) : hf_state_clear(c, name, err);
        from += strlen(value);
    }
    return r;
}

int hf_machine_record_load(struct hf_container *c, struct hf_machine_record *record, struct hf_error *err)
{
    int r = hf_state_text(c, "machine.program", record->program, err);

    for (size_t i = 0; r == 0 && i < HF_ARRAY_SIZE(fields); i++)
        r = load_field(c, &fields[i], (char *)record + fields[i].offset, err);
    return r;
}

static bool equal(const struct hf_machine_record *a, const struct hf_machine_record *b)
{
    return strcmp(a->program, b->program) == 0 && strcmp(a->devices, b->devices) == 0 &&
           strcmp(a->arguments, b->arguments) == 0;
}

static int save(struct hf_container *c, const struct hf_machine_record *record, struct hf_error *err)
{
    int r = hf_state_set_text(c, "machine.program", record->program, err);

    for (size_t i = 0; r == 0 && i < HF_ARRAY_SIZE(fields); i++)
        r = save_field(c, &fields[i], (const char *)record + fields[i].offset, err);
    return r;
}

int hf_machine_record_save(struct hf_container *c, const struct hf_machine_record *record, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) struct hf_machine_record *now = calloc(1, sizeof *now);
    int r = now ? hf_machine_record_load(c, now, err) : hf_error_nomem(err);

    if (r < 0 || equal(now, record))
        return r;
    r = hf_begin(c, err);
    if (r == 0)
        r = save(c, record, err);
    if (r == 0)
        return hf_commit(c, HF_DURABLE, err);
    hf_abort(c);
    return r;
}
