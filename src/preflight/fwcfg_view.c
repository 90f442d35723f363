/* SPDX-License-Identifier: BSD-2-Clause */
#include "fwcfg_view.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

static int add_row(void *opaque, const struct hf_fwcfg_file *file)
{
    struct hf_fwcfg_view *v = opaque;

    if (v->count == HF_VIEW_FILES_MAX)
        return -HF_EREFUSED;
    v->directory[v->count++] = *file;
    return 0;
}

/* The tables are built at the first select, and their sizes with them. */
static int list(struct hf_fwcfg_client *client, struct hf_fwcfg_view *v, struct hf_error *err)
{
    struct hf_fwcfg_file script;
    int r = hf_fwcfg_client_open(client);

    if (r == 0 && hf_fwcfg_client_find(client, HF_ACPI_SCRIPT_FILE, &script) == 0)
        hf_fwcfg_client_select(client, script.key);
    if (r == 0)
        r = hf_fwcfg_client_list(client, add_row, v);
    if (r == -HF_EREFUSED)
        return hf_error_refuse(err, "limits", "fw_cfg: too many files; the limit is %d", HF_VIEW_FILES_MAX);
    return r < 0 ? hf_error_set(err, HF_EPROTO, "fw_cfg: cannot be read") : 0;
}

static int read_file(struct hf_fwcfg_client *client, struct hf_fwcfg_view *v, size_t i, size_t *total,
                     struct hf_error *err)
{
    const struct hf_fwcfg_file *row = &v->directory[i];
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    int r;

    v->files[i].name = row->name;
    if (strncmp(row->name, "etc/", 4) != 0 || row->size == 0)
        return 0;
    *total += row->size;
    if (row->size > HF_ACPI_FILE_MAX || *total > HF_VIEW_BYTES_MAX)
        return hf_error_refuse(err, "limits", "fw_cfg file '%s': too large: %u bytes", row->name, row->size);
    bytes = malloc(row->size);
    if (!bytes)
        return hf_error_nomem(err);
    r = hf_fwcfg_client_read(client, row, bytes, row->size);
    if (r < 0)
        return hf_error_set(err, HF_EPROTO, "fw_cfg file '%s': cannot be read", row->name);
    v->files[i].bytes = hf_take_ptr(bytes);
    v->files[i].size = row->size;
    return 0;
}

int hf_fwcfg_view_complete(struct hf_fwcfg_view *v, struct hf_error *err)
{
    int script = hf_fwcfg_view_find(v, HF_ACPI_SCRIPT_FILE), r;

    v->bundle.files = v->files;
    v->bundle.count = v->count;
    if (script < 0)
        return 0;
    v->bundle.script = v->files[script].bytes;
    v->bundle.script_size = v->files[script].size;
    r = hf_acpi_bundle_check(&v->bundle, err);
    if (r == 0)
        hf_acpi_assume_writable(&v->bundle, v->files);
    return r;
}

static int read_all(struct hf_fwcfg_client *client, struct hf_fwcfg_view *v, struct hf_error *err)
{
    size_t total = 0;
    int r = list(client, v, err);

    for (size_t i = 0; r == 0 && i < v->count; i++)
        r = read_file(client, v, i, &total, err);
    return r < 0 ? r : hf_fwcfg_view_complete(v, err);
}

int hf_fwcfg_view_read(struct hf_fwcfg_client *client, struct hf_fwcfg_view **ret, struct hf_error *err)
{
    struct hf_fwcfg_view *v = calloc(1, sizeof *v);
    int r = v ? read_all(client, v, err) : hf_error_nomem(err);

    if (r < 0)
        hf_fwcfg_view_free(v);
    else
        *ret = v;
    return r;
}

void hf_fwcfg_view_free(struct hf_fwcfg_view *view)
{
    for (size_t i = 0; view && i < view->count; i++)
        free((void *)(uintptr_t)view->files[i].bytes);
    free(view);
}

int hf_fwcfg_view_find(const struct hf_fwcfg_view *view, const char *name)
{
    for (size_t i = 0; i < view->count; i++)
        if (strcmp(view->directory[i].name, name) == 0)
            return (int)i;
    return -1;
}
