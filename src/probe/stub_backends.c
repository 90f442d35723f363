/* SPDX-License-Identifier: BSD-2-Clause */
#include "stubbing.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "stub_allowed.h"

#define DISK   "file.driver=null-co,file.read-zeroes=on,file.size=1G,format=raw"
#define FLOPPY "file.driver=null-co,file.read-zeroes=on,file.size=1474560,format=raw"

/* ---- disks ---- */

static int drive_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    static const char *const kept[] = {"if", "index", "bus", "unit", "media", "id", "readonly", "read-only", NULL};
    static const char *const media[] = {"file", "file.*", "driver", "filename", "format", NULL};
    struct hf_stubbing *s = ctx;

    if (!strcmp(key, "if"))
        s->floppy = !strcmp(value, "floppy");
    if (hf_stands_in(key, media))
        s->medium = true;
    if (hf_stands_in(key, kept))
        hf_stubbing_put(s, !strcmp(key, "read-only") ? "readonly" : key, value);
    return 0;
}

static void emit_drive(struct hf_stubbing *s)
{
    const char *medium = !s->medium ? "" : s->floppy ? FLOPPY : DISK;

    if (!s->size && !s->medium)
        return;
    hf_stubbing_emit(s, "drive", NULL);
    hf_words_addf(&s->stub.words, "%s%s%s", s->text ? s->text : "", s->medium && s->size ? "," : "", medium);
}

int hf_stub_drive(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    int r = hf_option_text_each_as_is(text, NULL, drive_pair, s, err);

    if (r == 0)
        emit_drive(s);
    return r;
}

/* -hda and the like, and a bare file name. */
int hf_stub_disk(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    static const struct {
        const char *option, *drive;
    } disks[] = {
        {"hda", "index=0,media=disk"},    {"hdb", "index=1,media=disk"},
        {"hdc", "index=2,media=disk"},    {"hdd", "index=3,media=disk"},
        {"cdrom", "index=2,media=cdrom"}, {"fda", "if=floppy,index=0"},
        {"fdb", "if=floppy,index=1"},     {"sd", "if=sd"},
    };

    for (size_t i = 0; i < HF_ARRAY_SIZE(disks); i++) {
        if (strcmp(disks[i].option, s->option) != 0)
            continue;
        hf_stubbing_emit(s, "drive", NULL);
        hf_words_addf(&s->stub.words, "%s,%s", disks[i].drive, s->option[0] == 'f' ? FLOPPY : DISK);
    }
    return 0;
}

struct nodes {
    char name[8][64];
    size_t count;
    bool read_only;
};

/* A node that another option may name: the option's own, and those written inside it. */
static int blockdev_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    struct nodes *n = ctx;
    const char *last = strrchr(key, '.');

    if (!strcmp(last ? last + 1 : key, "node-name") && n->count < HF_ARRAY_SIZE(n->name))
        snprintf(n->name[n->count++], sizeof n->name[0], "%.63s", value);
    if (!strcmp(key, "read-only"))
        n->read_only = !strcmp(value, "on") || !strcmp(value, "true");
    return 0;
}

int hf_stub_blockdev(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    struct nodes n = {.count = 0};
    int r = hf_option_text_each(text, "driver", blockdev_pair, &n, err);

    for (size_t i = 0; r == 0 && i < n.count; i++) {
        hf_stubbing_emit(s, "blockdev", NULL);
        hf_words_add_json(&s->stub.words,
                          json_pack("{s:s, s:s, s:b, s:I, s:b}", "driver", "null-co", "node-name", n.name[i],
                                    "read-zeroes", true, "size", (json_int_t)1 << 30, "read-only", n.read_only));
    }
    return r;
}

/* ---- the rest ---- */

struct named {
    char id[128];
};

static int id_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    if (!strcmp(key, "id"))
        snprintf(((struct named *)ctx)->id, sizeof((struct named *)ctx)->id, "%.127s", value);
    return 0;
}

/* -netdev, -chardev, -audiodev, -fsdev: another backend under the same id. */
int hf_stub_backend(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    static const struct {
        const char *option, *backend;
    } backends[] = {{"netdev", "hubport,hubid=0"}, {"chardev", "null"}, {"audiodev", "none"}, {"fsdev", "synth"}};
    struct named named = {""};
    int r = hf_option_text_each(text, "type", id_pair, &named, err);

    if (r == 0)
        hf_stubbing_put(s, "id", named.id); /* with its commas doubled: no other option may follow it */
    for (size_t i = 0; r == 0 && !s->bad && i < HF_ARRAY_SIZE(backends); i++) {
        if (strcmp(backends[i].option, s->option) != 0)
            continue;
        hf_stubbing_emit(s, s->option, NULL);
        hf_words_addf(&s->stub.words, "%s,%s", backends[i].backend, s->text);
    }
    return r;
}

static int nic_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    static const char *const kept[] = {"mac", "macaddr", "addr", "vectors", "name", NULL};
    bool model = !strcmp(key, "model");

    if (model && strcmp(value, "virtio") != 0 && !hf_stub_device_allowed(value))
        hf_stubbing_omit(ctx, key);
    else if (model || hf_stands_in(key, kept))
        hf_stubbing_put(ctx, key, value);
    return 0;
}

int hf_stub_nic(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    if (!strcmp(text, "none"))
        return hf_stub_keep(s, text, err);
    hf_stubbing_put(s, "type", "hubport");
    hf_stubbing_put(s, "hubid", "0");
    return hf_stubbing_rebuild(s, text, "type", nic_pair, err);
}

/* -net nic is the device; whatever else is its backend. */
int hf_stub_net(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    const char *type = strncmp(text, "type=", 5) == 0 ? text + 5 : text;

    if (!strncmp(type, "nic", 3) && (type[3] == ',' || type[3] == '\0')) {
        hf_stubbing_put(s, "type", "nic");
        return hf_stubbing_rebuild(s, text, "type", nic_pair, err);
    }
    return !strcmp(text, "none") ? hf_stub_keep(s, text, err) : 0;
}

int hf_stub_console(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    bool stays = !strcmp(text, "none") || !strncmp(text, "chardev:", 8);

    hf_stubbing_emit(s, s->option, stays ? text : "null");
    return 0;
}

int hf_stub_nographic(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    hf_stubbing_emit(s, "machine", "graphics=off");
    hf_stubbing_emit(s, "serial", "null");
    return 0;
}

static int audio_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    if (!strcmp(key, "model"))
        hf_stubbing_put(ctx, key, value); /* one of a few names that QEMU has for this alone */
    return 0;
}

int hf_stub_audio(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    hf_stubbing_put(s, "driver", "none");
    return hf_stubbing_rebuild(s, text, "driver", audio_pair, err);
}
