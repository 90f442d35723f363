/* SPDX-License-Identifier: BSD-2-Clause */
#include "device_tree.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"

/*
 *     bus: main-system-bus
 *       type System
 *       dev: q35-pcihost, id ""
 *         bus: pcie.0
 *           type PCIE
 *           dev: VGA, id ""
 *             romfile = "vgabios-stdvga.bin"
 *             rombar = 1 (0x1)
 */
#define ROOT "bus: main-system-bus"

struct level {
    size_t indent;
    char type[HF_DEVICE_TYPE_SIZE];
};

struct reading {
    const struct hf_device_visitor *visitor;
    struct level level[HF_DEVICE_DEPTH_MAX]; /* the device that is told of, and those whose buses it sits on */
    size_t depth;
    size_t devices, romfiles, rombars; /* a PCI device has one of both */
};

static void json_drop(json_t **json)
{
    json_decref(*json);
}

static int is_no_list(struct hf_error *err, const char *why)
{
    return hf_error_set(err, HF_EPROTO, "QMP info qtree: not a list of devices: %s", why);
}

/* VGA, id "" */
static int on_device(struct reading *r, size_t indent, const char *line, size_t size, struct hf_error *err)
{
    const char *comma = memchr(line, ',', size);
    size_t n = comma ? (size_t)(comma - line) : size;
    struct level *here;

    while (r->depth > 0 && r->level[r->depth - 1].indent >= indent)
        r->depth--;
    if (r->depth == HF_DEVICE_DEPTH_MAX)
        return is_no_list(err, "too many buses behind each other");
    if (n == 0 || n >= HF_DEVICE_TYPE_SIZE || memchr(line, ' ', n))
        return is_no_list(err, "a device without a type");
    here = &r->level[r->depth++];
    here->indent = indent;
    memcpy(here->type, line, n);
    here->type[n] = '\0';
    r->devices++;
    if (!r->visitor->device)
        return 0;
    return r->visitor->device(r->visitor->ctx, here->type, r->depth > 1 ? r->level[r->depth - 2].type : "", err);
}

/* "vgabios-stdvga.bin", with the quotes; <null> */
static int on_romfile(struct reading *r, const char *line, size_t size, struct hf_error *err)
{
    char name[HF_DEVICE_VALUE_SIZE];

    r->romfiles++;
    if (size < 2 || line[0] != '"' || line[size - 1] != '"')
        return 0;
    if (size - 2 >= sizeof name)
        return is_no_list(err, "too long a name of a ROM");
    memcpy(name, line + 1, size - 2);
    name[size - 2] = '\0';
    return r->visitor->romfile && name[0] ? r->visitor->romfile(r->visitor->ctx, name, err) : 0;
}

static bool takes(const char **line, size_t *size, const char *what)
{
    size_t n = strlen(what);

    if (*size < n || memcmp(*line, what, n) != 0)
        return false;
    *line += n;
    *size -= n;
    return true;
}

static int on_line(struct reading *r, const char *line, size_t size, struct hf_error *err)
{
    size_t indent = 0;

    while (indent < size && line[indent] == ' ')
        indent++;
    line += indent;
    size -= indent;
    if (takes(&line, &size, "dev: "))
        return on_device(r, indent, line, size, err);
    if (takes(&line, &size, "romfile = "))
        return on_romfile(r, line, size, err);
    r->rombars += takes(&line, &size, "rombar = ");
    return 0;
}

int hf_device_tree_parse(const char *text, const struct hf_device_visitor *visitor, struct hf_error *err)
{
    struct reading r = {.visitor = visitor, .depth = 0};
    int result = 0;

    if (strncmp(text, ROOT, sizeof ROOT - 1) != 0)
        return is_no_list(err, "it does not begin with the system's bus");
    while (*text && result == 0) {
        size_t size = strcspn(text, "\n"), length = size;

        if (length > 0 && text[length - 1] == '\r')
            length--;
        result = on_line(&r, text, length, err);
        text += size + (text[size] == '\n');
    }
    if (result < 0)
        return result;
    if (r.devices == 0)
        return is_no_list(err, "it is empty");
    if (r.romfiles != r.rombars)
        return is_no_list(err, "a PCI device without the name of its ROM");
    return 0;
}

int hf_device_tree_ask(struct hf_monitor *m, const struct hf_device_visitor *visitor, struct hf_error *err)
{
    hf_auto(json_drop) json_t *text = NULL;
    int r =
        hf_monitor_execute(m, "human-monitor-command", json_pack("{s:s}", "command-line", "info qtree"), &text, err);

    if (r < 0)
        return r;
    if (!json_is_string(text))
        return is_no_list(err, "no text");
    return hf_device_tree_parse(json_string_value(text), visitor, err);
}
