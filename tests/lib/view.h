/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything that can be read from a container, as one digest: two containers with the same view hold the same values. */
#ifndef HF_TEST_VIEW_H
#define HF_TEST_VIEW_H

#include "ground.h"

#include "contract.h"
#include "eventlog.h"
#include "roms.h"
#include "settings.h"
#include "state.h"

struct view {
    struct hf_digester *all;
    struct hf_error err; /* of the first read that failed */
    int failed;
};

static inline void view_add(struct view *v, int r, const void *bytes, size_t size)
{
    if (r >= 0)
        hf_digest_add(v->all, bytes, size);
    else if (r != -HF_ENOTFOUND && !v->failed)
        v->failed = r;
}

static inline int view_event(void *ctx, const struct hf_event *event)
{
    hf_digest_add(((struct view *)ctx)->all, event, sizeof *event);
    return 0;
}

static inline int view_contract(void *ctx, const struct hf_contract *contract)
{
    hf_digest_add(((struct view *)ctx)->all, contract->domain, strlen(contract->domain));
    hf_digest_add(((struct view *)ctx)->all, contract->bytes, contract->size);
    return 0;
}

#define VIEW(call, value)                                                                                              \
    (memset(&(value), 0, sizeof(value)), !v.failed ? view_add(&v, (call), &(value), sizeof(value)) : (void)0)

static inline void view_images(struct hf_container *c, struct view *view)
{
    static struct hf_image list[HF_IMAGES_MAX];
    size_t count = 0;
    int r = hf_image_list(c, list, &count, &view->err);

    view_add(view, r, list, r < 0 ? 0 : count * sizeof list[0]);
    for (size_t i = 0; i < count && !view->failed; i++) {
        uint8_t *bytes = NULL;
        uint64_t size = 0;

        r = hf_image_load(c, &list[i].digest, &bytes, &size, &view->err);
        view_add(view, r, bytes, (size_t)size);
        free(bytes);
    }
}

static inline void view_snapshots(struct hf_container *c, struct view *view)
{
    static struct hf_snapshot list[HF_SNAPSHOTS_MAX];
    static uint8_t bytes[BANK_SIZE];
    size_t count = 0;
    int r = hf_snapshot_list(c, list, &count, &view->err);

    memset(bytes, 0, sizeof bytes);
    view_add(view, r, list, r < 0 ? 0 : count * sizeof list[0]);
    for (size_t i = 0; i < count && !view->failed; i++) {
        size_t n = list[i].size < sizeof bytes ? (size_t)list[i].size : sizeof bytes;

        view_add(view, hf_snapshot_read(c, list[i].id, 0, bytes, n, &view->err), bytes, n);
    }
}

/* Set where the epoch of a run that was just beginning does not matter. */
static bool view_without_owner;

/* The digest of all values; negative: the error of the first one that could not be read. */
static inline int view_of(struct hf_container *c, struct hf_digest *digest, struct hf_error *err)
{
    struct view v = {.all = hf_digest_begin()};
    struct hf_guest guest;
    struct hf_owner owner;
    struct hf_slot_info slot;
    struct hf_digest bank;
    static struct hf_rom roms[HF_ROMS_MAX];
    char setting[HF_SETTING_VALUE_SIZE], text[HF_STATE_VALUE_SIZE];
    uint64_t size;

    VIEW(hf_guest_get(c, &guest, &v.err), guest);
    if (!view_without_owner)
        VIEW(hf_owner_get(c, &owner, &v.err), owner);
    for (const struct hf_setting *s = hf_settings(); s->key; s++)
        VIEW(hf_setting_get(c, s->key, setting, &v.err), setting);
    VIEW(hf_state_text(c, "vmm", text, &v.err), text);
    for (enum hf_slot s = HF_SLOT_ACTIVE; s <= HF_SLOT_FALLBACK; s++) {
        size_t count = 0;

        VIEW(hf_slot_get(c, s, &slot, &v.err), slot);
        VIEW(hf_rom_list(c, s, roms, &count, &v.err), roms);
    }
    for (enum hf_bank b = HF_BANK_CODE; b <= HF_BANK_VARS; b++) {
        VIEW(hf_bank_size(c, b, &size, &v.err), size);
        VIEW(hf_bank_digest(c, b, &bank, &v.err), bank);
    }
    if (!v.failed)
        view_add(&v, hf_contract_list(c, view_contract, &v, &v.err), NULL, 0);
    if (!v.failed)
        view_add(&v, hf_event_list(c, 0, view_event, &v, &v.err), NULL, 0);
    if (!v.failed)
        view_images(c, &v);
    if (!v.failed)
        view_snapshots(c, &v);
    bank = hf_digest_end(v.all);
    if (v.failed) {
        *err = v.err;
        return v.failed;
    }
    *digest = bank;
    return 0;
}

/* A container in which every table has a row. */
static inline struct hf_container *view_container(const char *name, size_t code_size)
{
    static uint8_t code[200 << 10], bytes[9000];
    struct hf_slot_info slot = {.since = NOW, .label = "first", .origin = "/usr/share/first.fd", .has_vars = true};
    struct hf_rom rom = {.name = "vgabios.bin"};
    struct hf_container *c = NULL;

    ground_bytes(code, sizeof code, 1);
    ground_bytes(bytes, sizeof bytes, 2);
    OK(hf_container_create(ground_path(name), &ground_guest, NOW, &c, &err));
    OK(hf_begin(c, &err));
    OK(hf_image_add(c, HF_IMAGE_CODE, "first", code, code_size, NOW, &slot.code, &err));
    OK(hf_image_add(c, HF_IMAGE_VARS, "vars", code + 100, 500, NOW, &slot.vars, &err));
    OK(hf_image_add(c, HF_IMAGE_ROM, "rom", code + 1000, 600, NOW, &rom.image, &err));
    OK(hf_slot_set(c, HF_SLOT_ACTIVE, &slot, &err));
    OK(hf_rom_set(c, HF_SLOT_ACTIVE, &rom, &err));
    OK(hf_bank_resize(c, HF_BANK_CODE, (code_size + 8191) / 4096 * 4096, &err));
    OK(hf_bank_resize(c, HF_BANK_VARS, BANK_SIZE, &err));
    OK(hf_bank_write(c, HF_BANK_VARS, 3000, bytes, sizeof bytes, NULL, &err));
    OK(hf_snapshot_take(c, "test", NOW, &slot.snapshot, &err));
    OK(hf_slot_set(c, HF_SLOT_FALLBACK, &slot, &err));
    OK(hf_setting_set(c, "policy", "host", NOW, &err));
    OK(hf_state_set_text(c, "vmm", "7.2", &err));
    OK(hf_contract_set(c, "smi", "\1\2\3", 3, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    return c;
}

#endif
