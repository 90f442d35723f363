/* SPDX-License-Identifier: BSD-2-Clause */
#include "same_machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"

struct hf_shape {
    char **lines;
    size_t count, room;
    bool sorted;
};

const struct hf_shape_query hf_shape_queries[] = {
    {"qom-list", "{\"path\":\"/machine/peripheral\"}"},
    {"qom-list", "{\"path\":\"/machine/peripheral-anon\"}"},
    {"qom-list", "{\"path\":\"/objects\"}"},
    {"query-block", NULL},
    {"query-named-block-nodes", "{\"flat\":true}"},
    {"query-chardev", NULL},
    {NULL, NULL},
};

struct hf_shape *hf_shape_new(void)
{
    return calloc(1, sizeof(struct hf_shape));
}

void hf_shape_free(struct hf_shape *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->count; i++)
        free(s->lines[i]);
    free(s->lines);
    free(s);
}

static int add_line(struct hf_shape *s, struct hf_error *err, const char *fmt, ...) HF_PRINTF(3, 4);

static int add_line(struct hf_shape *s, struct hf_error *err, const char *fmt, ...)
{
    char **lines;
    va_list ap;
    int n;

    if (s->count == HF_SHAPE_LINES_MAX)
        return hf_error_set(err, HF_EPROTO, "QEMU lists more than %d devices and block nodes", HF_SHAPE_LINES_MAX);
    if (s->count == s->room) {
        lines = reallocarray(s->lines, s->room ? 2 * s->room : 64, sizeof *lines);
        if (lines == NULL)
            return hf_error_nomem(err);
        s->lines = lines;
        s->room = s->room ? 2 * s->room : 64;
    }
    va_start(ap, fmt);
    n = vasprintf(&s->lines[s->count], fmt, ap);
    va_end(ap);
    if (n < 0)
        return hf_error_nomem(err);
    s->count++;
    s->sorted = false;
    return 0;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* "child<virtio-blk-pci>" is a thing; "string", "link<...>" are properties. */
static int add_child(struct hf_shape *s, const json_t *entry, const char *what, bool anonymous, struct hf_error *err)
{
    const char *type = text_of(entry, "type"), *end = strrchr(type, '>');

    if (strncmp(type, "child<", 6) != 0 || end == NULL)
        return 0;
    /* device[0], device[1]: numbers say nothing, and change when another is unplugged. */
    return add_line(s, err, "%s '%s' (%.*s)", what, anonymous ? "" : text_of(entry, "name"), (int)(end - type - 6),
                    type + 6);
}

/* What a drive holds, as far as arguments decide it; how much of it is allocated, or dirty, changes by itself. */
static int add_drive(struct hf_shape *s, const json_t *entry, struct hf_error *err)
{
    const json_t *in = json_object_get(entry, "inserted");
    const char *qdev = text_of(entry, "qdev");

    return add_line(s, err, "drive '%s' with %s%s%s%s%s", qdev[0] ? qdev : text_of(entry, "device"),
                    json_is_object(in) ? text_of(in, "drv") : "no medium", json_is_object(in) ? " '" : "",
                    text_of(in, "file"), json_is_object(in) ? "'" : "",
                    json_is_true(json_object_get(entry, "tray_open")) ? ", tray open" : "");
}

static int add_node(struct hf_shape *s, const json_t *entry, struct hf_error *err)
{
    return add_line(s, err, "block node '%s' (%s '%s'%s)", text_of(entry, "node-name"), text_of(entry, "drv"),
                    text_of(entry, "file"), json_is_true(json_object_get(entry, "ro")) ? ", read-only" : "");
}

static int add_entry(struct hf_shape *s, size_t n, const json_t *entry, struct hf_error *err)
{
    switch (n) {
    case 0:
    case 1:
        return add_child(s, entry, "device", n == 1, err);
    case 2:
        return add_child(s, entry, "object", false, err);
    case 3:
        return add_drive(s, entry, err);
    case 4:
        return add_node(s, entry, err);
    default:
        return add_line(s, err, "character device '%s'", text_of(entry, "label"));
    }
}

int hf_shape_add(struct hf_shape *s, size_t n, const json_t *result, struct hf_error *err)
{
    const json_t *entry;
    size_t i;

    if (!json_is_array(result) || n + 1 >= HF_ARRAY_SIZE(hf_shape_queries))
        return hf_error_set(err, HF_EPROTO, "QEMU's answer number %zu about its devices is no list", n);
    json_array_foreach(result, i, entry) {
        int r = json_is_object(entry) ? add_entry(s, n, entry, err)
                                      : hf_error_set(err, HF_EPROTO, "QEMU's answer to %s holds no object at place %zu",
                                                     hf_shape_queries[n].command, i);

        if (r < 0)
            return r;
    }
    return 0;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct hf_shape *s)
{
    if (!s->sorted && s->count > 0)
        qsort(s->lines, s->count, sizeof *s->lines, compare_lines);
    s->sorted = true;
}

/* The next line from `at` on that begins with `what`. */
static size_t next_of(const struct hf_shape *s, size_t at, const char *what)
{
    while (at < s->count && strncmp(s->lines[at], what, strlen(what)) != 0)
        at++;
    return at;
}

/* Walks both lists, sorted as they are, to the first difference among lines that begin with `what`. */
static bool same_of(const struct hf_shape *start, const struct hf_shape *now, const char *what, char *why, size_t size)
{
    size_t i = next_of(start, 0, what), j = next_of(now, 0, what);

    while (i < start->count && j < now->count && strcmp(start->lines[i], now->lines[j]) == 0) {
        i = next_of(start, i + 1, what);
        j = next_of(now, j + 1, what);
    }
    if (i == start->count && j == now->count)
        return true;
    if (i == start->count || (j < now->count && strcmp(start->lines[i], now->lines[j]) > 0))
        (void)snprintf(why, size, "%s came after the start", now->lines[j]);
    else
        (void)snprintf(why, size, "%s of the start is gone or changed", start->lines[i]);
    return false;
}

bool hf_shape_same(struct hf_shape *start, struct hf_shape *now, char *why, size_t why_size)
{
    /* A disk is a device, a drive and several block nodes; people know it by the first. */
    static const char *const order[] = {"device ", "drive ", ""};

    sort(start);
    sort(now);
    for (size_t i = 0; i < HF_ARRAY_SIZE(order); i++) {
        if (!same_of(start, now, order[i], why, why_size))
            return false;
    }
    return true;
}

bool hf_shape_stateful(const struct hf_shape *s, char *why, size_t why_size)
{
    static const char *const types[] = {"(vfio-",        "(usb-host)",        "(scsi-generic)",
                                        "(scsi-block)",  "(tpm-passthrough)", "(vhost-vdpa-",
                                        "(vhost-user-fs"};

    for (size_t i = 0; i < s->count; i++) {
        for (size_t t = 0; t < HF_ARRAY_SIZE(types); t++) {
            if (strncmp(s->lines[i], "device ", 7) != 0 || strstr(s->lines[i], types[t]) == NULL)
                continue;
            snprintf(why, why_size, "%s keeps state of its own that a restart would end", s->lines[i]);
            return true;
        }
    }
    return false;
}
