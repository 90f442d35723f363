/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe_told.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "findings.h"
#include "hex.h"

#define SCHEMA 1

/* ---- told ---- */

/* What a file ends with is mostly zeros, of which its size tells. */
static size_t without_zeros(const struct hf_acpi_file *file)
{
    size_t n = file->size;

    while (n > 0 && file->bytes[n - 1] == 0)
        n--;
    return n;
}

static json_t *hex_of(const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    hf_auto(hf_cleanup_free) char *text = malloc(2 * size + 1);

    for (size_t i = 0; text && i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    return text ? json_stringn(text, 2 * size) : NULL;
}

static json_t *files_of(const struct hf_fwcfg_view *view)
{
    json_t *files = json_array();

    for (size_t i = 0; i < view->count; i++) {
        const struct hf_fwcfg_file *row = &view->directory[i];
        json_t *file =
            json_pack("{s:s, s:i, s:I}", "name", row->name, "key", (int)row->key, "size", (json_int_t)row->size);

        if (view->files[i].size)
            (void)json_object_set_new(file, "bytes", hex_of(view->files[i].bytes, without_zeros(&view->files[i])));
        (void)json_array_append_new(files, file);
    }
    return files;
}

json_t *hf_probe_told_write(const struct hf_probe_side *side)
{
    json_t *told = json_pack("{s:i, s:s, s:[iii]}", "schema", SCHEMA, "program", side->program, "version",
                             (int)side->version.major, (int)side->version.minor, (int)side->version.micro);

    if (side->view)
        (void)json_object_set_new(told, "files", files_of(side->view));
    else
        (void)json_object_set_new(told, "why", json_string(side->why ? side->why : ""));
    return told;
}

/* ---- heard ---- */

struct heard {
    struct hf_probe_side side;
    struct hf_fwcfg_view *view;
};

static int wrong(const char *what, struct hf_error *err)
{
    return hf_error_set(err, HF_EPROTO, "a host's probe of its QEMU: invalid '%s'", what);
}

static bool is_printable(const char *text)
{
    for (; text && *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    return text != NULL;
}

/* `size` bytes; those that the text does not give are zeros. */
static int read_bytes(const char *text, size_t size, uint8_t **ret, struct hf_error *err)
{
    size_t n = strlen(text) / 2;
    hf_auto(hf_cleanup_free) uint8_t *bytes = n <= size ? calloc(1, size) : NULL;

    if (n > size || strlen(text) % 2)
        return wrong("bytes", err);
    if (!bytes)
        return hf_error_nomem(err);
    for (size_t i = 0; i < n; i++) {
        int high = hf_hex_digit(text[2 * i]), low = hf_hex_digit(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return wrong("bytes", err);
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    *ret = hf_take_ptr(bytes);
    return 0;
}

static int read_file(const json_t *file, struct hf_fwcfg_view *v, size_t *total, struct hf_error *err)
{
    const char *name = json_string_value(json_object_get(file, "name"));
    const char *bytes = json_string_value(json_object_get(file, "bytes"));
    json_int_t key = json_integer_value(json_object_get(file, "key")),
               size = json_integer_value(json_object_get(file, "size"));
    struct hf_fwcfg_file *row = &v->directory[v->count];
    struct hf_acpi_file *to = &v->files[v->count];
    uint8_t *read = NULL;
    int r;

    if (!is_printable(name) || strlen(name) >= sizeof row->name)
        return wrong("name", err);
    if (key < 0 || key > UINT16_MAX || size < 0 || size > UINT32_MAX)
        return wrong("size", err);
    strcpy(row->name, name);
    row->key = (uint16_t)key;
    row->size = (uint32_t)size;
    to->name = row->name;
    v->count++;
    if (!bytes)
        return 0;
    *total += row->size;
    if (size == 0 || row->size > HF_ACPI_FILE_MAX || *total > HF_VIEW_BYTES_MAX)
        return wrong("size", err);
    r = read_bytes(bytes, row->size, &read, err);
    to->bytes = read;
    to->size = r < 0 ? 0 : row->size;
    return r;
}

static int read_view(const json_t *files, struct hf_fwcfg_view **ret, struct hf_error *err)
{
    struct hf_fwcfg_view *v;
    size_t i, total = 0;
    const json_t *file;
    int r = 0;

    if (!json_is_array(files) || json_array_size(files) > HF_VIEW_FILES_MAX)
        return wrong("files", err);
    v = calloc(1, sizeof *v);
    if (!v)
        return hf_error_nomem(err);
    json_array_foreach(files, i, file) {
        r = r < 0 ? r : read_file(file, v, &total, err);
    }
    if (r == 0)
        r = hf_fwcfg_view_complete(v, err);
    if (r < 0) {
        hf_fwcfg_view_free(v);
        return r == -HF_ENOMEM ? r : wrong("files", err);
    }
    *ret = v;
    return 0;
}

static int hear(const json_t *told, struct heard *ret, struct hf_error *err)
{
    const char *program = json_string_value(json_object_get(told, "program"));
    const char *why = json_string_value(json_object_get(told, "why"));
    const json_t *version = json_object_get(told, "version"), *files = json_object_get(told, "files");
    json_int_t numbers[3];
    int r;

    if (json_integer_value(json_object_get(told, "schema")) != SCHEMA)
        return wrong("schema", err);
    if (!is_printable(program))
        return wrong("program", err);
    for (size_t i = 0; i < 3; i++) {
        numbers[i] = json_integer_value(json_array_get(version, i));
        if (numbers[i] < 0 || numbers[i] > 9999)
            return wrong("version", err);
    }
    if (!files && !is_printable(why))
        return wrong("why", err);
    r = files ? read_view(files, &ret->view, err) : 0;
    ret->side = (struct hf_probe_side){
        .program = program,
        .version = {(unsigned)numbers[0], (unsigned)numbers[1], (unsigned)numbers[2]},
        .view = ret->view,
        .why = why,
    };
    return r;
}

int hf_preflight_told(const struct hf_guest_needs *guest, const json_t *here, const json_t *there,
                      char *const *left_out, struct hf_verdict *verdict, struct hf_error *err)
{
    struct heard from = {.view = NULL}, to = {.view = NULL};
    int r = hear(here, &from, err);

    if (r == 0)
        r = hear(there, &to, err);
    if (r == 0 && !from.view && !to.view) {
        hf_find(verdict, "probe-start", HF_FINDING_NOTE, HF_WHEN_NOW, "nothing to do for the move",
                "the QEMUs are not compared: neither builds the guest's machine without the guest: %s", from.side.why);
    } else if (r == 0) {
        const struct hf_probe probe = {.source = from.side, .destination = to.side, .left_out = left_out};

        hf_preflight_probe(guest, &probe, verdict);
    }
    hf_fwcfg_view_free(from.view);
    hf_fwcfg_view_free(to.view);
    return r;
}
